//! The integration tests, as one binary: each test binary links the whole engine.

mod answers;
mod client;
mod endpoint;
mod formats;
mod images;
mod output;
mod prompts;
mod rules_model;
