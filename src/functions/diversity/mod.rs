//! Aggregates over texts, categories and vectors: thin adapters to the measures in [`crate::diversity`].
//!
//! All give a Float64 that is finite, or NULL where the measure is not defined: always for no rows, and where its description says so. Rows
//! with a NULL argument are left out.

pub mod cohen_kappa;
pub mod distinct_n;
pub mod effective_number;
pub mod gini;
pub mod gini_of_numbers;
mod labels;
pub mod mattr;
pub mod mean_pairwise_distance;
pub mod normalized_entropy;
pub mod self_bleu;
pub mod shannon_entropy;
mod vectors;
pub mod vendi_score;

use arrow::array::{ArrayRef, AsArray};

use self::labels::Labels;
use crate::diversity::{Categories, Statistic};
use crate::functions::aggregate::{Gathering, Measured, TakeError};
use crate::functions::arguments::{Description, Parameter, ParameterKind};

const SECTION: &str = "Diversity";

const TEXT: Parameter = Parameter { name: "text", kind: ParameterKind::Text, description: "A text, such as instructions.question." };

const CATEGORY: Parameter = Parameter {
    name: "x",
    kind: ParameterKind::Category,
    description: "The category of a row: any value that rows can be grouped by. A list is one category; unnest it to count its elements.",
};

const VECTOR: Parameter = Parameter { name: "vector", kind: ParameterKind::Vector, description: "A vector as a list of numbers." };

/// How a measure of texts takes a batch.
fn of_texts<M>(mut add: impl FnMut(&mut M, &str)) -> impl FnMut(&mut M, &[ArrayRef]) -> Result<(), TakeError> {
    move |measure, arguments| {
        arguments[0].as_string::<i32>().iter().flatten().for_each(|text| add(measure, text));
        Ok(())
    }
}

/// The gathering of a statistic of categories.
fn of_categories(description: &'static Description, statistic: Statistic) -> Box<dyn Gathering> {
    let mut labels = Labels::default();
    Measured::begin(description, Categories::new(statistic), move |measure, arguments| {
        labels.of(&arguments[0])?.into_iter().flatten().for_each(|label| measure.add(label));
        Ok(())
    })
}
