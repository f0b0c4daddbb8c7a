//! `parse_instructions(text)`: the items in a model's answer.

use datafusion::logical_expr::ScalarUDF;
use serde::{Deserialize, Serialize};

use super::{answer_type, item_type};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::instruction::Instruction;
use crate::instruction::parse;

static DESCRIPTION: Description = Description {
    name: "parse_instructions",
    parameters: &[Parameter { name: "text", kind: ParameterKind::Text, description: "An answer of llm_evolve, as the model wrote it." }],
    optional: 0,
    section: "Instructions",
    summary: "The question-answer items in a model's answer, repaired where that is safe: struct(items, rejected, truncated, error_kind, error). \
              Faulty items are rejected one by one; error_kind says why there is no item at all. NULL for NULL.",
    example: "SELECT parse_instructions('[{\"question\": \"Is there a dog?\", \"answer\": \"Yes.\"},]')['items']",
};

#[derive(Deserialize)]
struct Row {
    text: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    items: Vec<Instruction>,
    rejected: Vec<Rejected>,
    truncated: bool,
    error_kind: Option<&'static str>,
    error: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Rejected {
    pub position: i64,
    pub reason: String,
    pub text: String,
}

/// The function.
pub fn parse_instructions() -> ScalarUDF {
    PureFunction::of_rows(&DESCRIPTION, answer_type(item_type()), |row: Row| {
        let parsed = parse::parse_instructions(&row.text?);
        let (error_kind, error) = parsed.error.map(|error| (error.kind.name(), error.message)).unzip();
        Some(Answer {
            items: parsed.items,
            rejected: parsed.rejected.into_iter().map(Rejected::from).collect(),
            truncated: parsed.truncated,
            error_kind,
            error,
        })
    })
}

impl From<parse::RejectedItem> for Rejected {
    fn from(item: parse::RejectedItem) -> Self {
        Rejected { position: item.position as i64, reason: item.reason, text: item.text }
    }
}
