//! Duplicates: when two items say the same, and which of them stays. Pure code: no Arrow, no async, no I/O.
//!
//! Each method takes down what it compares of an item (a sketch), collects sketches, and groups them around representatives ([`groups`]):
//! the items that stay, each better ranked than the members of its group. Grouping costs one pass over the items; which pairs are compared
//! at all is told by the bands of their signatures ([`bands`]).

pub mod bands;
pub mod cosine;
pub mod groups;
pub mod hamming;
mod leaders;
pub mod minhash;
pub mod near;
pub mod simhash;
pub mod text;

use std::fmt;

pub use cosine::{Cosine, CosineSketcher};
pub use groups::{Collector, Equality, GroupRow, Groups, Rank};
pub use hamming::Hamming;
pub use leaders::Joined;
pub use minhash::MinHasher;
pub use near::{Near, NearSketcher};
pub use simhash::simhash;
pub use text::normalize_text;

use xxhash_rust::xxh3::xxh3_128_with_seed;

/// What makes two items duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Their texts are the same when normalised.
    Exact,
    /// Their texts share most n-grams.
    Near,
    /// Their embeddings point in nearly the same direction.
    Semantic,
    /// They are images that look alike.
    Image,
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 4] = [Method::Exact, Method::Near, Method::Semantic, Method::Image];

    /// Its name in SQL and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Method::Exact => "exact",
            Method::Near => "near",
            Method::Semantic => "semantic",
            Method::Image => "image",
        }
    }

    /// The method of that name.
    pub fn from_name(name: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.name() == name)
    }

    /// The threshold where none is given.
    pub fn default_threshold(self) -> Threshold {
        Threshold(match self {
            Method::Exact => 1.0,
            Method::Near => 0.8,
            Method::Semantic | Method::Image => 0.9,
        })
    }

    /// A threshold for this method.
    ///
    /// # Errors
    /// [`InvalidThreshold`] for what is not above 0 and at most 1, or is less than 1 where only equal items are found.
    pub fn threshold(self, similarity: f64) -> Result<Threshold, InvalidThreshold> {
        let is_valid = match self {
            Method::Exact => similarity == 1.0,
            _ => similarity > 0.0 && similarity <= 1.0,
        };
        if is_valid { Ok(Threshold(similarity)) } else { Err(InvalidThreshold { method: self, similarity }) }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The least similarity of duplicates, from above 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Threshold(f64);

impl Threshold {
    /// As a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// A threshold that a method cannot use.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidThreshold {
    method: Method,
    similarity: f64,
}

impl fmt::Display for InvalidThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InvalidThreshold { method, similarity } = self;
        match method {
            Method::Exact => write!(f, "method exact finds equal texts: its threshold is 1, not {similarity}"),
            _ => write!(f, "the threshold of method {method} must be above 0 and at most 1, not {similarity}"),
        }
    }
}

/// What method [`Method::Exact`] compares of a text; only with texts of the same `scope`.
pub fn exact_content(text: &str, scope: u64) -> groups::Content<()> {
    groups::Content { key: text_key(&normalize_text(text), scope), sketch: () }
}

/// What equal texts of one scope have in common: 128 bits of the normalised text.
fn text_key(normal: &str, scope: u64) -> u128 {
    bytes_key(normal.as_bytes(), scope)
}

fn bytes_key(bytes: &[u8], scope: u64) -> u128 {
    xxh3_128_with_seed(bytes, scope)
}

#[cfg(test)]
mod tests;
