//! `draw_persona(seed, sample_id, round)`: the persona a sample is rewritten for, from the run's `--personas` file.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::ids::stable_fraction;

static DESCRIPTION: Description = Description {
    name: "draw_persona",
    parameters: &[
        Parameter { name: "seed", kind: ParameterKind::Integer, description: "The seed of the run." },
        Parameter { name: "sample_id", kind: ParameterKind::Text, description: "The sample." },
        Parameter { name: "round", kind: ParameterKind::Integer, description: "The round, from 1." },
    ],
    optional: 0,
    section: "Identity",
    summary: "The persona drawn for a sample in a round, by hash, from the lines of --personas. NULL without that file.",
    example: "SELECT draw_persona(3407, 'a', 1)",
};

#[derive(Deserialize)]
struct Row {
    seed: Option<i64>,
    sample_id: Option<String>,
    round: Option<i64>,
}

/// The function, drawing from `personas`.
pub fn draw_persona(personas: Arc<Personas>) -> ScalarUDF {
    PureFunction::of_rows(&DESCRIPTION, DataType::Utf8, move |row: Row| {
        personas.draw(row.seed?, &row.sample_id?, row.round?).map(str::to_owned)
    })
}

/// Descriptions of people a question may be written for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Personas(Vec<String>);

impl Personas {
    /// Reads one description a line; blank lines are skipped.
    ///
    /// # Errors
    /// When the file cannot be read or holds no description.
    pub fn load(path: &Path) -> Result<Personas> {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::io("read", path, cause))?;
        let lines: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        match lines.is_empty() {
            true => Err(Error::argument("personas", format!("'{}' holds no description; write one a line", path.display()))),
            false => Ok(Personas(lines)),
        }
    }

    fn draw(&self, seed: i64, sample_id: &str, round: i64) -> Option<&str> {
        let fraction = stable_fraction([Some("persona"), Some(&seed.to_string()), Some(sample_id), Some(&round.to_string())]);
        self.0.get((fraction * self.0.len() as f64) as usize).map(String::as_str)
    }
}
