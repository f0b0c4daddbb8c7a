//! `parse_scores(text [, count])`: the verdicts in a judge's answer.

use arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::ScalarUDF;
use serde::{Deserialize, Serialize};

use super::answer_type;
use super::parse_instructions::Rejected;
use crate::error::{Error, Result};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::{PureFunction, column};
use crate::instruction::scores::{self, ItemScore};

static DESCRIPTION: Description = Description {
    name: "parse_scores",
    parameters: &[
        Parameter { name: "text", kind: ParameterKind::Text, description: "An answer of llm_score, as the judge wrote it." },
        Parameter {
            name: "count",
            kind: ParameterKind::Integer,
            description: "How many items were judged: items then has exactly that many elements, NULL where the judge gave no verdict that can be trusted.",
        },
    ],
    optional: 1,
    section: "Instructions",
    summary: "The verdicts in a judge's answer: struct(items, rejected, truncated, error_kind, error) with items of struct(item, improved, score, \
              reason). With count, verdicts are matched to the judged items by the number they echo, else by position if there are as many of them. \
              NULL for NULL.",
    example: "SELECT parse_scores('[{\"item\": 1, \"improved\": \"yes\", \"score\": 7, \"reason\": \"Harder.\"}]', 1)['items'][1]",
};

/// Far more than one request holds; each takes memory, whatever the judge wrote.
const MOST_JUDGED_ITEMS: usize = 10_000;

#[derive(Deserialize)]
struct Row {
    text: Option<String>,
    #[serde(default)]
    count: Option<i64>,
}

#[derive(Serialize)]
struct Answer {
    items: Vec<Option<Verdict>>,
    rejected: Vec<Rejected>,
    truncated: bool,
    error_kind: Option<&'static str>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Verdict {
    item: Option<i64>,
    improved: Option<bool>,
    score: Option<i64>,
    reason: Option<String>,
}

/// The function.
pub fn parse_scores() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, answer_type(verdict_type()), |fields, arrays, result| {
        let rows: Vec<Row> = DESCRIPTION.rows(fields, arrays)?;
        let answers: Vec<Option<Answer>> = rows.into_iter().map(answer).collect::<Result<_>>()?;
        column(answers.into_iter(), result)
    })
}

fn answer(row: Row) -> Result<Option<Answer>> {
    let count = row.count.map(judged_items).transpose()?;
    let Some(text) = row.text else { return Ok(None) };
    let parsed = scores::parse_scores(&text);
    let items = match count {
        Some(count) => scores::match_scores(&parsed.items, count).into_iter().map(|verdict| verdict.map(Verdict::from)).collect(),
        None => parsed.items.iter().map(|verdict| Some(Verdict::from(verdict))).collect(),
    };
    let (error_kind, error) = parsed.error.map(|error| (error.kind.name(), error.message)).unzip();
    let rejected = parsed.rejected.into_iter().map(Rejected::from).collect();
    Ok(Some(Answer { items, rejected, truncated: parsed.truncated, error_kind, error }))
}

fn judged_items(count: i64) -> Result<usize> {
    let usable = usize::try_from(count).ok().filter(|count| *count <= MOST_JUDGED_ITEMS);
    usable.ok_or_else(|| Error::argument("parse_scores", format!("argument 2 (count) must be 0 to {MOST_JUDGED_ITEMS}, got {count}")))
}

fn verdict_type() -> DataType {
    DataType::Struct(
        vec![
            Field::new("item", DataType::Int64, true),
            Field::new("improved", DataType::Boolean, true),
            Field::new("score", DataType::Int64, true),
            Field::new("reason", DataType::Utf8, true),
        ]
        .into(),
    )
}

impl From<&ItemScore> for Verdict {
    fn from(score: &ItemScore) -> Self {
        Verdict { item: score.item, improved: score.improved, score: score.score, reason: score.reason.clone() }
    }
}
