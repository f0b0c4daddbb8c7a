//! What can be told of a text without a model: its sentences, tokens and language, and the verb it is about.
//!
//! Pure code without Arrow, async or I/O. The SQL functions of the same names are thin adapters.

mod beginning;
pub mod distance;
pub mod encoding;
mod grouped;
pub mod language;
mod markup;
pub mod root;
mod sentences;

pub use beginning::beginning;
pub use encoding::Encoding;
pub use grouped::grouped;
pub use language::language;
pub use root::{Root, root};
pub use sentences::{sentence_count, sentences};
