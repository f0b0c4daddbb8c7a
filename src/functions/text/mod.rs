//! Functions over texts and vectors: thin adapters to the pure code in [`crate::text`].

pub mod cosine_distance;
pub mod language;
pub mod root_noun;
pub mod root_verb;
pub mod sentence_count;
pub mod token_count;

use arrow::array::{ArrayRef, AsArray};

use crate::functions::arguments::{Parameter, ParameterKind};

/// The parameter of functions that take one text.
const TEXT: Parameter = Parameter { name: "text", kind: ParameterKind::Text, description: "Such as a question or an answer." };

/// What `read` makes of each text in a column of that parameter; `None` for NULL.
fn of_texts<'a, T>(texts: &'a ArrayRef, read: impl Fn(&'a str) -> Option<T> + 'a) -> impl Iterator<Item = Option<T>> + 'a {
    texts.as_string::<i32>().iter().map(move |text| read(text?))
}
