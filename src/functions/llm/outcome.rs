//! What a `try_` function gives for a row: a struct of the value, what went wrong and what it cost.

use arrow::datatypes::{DataType, Field};
use serde::Serialize;

use super::call::RowOutcome;
use crate::model::outcome::CallFailure;

/// The summary of the `try_` form of a function.
macro_rules! try_summary {
    ($name:literal) => {
        concat!(
            "Like ",
            $name,
            ", as struct(value, error_kind, error, attempts, prompt_tokens, completion_tokens, cost_usd, latency_ms, cached, \
             request_id, finish_reason, model, prompt_id): a failed request is a value of its row."
        )
    };
}
pub(super) use try_summary;

/// The outcome of a call as a SQL struct.
#[derive(Serialize)]
pub(super) struct OutcomeRow<'a, V> {
    value: Option<V>,
    error_kind: Option<&'static str>,
    error: Option<String>,
    attempts: u32,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    cost_usd: Option<f64>,
    latency_ms: Option<u64>,
    cached: bool,
    request_id: Option<&'a str>,
    finish_reason: Option<&'a str>,
    model: &'a str,
    prompt_id: Option<&'a str>,
}

impl<'a, V> OutcomeRow<'a, V> {
    pub(super) fn new(model: &'a str, row: &'a RowOutcome, value: Result<V, CallFailure>) -> Self {
        let outcome = &row.outcome;
        let (value, failure) = match value {
            Ok(value) => (Some(value), None),
            Err(failure) => (None, Some(failure)),
        };
        let (error_kind, error) = failure.map(|failure| (failure.kind, failure.message)).unzip();
        OutcomeRow {
            value,
            error_kind,
            error,
            attempts: outcome.attempts,
            prompt_tokens: outcome.prompt_tokens,
            completion_tokens: outcome.completion_tokens,
            cost_usd: outcome.cost_usd,
            latency_ms: outcome.latency_ms,
            cached: outcome.cached,
            request_id: outcome.request_id.as_deref(),
            finish_reason: outcome.result.as_ref().ok().map(|answer| answer.finish_reason.as_str()),
            model,
            prompt_id: row.request.as_ref().and_then(|request| request.prompt_id.as_deref()),
        }
    }
}

/// The type of such a struct about a value.
pub(super) fn outcome_type(value: DataType) -> DataType {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let count = |name: &str| Field::new(name, DataType::Int64, true);
    DataType::Struct(
        vec![
            Field::new("value", value, true),
            text("error_kind"),
            text("error"),
            count("attempts"),
            count("prompt_tokens"),
            count("completion_tokens"),
            Field::new("cost_usd", DataType::Float64, true),
            count("latency_ms"),
            Field::new("cached", DataType::Boolean, true),
            text("request_id"),
            text("finish_reason"),
            text("model"),
            text("prompt_id"),
        ]
        .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_every_field() {
        let DataType::Struct(fields) = outcome_type(DataType::Utf8) else { panic!("it is no struct") };
        let names = fields.iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ");
        assert_eq!(try_summary!("llm_x"), format!("Like llm_x, as struct({names}): a failed request is a value of its row."));
    }
}
