//! The statements of a round, in the order in which they run, and the values of their parameters.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use super::{Due, Evolution, ITEMS_PER_REQUEST};
use crate::error::{Error, Result};
use crate::query::{Session, Statement, StatementParameter as Parameter};

pub(super) const FRONTIER: Statement = Statement::new("round/frontier", include_str!("../../sql/round/frontier.sql"));
pub(super) const EVOLVE: Statement = Statement::new("round/evolve", include_str!("../../sql/round/evolve.sql"));
pub(super) const ANSWERED: Statement = Statement::new("round/answered", include_str!("../../sql/round/answered.sql"));
pub(super) const ANSWERS: Statement = Statement::new("round/answers", include_str!("../../sql/round/answers.sql"));
pub(super) const ITEMS: Statement = Statement::new("round/items", include_str!("../../sql/round/items.sql"));
pub(super) const SCORE: Statement = Statement::new("round/score", include_str!("../../sql/round/score.sql"));
pub(super) const ELIMINATE: Statement = Statement::new("round/eliminate", include_str!("../../sql/round/eliminate.sql"));
pub(super) const EVOLUTIONS: Statement = Statement::new("round/evolutions", include_str!("../../sql/round/evolutions.sql"));
pub(super) const SUPERSEDED: Statement = Statement::new("round/superseded", include_str!("../../sql/round/superseded.sql"));
pub(super) const WITHOUT_IMAGES: Statement = Statement::new("round/without_images", include_str!("../../sql/round/without_images.sql"));
pub(super) const FAILURES: Statement = Statement::new("round/failures", include_str!("../../sql/round/failures.sql"));
pub(super) const CUT_OFF: Statement = Statement::new("round/cut_off", include_str!("../../sql/round/cut_off.sql"));

/// The statements of a round with their parameters bound, under the names of the tables they make: what `evolve` runs, and
/// what `evolve --dry-run` prints.
///
/// # Errors
/// Never for the embedded statements; a test binds them all.
pub fn bound_statements(evolution: &Evolution, round: u32) -> Result<Vec<(&'static str, String)>> {
    let parameters = evolution.parameters(round);
    [FRONTIER, evolution.evolve_statement(), ANSWERS, ITEMS, SCORE, ELIMINATE, EVOLUTIONS]
        .into_iter()
        .map(|statement| Ok((statement.name(), statement.bind(&parameters)?)))
        .collect()
}

impl Evolution {
    /// Where the answers come from.
    pub(super) fn evolve_statement(&self) -> Statement {
        match self.settings.due {
            Due::Judgements => ANSWERED,
            _ => EVOLVE,
        }
    }

    /// The values of every `$name` in the statements of a round, for a run that is not recorded.
    pub(super) fn parameters(&self, round: u32) -> BTreeMap<&'static str, Parameter> {
        self.run_parameters(round, "run", "1970-01-01T00:00:00Z")
    }

    /// The values of every `$name` in the statements of a round.
    pub(super) fn run_parameters(&self, round: u32, run_id: &str, now: &str) -> BTreeMap<&'static str, Parameter> {
        let settings = &self.settings;
        let sampling = serde_json::json!({
            "temperature": settings.parameters.temperature,
            "max_tokens": settings.parameters.max_tokens,
            "seed": settings.parameters.seed,
        });
        BTreeMap::from([
            ("round", Parameter::Integer(i64::from(round))),
            ("seed", Parameter::Integer(settings.parameters.seed)),
            ("operators", Parameter::Text(settings.operators.to_string())),
            ("max_items", Parameter::Integer(ITEMS_PER_REQUEST)),
            ("failed", Parameter::Boolean(settings.due == Due::Failed)),
            ("stale", Parameter::Boolean(settings.due == Due::Stale)),
            ("again", Parameter::Boolean(settings.due == Due::Chosen)),
            ("judge_only", Parameter::Boolean(settings.due == Due::Judgements)),
            ("judge", Parameter::Text(self.judge.name().to_owned())),
            ("max_tokens", Parameter::Integer(i64::from(settings.parameters.max_tokens))),
            ("text_only", Parameter::Boolean(settings.text_only)),
            ("everywhere", Parameter::Boolean(settings.predicate.is_none())),
            ("where", Parameter::Predicate(settings.predicate.clone().unwrap_or_else(|| "true".into()))),
            ("parameters", Parameter::Text(sampling.to_string())),
            ("min_score", settings.min_score.map_or(Parameter::Null, Parameter::Integer)),
            ("run_id", Parameter::Text(run_id.to_owned())),
            ("now", Parameter::Text(now.to_owned())),
        ])
    }
}

/// The one number that a query gives.
pub(super) async fn single_count(session: &Session, sql: &str) -> Result<u64> {
    let batches = session.collect(sql).await?;
    batches
        .iter()
        .find(|batch| batch.num_rows() > 0)
        .and_then(|batch| batch.column(0).as_primitive_opt::<Int64Type>().map(|counts| counts.value(0).unsigned_abs()))
        .ok_or_else(|| Error::internal("failed to count", "the query gave no number"))
}
