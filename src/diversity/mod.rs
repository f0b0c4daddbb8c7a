//! Measures of how varied a set is: pure code, without Arrow, async or I/O. The SQL aggregates of the same names are thin adapters.
//!
//! Each [`Measure`] takes items one by one and can take in what another one of its kind has kept, so that parts of a set may be measured
//! apart. The order of the items never matters, and neither does the way they are split: counts and sums are kept as integers, floating
//! point enters only when the value is computed, from sorted numbers. (A covariance of many vectors is the one exception: its last digits
//! depend on the order.) Samples are drawn by hashes of the items for the same reason.
//!
//! Formulas, sources, costs and limits are described for users in `docs/diversity.md`.

mod categories;
mod counts;
mod distinct_ngrams;
mod hashing;
mod inequality;
mod kappa;
mod mean_direction;
mod sample;
mod self_bleu;
mod state;
mod type_token_ratio;
mod unit_vector;
mod vendi;
mod words;

pub use categories::{Categories, Statistic};
pub use distinct_ngrams::DistinctNgrams;
pub use hashing::hash;
pub use inequality::NumberInequality;
pub use kappa::Kappa;
pub use mean_direction::MeanDirection;
pub use self_bleu::SelfBleu;
pub use state::{StateReader, StateWriter};
pub use type_token_ratio::TypeTokenRatio;
pub use vendi::{LARGEST_MATRIX, Vendi};

/// A measure of a set, of which it has seen some items.
pub trait Measure: std::fmt::Debug + Send + Sync + 'static {
    /// Writes all that [`merge`](Measure::merge) needs.
    fn save(&self, state: &mut StateWriter);

    /// Takes in the items that another measure with the same parameters has seen.
    ///
    /// # Errors
    /// When the two cannot belong to one set, such as vectors of different lengths.
    fn merge(&mut self, state: &mut StateReader<'_>) -> Result<(), DiversityError>;

    /// The value for the items seen so far: finite, or `None` where the measure is not defined.
    fn value(&self) -> Option<f64>;

    /// Bytes in use outside of the value itself. Takes no time.
    fn heap_bytes(&self) -> usize;
}

/// Why items cannot be measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DiversityError {
    /// Cosines need vectors of one space.
    #[error("vectors have different lengths, {first} and {other}")]
    VectorLengths {
        /// The length of the first vector.
        first: usize,
        /// The length of another one.
        other: usize,
    },

    /// Inequality is a share of a total.
    #[error("numbers must not be negative, got {number}")]
    NegativeNumber {
        /// The number.
        number: f64,
    },

    /// What was saved is not what is read.
    #[error("the state of a measure is cut off")]
    State,
}
