//! `cosine_distance(a, b)`: how far apart the directions of two vectors are.
//!
//! In the place of the engine's function of this name, which gives NaN for vectors with an infinite or undefined number, and loses very large
//! and very small ones.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::logical_expr::ScalarUDF;

use crate::error::{Error, Result};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::{PureFunction, column};
use crate::text::distance;

const VECTOR: &str = "A list of numbers, such as a vector of llm_embed.";

static DESCRIPTION: Description = Description {
    name: "cosine_distance",
    parameters: &[
        Parameter { name: "a", kind: ParameterKind::Numbers, description: VECTOR },
        Parameter { name: "b", kind: ParameterKind::Numbers, description: VECTOR },
    ],
    optional: 0,
    section: "Text",
    summary: "One minus the cosine of the angle between two vectors: 0 for the same direction, 1 for a right angle, 2 for opposite ones. NULL for NULL \
              and where there is no angle: a vector of zeros or without numbers, one with a NULL, infinite or undefined number. Vectors of two \
              lengths are an error.",
    example: "SELECT cosine_distance([1.0, 0.0], [1.0, 1.0])",
};

/// The function.
pub fn cosine_distance() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Float64, |_, arrays, result| {
        let [a, b] = [Vectors::new(&arrays[0]), Vectors::new(&arrays[1])];
        let distances: Vec<Option<f64>> = (0..arrays[0].len()).map(|row| distance(a.get(row), b.get(row))).collect::<Result<_>>()?;
        column(distances.into_iter(), result)
    })
}

/// A column of vectors.
struct Vectors<'a> {
    lists: &'a ListArray,
    numbers: &'a Float64Array,
}

impl<'a> Vectors<'a> {
    fn new(lists: &'a ArrayRef) -> Self {
        let lists = lists.as_list();
        Vectors { lists, numbers: lists.values().as_primitive::<Float64Type>() }
    }

    /// The numbers of a vector, and whether all are there; `None` for NULL.
    fn get(&self, row: usize) -> Option<(&'a [f64], bool)> {
        let range = self.lists.value_offsets()[row] as usize..self.lists.value_offsets()[row + 1] as usize;
        let is_whole = self.numbers.nulls().is_none_or(|nulls| nulls.slice(range.start, range.len()).null_count() == 0);
        self.lists.is_valid(row).then(|| (&self.numbers.values()[range], is_whole))
    }
}

fn distance(a: Option<(&[f64], bool)>, b: Option<(&[f64], bool)>) -> Result<Option<f64>> {
    let Some(((a, a_is_whole), (b, b_is_whole))) = a.zip(b) else { return Ok(None) };
    if a.len() != b.len() {
        let message = format!("vectors of {} and of {} numbers have no angle between them", a.len(), b.len());
        let hints = vec!["vectors of one model have one length: compare those of one model only".to_owned()];
        return Err(Error::Argument { name: DESCRIPTION.name.to_owned(), message, hints });
    }
    Ok(if a_is_whole && b_is_whole { distance::cosine_distance(a, b) } else { None })
}
