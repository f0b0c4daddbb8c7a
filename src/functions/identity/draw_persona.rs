//! `draw_persona(seed, sample_id, round)`: the persona a sample is rewritten for, from the run's `--personas` file.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::ids::{stable_fraction, stable_id};

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
    /// Reads one description a line; blank lines are skipped. Of a line that is a JSON object, as PersonaHub has them, it is the member `persona`.
    ///
    /// # Errors
    /// When the file cannot be read or holds no description, or a JSON object in it has none.
    pub fn load(path: &Path) -> Result<Personas> {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::io("read", path, cause))?;
        let mut lines = Vec::new();
        let numbered = (1..).zip(text.trim_start_matches('\u{feff}').lines().map(str::trim));
        for (number, line) in numbered.filter(|(_, line)| !line.is_empty()) {
            let missing = || format!("line {number} of '{}' begins like a JSON object and has no text \"persona\"", path.display());
            lines.push(description(line).ok_or_else(|| Error::argument("personas", missing()))?);
        }
        match lines.is_empty() {
            true => Err(Error::argument("personas", format!("'{}' holds no description; write one a line", path.display()))),
            false => Ok(Personas(lines)),
        }
    }

    /// What tells these descriptions from others; `None` where there are none.
    pub fn hash(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| stable_id(self.0.iter().map(|line| Some(line.as_str()))))
    }

    fn draw(&self, seed: i64, sample_id: &str, round: i64) -> Option<&str> {
        let fraction = stable_fraction([Some("persona"), Some(&seed.to_string()), Some(sample_id), Some(&round.to_string())]);
        self.0.get((fraction * self.0.len() as f64) as usize).map(String::as_str)
    }
}

/// The description in a line; `None` for a JSON object that has none.
fn description(line: &str) -> Option<String> {
    if !line.starts_with('{') {
        return Some(line.to_owned());
    }
    let object: serde_json::Value = serde_json::from_str(line).ok()?;
    let persona = object.get("persona")?.as_str()?.trim();
    (!persona.is_empty()).then(|| persona.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_text_or_an_object_with_one() {
        assert_eq!(description("A chef {of sorts}").as_deref(), Some("A chef {of sorts}"));
        assert_eq!(description(r#"{"id": 1, "persona": " A chef "}"#).as_deref(), Some("A chef"));
        for line in [r#"{"text": "A chef"}"#, r#"{"persona": ""}"#, r#"{"persona": 1}"#, r#"{"persona": "A ch"#] {
            assert_eq!(description(line), None, "{line}");
        }
    }
}
