//! mmevol: an embedded dataset store with a query engine, for evolving image-text instruction data.
//!
//! Seeds and evolved instructions live in Lance tables with lineage columns ([`store`]); DataFusion SQL over them ([`query`]) has functions
//! that ask a multimodal model to rewrite and to judge ([`functions`], [`model`]); rounds of evolution are statements over both
//! ([`evolution`]). The method is MMEvol's (arXiv 2409.05840).
//!
//! ```text
//! seed files + images ── import ──> images, samples, instructions (round 0)
//!                                        │ frontier    which samples, parents, operator      sql/round/
//!                                        ▼
//!                                   try_llm_evolve ──> answers ── parse, repair, fault checks
//!                                        ▼
//!                                   try_llm_score      each item against its own parent
//!                                        │ eliminate   kept, eliminated, unjudged: all stay, with the reason
//!                                        ▼
//!                                   evolutions, instructions (round n), calls, prompts, runs ──> SQL, lineage, export
//! ```
//!
//! What always holds:
//! - All rows of a command appear, or none: readers see published states only ([`store::Store::snapshot`]).
//! - Ids are hashes of identity, so a repeated run makes the same ones ([`ids`]).
//! - No query makes a model call unless its session was given a model ([`query::SessionBuilder::models`]).
//! - A failed request is a value of its row; nothing that was answered is thrown away.
//! - Nothing is deleted: what is eliminated or superseded stays, with its status and reason.

#![warn(missing_docs)]
// Whether a future that plans SQL may move between threads is told by looking through the whole syntax tree.
#![recursion_limit = "256"]

pub mod audit;
pub mod check;
// The binary needs it, and so do tests and benchmarks of what it prints; it is no part of the library's API.
#[doc(hidden)]
pub mod cli;
pub mod dedup;
pub mod diff;
pub mod distances;
pub mod diversity;
pub mod duplicates;
pub mod embedding;
pub mod error;
pub mod evolution;
pub mod export;
pub mod formats;
pub mod functions;
pub mod ids;
pub mod image;
pub mod import;
pub mod instruction;
pub mod lineage;
pub mod model;
pub mod prompt;
pub mod query;
pub mod report;
pub mod store;
pub mod text;

/// Arrow and DataFusion, in the versions whose types [`Session::collect`] and [`Session::context`] hand out.
pub use {arrow, datafusion};

pub use dedup::Dedup;
pub use embedding::Embedding;
pub use error::{Error, ErrorKind, Result};
pub use evolution::Evolution;
pub use export::Export;
pub use import::Import;
pub use model::ChatModel;
pub use query::Session;
pub use store::Store;
