//! Texts as vectors without a model at an endpoint.

pub mod lexical_embedding;
