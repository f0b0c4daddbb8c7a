//! The statements of a round, in the order in which they run, and the values of their parameters.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use futures::TryStreamExt;

use super::{Due, Evolution, ITEMS_PER_REQUEST};
use crate::error::{Error, Result};
use crate::ids::stable_key;
use crate::model::ChatErrorKind;
use crate::query::{Session, Statement, StatementParameter as Parameter, statement};
use crate::store::{ids_in, quoted};

pub(super) const FRONTIER: Statement = statement!("round/frontier");
pub(super) const NEEDED: Statement = statement!("round/needed");
pub(super) const AFFORDABLE: Statement = statement!("round/affordable");
pub(super) const EVOLVE: Statement = statement!("round/evolve");
pub(super) const ANSWERED: Statement = statement!("round/answered");
pub(super) const ANSWERS: Statement = statement!("round/answers");
pub(super) const ITEMS: Statement = statement!("round/items");
pub(super) const SCORE: Statement = statement!("round/score");
pub(super) const REACHED: Statement = statement!("round/reached");
pub(super) const ELIMINATE: Statement = statement!("round/eliminate");
pub(super) const EVOLUTIONS: Statement = statement!("round/evolutions");
pub(super) const COUNTS: Statement = statement!("round/counts");
pub(super) const SUPERSEDED: Statement = statement!("round/superseded");
pub(super) const FALLEN_AWAY: Statement = statement!("round/fallen_away");
pub(super) const WITHOUT_IMAGES: Statement = statement!("round/without_images");
pub(super) const FAILURES: Statement = statement!("round/failures");
pub(super) const RUNS: Statement = statement!("round/runs");
pub(super) const MADE_AGAIN: Statement = statement!("round/made_again");
pub(super) const BEYOND: Statement = statement!("round/beyond");
pub(super) const EARLIER_PARENTS: Statement = statement!("round/earlier_parents");
pub(super) const STALE_PARENTS: Statement = statement!("round/stale_parents");
pub(super) const STALE_BEYOND: Statement = statement!("round/stale_beyond");
pub(super) const TOKENS: Statement = statement!("round/tokens");
pub(super) const PLANNED: Statement = statement!("round/planned");
pub(super) const PLANNED_FALLEN_AWAY: Statement = statement!("round/planned_fallen_away");
pub(super) const CUT_OFF: Statement = statement!("round/cut_off");

/// What the statements of a round say of the run they are part of.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunValues<'a> {
    pub run_id: &'a str,
    /// When it started.
    pub now: &'a str,
    /// Runs of the same command, this process's and earlier ones that it goes on with: what they made again is not made once more, and
    /// their samples are left out of later rounds.
    pub made_again: &'a [String],
    /// Whether requests that are not made leave a row.
    pub unasked: bool,
}

impl RunValues<'static> {
    /// Of a run that is not recorded.
    pub const UNRECORDED: RunValues<'static> = RunValues { run_id: "run", now: "1970-01-01T00:00:00Z", made_again: &[], unasked: false };
}

/// The statements of a round with their parameters bound, under the names of the tables they make: what `evolve` runs, and
/// what `evolve --dry-run` prints.
///
/// # Errors
/// Never for the embedded statements; a test binds them all.
pub fn bound_statements(evolution: &Evolution, round: u32) -> Result<Vec<(&'static str, String)>> {
    let parameters = evolution.parameters(round, RunValues::UNRECORDED);
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

    /// Gives the statements from table `frontier` to the verdicts their names, in a session that looks answers up rather than asking.
    pub(super) async fn show_scored(&self, session: &Session, parameters: &BTreeMap<&'static str, Parameter>) -> Result<()> {
        for (name, statement) in [("evolved", self.evolve_statement()), ("answers", ANSWERS), ("items", ITEMS), ("scored", SCORE)] {
            session.view(name, &statement.bind(parameters)?).await?;
        }
        Ok(())
    }

    /// The values of every `$name` in the statements of a round.
    pub(super) fn parameters(&self, round: u32, run: RunValues<'_>) -> BTreeMap<&'static str, Parameter> {
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
            ("made_again", of_runs(run.made_again)),
            ("delays", kinds(&ChatErrorKind::DELAYS)),
            ("endpoint_failures", kinds(&[&ChatErrorKind::DELAYS[..], &ChatErrorKind::REFUSALS_OF_ALL[..]].concat())),
            ("unasked", Parameter::Boolean(run.unasked)),
            ("rounds", Parameter::Integer(i64::from(settings.rounds))),
            ("model", Parameter::Text(self.model.name().to_owned())),
            ("run_id", Parameter::Text(run.run_id.to_owned())),
            ("now", Parameter::Text(run.now.to_owned())),
        ])
    }
}

/// The rows of some runs; none where there are no runs.
pub(super) fn of_runs(run_ids: &[String]) -> Parameter {
    match run_ids {
        [] => Parameter::Predicate("false".to_owned()),
        _ => Parameter::Predicate(ids_in("run_id", run_ids).collect::<Vec<_>>().join(" OR ")),
    }
}

/// Kinds of error as the list after `IN`.
fn kinds(kinds: &[ChatErrorKind]) -> Parameter {
    Parameter::Predicate(kinds.iter().map(|kind| quoted(kind.name())).collect::<Vec<_>>().join(", "))
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

/// The sample of each row of a query, as a key.
pub(super) async fn samples_of(session: &Session, sql: &str) -> Result<Vec<u128>> {
    let mut batches = session.stream(&format!("SELECT sample_id FROM ({sql})")).await?;
    let mut samples = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        samples.extend(batch.column(0).as_string::<i32>().iter().flatten().map(stable_key));
    }
    Ok(samples)
}
