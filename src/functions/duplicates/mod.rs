//! Functions that tell how alike texts are: thin adapters to the pure code in [`crate::duplicates`].

pub mod minhash;
pub mod minhash_similarity;
pub mod normalize_text;
pub mod simhash;

use crate::functions::arguments::{Parameter, ParameterKind};

/// The parameter of functions that take a text.
const TEXT: Parameter = Parameter { name: "text", kind: ParameterKind::Text, description: "Any text, such as instructions.question." };

/// The section that these functions are listed under.
const SECTION: &str = "Duplicates";
