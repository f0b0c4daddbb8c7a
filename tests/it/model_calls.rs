//! What a query asks a model: the requests that arrive, counted, for every place in which a call may stand.

mod analyzed;
mod answered_before;
mod bad_answers;
mod bad_requests;
mod endpoints;
pub mod harness;
mod limits;
mod options;
mod order;
mod pace;
mod places;
mod refusals;
mod sources;
mod statements;
