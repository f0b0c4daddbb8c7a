//! One round: the statements of `sql/round/` in order, then one commit.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::AsArray;
use serde::Serialize;

use super::affordable::{CALLS_OF_ONE, limit_frontier};
use super::stage::Stage;
use super::statements::{
    ANSWERS, COUNTS, EARLIER_PARENTS, ELIMINATE, EVOLUTIONS, FALLEN_AWAY, FRONTIER, ITEMS, REACHED, RunValues, SCORE, STALE_PARENTS,
    SUPERSEDED, of_runs, single_count,
};
use super::{Due, Evolution, RoundReport};
use crate::error::Result;
use crate::model::service::ModelService;
use crate::model::spending::Spending;
use crate::query::{Models, Session, StatementParameter as Parameter};
use crate::store::{SharedWriter, Table, Writer, ids_in};

/// Runs before this one that a round has to know of.
#[derive(Clone, Copy)]
pub struct Runs<'a> {
    /// The earlier rounds of this command.
    pub own: &'a [String],
    /// See [`RunValues::made_again`].
    pub made_again: &'a [String],
}

/// Runs round `round` and adds its rows to the writer's tables, unpublished.
pub async fn run(
    evolution: &Evolution,
    writer: &SharedWriter,
    round: u32,
    spending: &Arc<Spending>,
    runs: Runs<'_>,
) -> Result<RoundReport> {
    let models = Arc::new(models(evolution, spending).over(writer).await?);
    let in_flight = Arc::clone(&models.model.in_flight);
    let services = [models.model.clone(), models.judge.clone()];
    let session = Session::builder().writer(Arc::clone(writer)).models(models).personas(Arc::clone(&evolution.personas)).build().await?;
    let made = make(evolution, &session, writer, round, spending, &services, runs).await;
    drop(session);
    // What a failed round asked for is paid for as well.
    in_flight.settled().await;
    let mut report = made?;
    if evolution.settings.due == Due::Stale {
        report.fallen_away = Box::pin(remove_fallen(evolution, writer, round)).await?;
    }
    Ok(report)
}

async fn make(
    evolution: &Evolution,
    session: &Session,
    writer: &SharedWriter,
    round: u32,
    spending: &Spending,
    services: &[ModelService],
    runs: Runs<'_>,
) -> Result<RoundReport> {
    let (run_id, now) = {
        let writer = writer.lock().await;
        (writer.run_id().to_owned(), writer.started_at().to_rfc3339())
    };
    let run = RunValues { run_id: &run_id, now: &now, made_again: runs.made_again, unasked: false };
    let parameters = evolution.parameters(round, run);
    let stage = Stage::new(session, evolution.store.scratch_folder(&run_id))?;
    let mut report = RoundReport { round, ..RoundReport::default() };

    let mut frontier = FRONTIER.bind(&parameters)?;
    if evolution.settings.due == Due::Failed {
        // What the endpoint only put off is the likeliest to succeed now.
        frontier = format!("SELECT * FROM ({frontier}) ORDER BY delayed DESC, sample_id, part");
    }
    let due = stage.table("frontier", &frontier).await?;
    let requests = match spending.calls_left() {
        Some(calls) if due.saturating_mul(CALLS_OF_ONE) > calls => {
            let unasked = evolution.parameters(round, RunValues { unasked: true, ..run });
            Box::pin(limit_frontier(evolution, writer, &stage, &unasked, calls)).await?
        }
        _ => due,
    };
    report.left_out = due.saturating_sub(requests);
    if requests == 0 || spending.is_stopped() {
        return Ok(report);
    }
    if round > 1 && goes_on_from_earlier_commands(evolution, session, runs.own).await? {
        report.stale_parents = single_count(session, &format!("SELECT count(*) FROM ({})", STALE_PARENTS.text())).await?;
        evolution.progress.stale_parents.fetch_max(report.stale_parents, Ordering::Relaxed);
    }
    evolution.progress.requests.fetch_add(2 * requests, Ordering::Relaxed);
    // One plan from the frontier to the verdicts: an answer goes on to its judge while others are still being written.
    stage.view("evolved", &evolution.evolve_statement().bind(&parameters)?).await?;
    stage.view("answers", &ANSWERS.bind(&parameters)?).await?;
    stage.view("items", &ITEMS.bind(&parameters)?).await?;
    session.collect("SET mmevol.keep_order = false").await?;
    let scored = stage.table("scored", &SCORE.bind(&parameters)?).await?;
    if let Some(error) = lost(services).await {
        report.unreached = scored - stage.table("reached", &REACHED.bind(&parameters)?).await?;
        report.endpoint_lost = Some(error);
        stage.view("scored", "SELECT * FROM reached").await?;
    }
    stage.table("results", &ELIMINATE.bind(&parameters)?).await?;
    stage.table("attempts", &EVOLUTIONS.bind(&parameters)?).await?;

    // All that is asked of the session comes before the first change: it would see each as a new state, and plan its views over that.
    count(session, &mut report).await?;
    let new_prompts = new_prompts(session).await?;
    let replaced = ids(session, &SUPERSEDED.bind(&parameters)?).await?;
    let results = session.stream("SELECT * FROM results").await?;
    let attempts = session.stream("SELECT * FROM attempts").await?;
    let mut writer = writer.lock().await;
    record_prompts(evolution, &mut writer, &new_prompts).await?;
    supersede(&mut writer, replaced).await?;
    writer.append(Table::Instructions, results).await?;
    writer.append(Table::Evolutions, attempts).await?;
    Ok(report)
}

/// Whether what is due may have stale parents that nobody was told of: planning the view `stale` takes longer than most rounds need to begin.
async fn goes_on_from_earlier_commands(evolution: &Evolution, session: &Session, own_runs: &[String]) -> Result<bool> {
    if !matches!(evolution.settings.due, Due::New | Due::Failed) {
        return Ok(false);
    }
    let earlier = EARLIER_PARENTS.bind(&[("own_runs", of_runs(own_runs))].into())?;
    Ok(single_count(session, &earlier).await? > 0)
}

/// Why the model or the judge answers no more.
async fn lost(services: &[ModelService]) -> Option<String> {
    for service in services {
        if let Some(error) = service.lost().await {
            return Some(error.to_string());
        }
    }
    None
}

pub(super) fn models(evolution: &Evolution, spending: &Arc<Spending>) -> Models {
    Models {
        model: Arc::clone(&evolution.model),
        judge: Arc::clone(&evolution.judge),
        embedder: Arc::clone(&evolution.model),
        prices: Arc::clone(&evolution.prices),
        spending: Arc::clone(spending),
        prompts: Arc::clone(&evolution.prompts),
        parameters: evolution.settings.parameters,
        images: !evolution.settings.text_only,
    }
}

#[derive(Serialize)]
struct PromptRow<'a> {
    prompt_id: &'a str,
    name: &'a str,
    template: &'a str,
    created_at: chrono::DateTime<chrono::Utc>,
}

/// The ids of the prompts that this round used and that the store does not have yet.
async fn new_prompts(session: &Session) -> Result<HashSet<String>> {
    let used = "SELECT prompt_id FROM attempts WHERE prompt_id IS NOT NULL UNION SELECT judge_prompt_id FROM attempts WHERE judge_prompt_id IS NOT NULL";
    ids(session, &format!("SELECT prompt_id FROM ({used}) EXCEPT SELECT prompt_id FROM prompts")).await
}

async fn record_prompts(evolution: &Evolution, writer: &mut Writer, new: &HashSet<String>) -> Result<()> {
    let created_at = writer.started_at();
    let rows: Vec<PromptRow<'_>> = evolution
        .prompts
        .iter()
        .filter(|prompt| new.contains(&prompt.prompt_id))
        .map(|prompt| PromptRow { prompt_id: &prompt.prompt_id, name: &prompt.name, template: &prompt.template, created_at })
        .collect();
    writer.append_rows(Table::Prompts, &rows).await?;
    Ok(())
}

/// Marks what has no place in the round any more, as it is now. Returns how many evolutions that are.
async fn remove_fallen(evolution: &Evolution, writer: &SharedWriter, round: u32) -> Result<u64> {
    let session = Session::builder().writer(Arc::clone(writer)).build().await?;
    let fallen = ids(&session, &FALLEN_AWAY.bind(&evolution.parameters(round, RunValues::UNRECORDED))?).await?;
    supersede(&mut *writer.lock().await, fallen).await
}

/// Marks evolutions as replaced. Returns how many those are.
async fn supersede(writer: &mut Writer, replaced: HashSet<String>) -> Result<u64> {
    let replaced: Vec<String> = replaced.into_iter().collect();
    for listed in ids_in("evolution_id", &replaced) {
        writer.update(Table::Evolutions, &listed, "status", "'superseded'").await?;
    }
    Ok(replaced.len() as u64)
}

async fn ids(session: &Session, sql: &str) -> Result<HashSet<String>> {
    let batches = session.collect(sql).await?;
    Ok(batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned)).collect())
}

async fn count(session: &Session, report: &mut RoundReport) -> Result<()> {
    let counts = COUNTS.bind(&[("round", Parameter::Integer(report.round.into()))].into())?;
    if let Some(counted) = session.rows::<RoundReport>(&counts).await?.into_iter().next() {
        let RoundReport { left_out, unreached, stale_parents, endpoint_lost, .. } = std::mem::take(report);
        *report = RoundReport { left_out, unreached, stale_parents, endpoint_lost, ..counted };
    }
    Ok(())
}
