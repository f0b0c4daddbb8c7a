//! Evolution: round after round, samples are rewritten, judged against their own parents, and kept or eliminated.
//!
//! What a round does is the SQL in `sql/round/`; this module binds its parameters, runs it, and commits what comes out.

mod affordable;
mod chosen;
mod estimate;
mod plan;
mod round;
mod settings;
mod stage;
mod standing;
mod statements;
mod status;
mod troubles;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
pub use crate::functions::identity::{draw_operator::OperatorWeights, draw_persona::Personas};
use crate::ids::stable_id;
use crate::model::ChatModel;
use crate::model::prices::PriceTable;
use crate::model::spending::{Spending, Spent};
use crate::prompt::PromptLibrary;
use crate::query::Session;
use crate::store::{SharedWriter, Store, counters};
pub use chosen::{Chosen, item_columns};
pub use estimate::{Estimate, TokenRates};
pub use plan::{Plan, PlannedRequests, PlannedTotal};
use round::Runs;
pub use settings::{Due, Settings};
pub use standing::standing_models;
use statements::RunValues;
pub use statements::bound_statements;
pub use status::{Status, StatusFigure, status};
pub use troubles::{CommonError, Troubles};

/// Items of one request at most; a sample with more is split. Twenty rewritten items of about 230 tokens (the mean of the authors' first
/// round) fill the default answer limit of 4,096 tokens.
const ITEMS_PER_REQUEST: i64 = 16;

/// An evolution of a store by a model.
///
/// ```
/// # #[tokio::main] async fn main() -> mmevol::Result<()> {
/// use std::sync::Arc;
/// use mmevol::{Evolution, Import, Store, model::rules::RulesModel};
/// let directory = tempfile::tempdir().unwrap();
/// let store = Store::create(directory.path().join("store")).await?;
/// Import::new("examples/seeds/seed.json").run(&store).await?;
/// let evolution = Evolution::new(store, Arc::new(RulesModel));
/// let report = evolution.run().await?;
/// assert_eq!(report.rounds.len(), 3);
/// let status = evolution.status().await?;
/// assert_eq!((status.figures[0].samples, status.has("stale")), (7, false));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Evolution {
    store: Store,
    model: Arc<dyn ChatModel>,
    judge: Arc<dyn ChatModel>,
    settings: Settings,
    prompts: Arc<PromptLibrary>,
    prices: Arc<PriceTable>,
    personas: Arc<Personas>,
    progress: Arc<EvolutionProgress>,
}

/// How far an evolution is; safe to read while it runs.
#[derive(Debug, Default)]
pub struct EvolutionProgress {
    round: AtomicU32,
    requests: AtomicU64,
    stale_parents: AtomicU64,
    stop: CancellationToken,
    spending: std::sync::Mutex<Option<Arc<Spending>>>,
}

impl EvolutionProgress {
    /// The round that is running, from 1; 0 before the first.
    pub fn round(&self) -> u32 {
        self.round.load(Ordering::Relaxed)
    }

    /// Requests known so far, of all rounds that have begun: one to evolve and one to score each.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// As [`RoundReport::stale_parents`], of the round so far that has most; known before the first request of that round is sent.
    pub fn stale_parents(&self) -> u64 {
        self.stale_parents.load(Ordering::Relaxed)
    }

    /// Tells the evolution to stop. Requests on their way are finished, what is complete of the round is published, and [`Evolution::run`]
    /// returns; what was answered is not asked again by the next run.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// What [`EvolutionProgress::stop`] cancels.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// What was spent so far.
    pub fn spent(&self) -> Spent {
        self.spending.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|spending| spending.spent()).unwrap_or_default()
    }
}

/// What an evolution did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EvolutionReport {
    /// The rounds that were begun, in order; empty when nothing was due.
    pub rounds: Vec<RoundReport>,
    /// Of all rounds together.
    pub spent: Spent,
    /// Samples that were left out because they have no image, or miss one.
    pub without_images: u64,
    /// With [`Due::Stale`], evolutions that are stale still, since they are of rounds beyond [`Settings::rounds`].
    pub stale_beyond: u64,
    /// Why new calls stopped, if a limit or [`EvolutionProgress::stop`] stopped them.
    pub stopped: Option<String>,
    /// Whether [`EvolutionProgress::stop`] was called.
    pub interrupted: bool,
    /// Why the model or the judge answers no more; no later round was begun.
    pub endpoint_lost: Option<String>,
    /// What went wrong, over all rounds.
    pub troubles: Troubles,
}

/// What one round did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundReport {
    /// Its number, from 1.
    pub round: u32,
    /// Samples with at least one evolution in this run.
    pub samples: u64,
    /// Attempts: a sample with many items is several.
    pub evolutions: u64,
    /// Attempts without a usable item.
    pub failed: u64,
    /// Items that were read from answers.
    pub generated: u64,
    /// Items that go on to the next round.
    pub kept: u64,
    /// Items that a fault or the judge ruled out.
    pub eliminated: u64,
    /// Items without a usable verdict.
    pub unjudged: u64,
    /// Evolutions that were due and not begun because of [`Settings::max_calls`]; no later round begins before they are done.
    #[serde(default)]
    pub left_out: u64,
    /// With [`Due::Stale`], evolutions whose items fell away: superseded, with nothing in their place.
    #[serde(default)]
    pub fallen_away: u64,
    /// With [`Due::New`] or [`Due::Failed`], samples that went on from stale parents: what was made of them is stale as well, and [`Due::Stale`]
    /// makes it once more.
    #[serde(default)]
    pub stale_parents: u64,
    /// Evolutions that failed with the endpoint where it was lost: they leave no row, and are still due.
    #[serde(default)]
    pub unreached: u64,
    /// Whether a limit, or [`EvolutionProgress::stop`], kept requests of it from being made: the same run again goes on with it.
    #[serde(default)]
    pub stopped: bool,
    /// Why the model or the judge answers no more, where every call failed to reach it or too many in a row did.
    #[serde(default)]
    pub endpoint_lost: Option<String>,
    /// With [`Due::Chosen`], whether something that was chosen is left to do, in this round or a later one: the same run again goes on with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<bool>,
}

impl RoundReport {
    /// Whether the round made or replaced anything.
    pub fn changed_anything(&self) -> bool {
        self.evolutions > 0 || self.fallen_away > 0
    }
}

impl Evolution {
    /// An evolution of `store` by `model`, which also judges.
    pub fn new(store: Store, model: Arc<dyn ChatModel>) -> Evolution {
        Evolution {
            store,
            judge: Arc::clone(&model),
            model,
            settings: Settings::default(),
            prompts: Arc::new(PromptLibrary::embedded()),
            prices: Arc::new(PriceTable::embedded()),
            personas: Arc::default(),
            progress: Arc::default(),
        }
    }

    /// Another model as the judge.
    pub fn judge(mut self, judge: Arc<dyn ChatModel>) -> Self {
        self.judge = judge;
        self
    }

    /// Other settings than the defaults.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Other prompts than the embedded ones.
    pub fn prompts(mut self, prompts: PromptLibrary) -> Self {
        self.prompts = Arc::new(prompts);
        self
    }

    /// Other prices than the embedded ones.
    pub fn prices(mut self, prices: PriceTable) -> Self {
        self.prices = Arc::new(prices);
        self
    }

    /// Draws a persona for each sample.
    pub fn personas(mut self, personas: Personas) -> Self {
        self.personas = Arc::new(personas);
        self
    }

    /// Where to watch the evolution from another task.
    pub fn progress(&self) -> Arc<EvolutionProgress> {
        Arc::clone(&self.progress)
    }

    /// What a run would ask for, without asking and without writing. Requests of samples that an earlier round takes up first depend on what is
    /// kept there: they are counted as [following](PlannedRequests::due) it, at most one for each request of that round.
    ///
    /// Every request is made and looked up, so this takes as long as a run whose answers are all known. Memory is a key for each sample that
    /// is due.
    ///
    /// # Errors
    /// Those of the store, and of a predicate that does not plan.
    pub async fn plan(&self) -> Result<Plan> {
        plan::plan(self).await
    }

    /// The evolutions that [`Due::Chosen`] would make again.
    ///
    /// # Errors
    /// Those of the store, and of a predicate that does not plan.
    pub async fn chosen(&self) -> Result<Chosen> {
        let session = Session::builder().store(self.store.clone()).build().await?;
        self.check_predicate(&session).await?;
        chosen::chosen(self, &session).await
    }

    /// What the store holds, and what failed, is missing or stale and why: stale is what was made with other prompts than this evolution's. The model
    /// is not asked. [`status()`] says the same of a session.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn status(&self) -> Result<Status> {
        let session = Session::builder().store(self.store.clone()).prompts(Arc::clone(&self.prompts)).build().await?;
        status(&session).await
    }

    /// Runs every round that is due. Each round is published when it is complete, as one run; an error in a later round leaves the earlier ones.
    ///
    /// A failed request fails its sample, not the run; the sample is tried again with [`Due::Failed`]. When an endpoint that has
    /// answered is gone, no later round begins; what it failed leaves no row, and the same run again goes on with it.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) when the model answers nothing at all; those of the store, and of a predicate that does not
    /// plan.
    pub async fn run(&self) -> Result<EvolutionReport> {
        let stop = self.progress.stop.clone();
        let spending = Arc::new(Spending::new(self.settings.max_calls, self.settings.budget_usd).until(stop));
        let models = [self.model.name(), self.judge.name()];
        // Whoever is not asked costs nothing.
        let asked = if self.settings.due == Due::Judgements { &models[1..] } else { &models[..] };
        spending.check_prices(asked.iter().copied(), &self.prices)?;
        *self.progress.spending.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&spending));
        let writer: SharedWriter = Arc::new(Mutex::new(self.store.writer("evolve", self.recorded_settings()).await?));
        let session = Session::builder().writer(Arc::clone(&writer)).build().await?;
        self.check_predicate(&session).await?;

        let mut report = EvolutionReport { without_images: self.count_without_images(&session).await?, ..EvolutionReport::default() };
        let mut made_again = self.made_again(&session).await?;
        drop(session);
        let mut run_ids = Vec::new();
        for round in (1..=self.settings.rounds).take_while(|_| !spending.is_stopped()) {
            self.progress.round.store(round, Ordering::Relaxed);
            // Boxed: a round's future is large, and callers nest this one.
            let mut done = Box::pin(round::run(self, &writer, round, &spending, Runs { own: &run_ids, made_again: &made_again })).await?;
            report.spent = spending.spent();
            report.stopped = self.stopped(&spending, done.left_out);
            done.stopped = report.stopped.is_some();
            let is_last = report.stopped.is_some() || done.endpoint_lost.is_some() || round == self.settings.rounds;
            // Answers of which nothing is made yet are paid for as well.
            let has_answers = is_last && writer.lock().await.has_changes()?;
            if done.changed_anything() || has_answers {
                let run_id = writer.lock().await.run_id().to_owned();
                run_ids.push(run_id.clone());
                if matches!(self.settings.due, Due::Chosen | Due::Judgements) {
                    made_again.push(run_id);
                }
                if self.settings.due == Due::Chosen {
                    done.unfinished = Some(Box::pin(chosen::is_unfinished(self, &writer, round, &made_again)).await?);
                }
                writer.lock().await.checkpoint(counters(&done)?).await?;
            }
            report.endpoint_lost.clone_from(&done.endpoint_lost);
            report.rounds.push(done);
            if report.stopped.is_some() || report.endpoint_lost.is_some() {
                break;
            }
        }
        report.interrupted = spending.is_stopped();
        if !report.interrupted && self.settings.due == Due::Stale {
            let session = Session::builder().store(self.store.clone()).prompts(Arc::clone(&self.prompts)).build().await?;
            report.stale_beyond = self.count_stale_beyond(&session).await?;
        }
        report.troubles = Troubles::of(&self.store, &run_ids).await?;
        Ok(report)
    }

    fn stopped(&self, spending: &Spending, left_out: u64) -> Option<String> {
        if spending.is_stopped() {
            return Some("it was interrupted".into());
        }
        let (Settings { max_calls, budget_usd, .. }, spent) = (&self.settings, spending.spent());
        let calls = max_calls.and_then(|most| match spending.calls_left() {
            Some(0) if left_out + spent.not_asked > 0 => Some(format!("--max-calls {most} is reached")),
            _ => (left_out > 0).then(|| format!("--max-calls {most} had no room for more samples")),
        });
        let budget = budget_usd.and_then(|most| match (spent.cost_usd >= most, spent.uncounted) {
            (true, _) => Some(format!("--budget-usd {most} is spent")),
            (false, 0) => None,
            (false, _) => Some(format!("--budget-usd {most} could not be kept: the endpoint does not count tokens")),
        });
        calls.or(budget).or_else(|| (spent.not_asked > 0).then(|| "the budget does not allow more requests".into()))
    }

    async fn check_predicate(&self, session: &Session) -> Result<()> {
        let Some(predicate) = &self.settings.predicate else { return Ok(()) };
        session.check_where(predicate).await?;
        session.check_repeatable(predicate).await
    }

    async fn count_without_images(&self, session: &Session) -> Result<u64> {
        if self.settings.text_only {
            return Ok(0);
        }
        let sql = statements::WITHOUT_IMAGES.bind(&self.parameters(1, RunValues::UNRECORDED))?;
        statements::single_count(session, &sql).await
    }

    /// Of a session with the prompts of this evolution.
    async fn count_stale_beyond(&self, session: &Session) -> Result<u64> {
        let sql = statements::STALE_BEYOND.bind(&self.parameters(1, RunValues::UNRECORDED))?;
        statements::single_count(session, &sql).await
    }

    /// Runs that this one goes on with: what they made again is not made once more.
    async fn made_again(&self, session: &Session) -> Result<Vec<String>> {
        match self.settings.due {
            Due::Chosen => chosen::unfinished_runs(self, session).await,
            _ => Ok(Vec::new()),
        }
    }

    /// What goes into `runs.settings`; no secrets. Prompts and personas by their hash: they tell commands apart.
    fn recorded_settings(&self) -> serde_json::Value {
        let Settings { rounds, predicate, operators, parameters, min_score, text_only, due, max_calls, budget_usd } = &self.settings;
        serde_json::json!({
            "rounds": rounds, "where": predicate, "operators": operators.to_string(), "parameters": parameters, "min_score": min_score,
            "text_only": text_only, "due": due, "max_calls": max_calls, "budget_usd": budget_usd,
            "model": self.model.name(), "endpoint": self.model.endpoint(), "judge": self.judge.name(),
            "judge_endpoint": self.judge.endpoint(),
            "prompts": stable_id(self.prompts.iter().map(|prompt| Some(prompt.prompt_id.as_str()))), "personas": self.personas.hash(),
        })
    }
}
