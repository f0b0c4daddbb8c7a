//! What a run would ask for: requests made, looked up among earlier answers and measured; nothing sent, nothing written.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::estimate::{Estimator, Tokens};
use super::statements::{FALLEN_AWAY, FRONTIER, PLANNED, PLANNED_FALLEN_AWAY, RunValues, STALE_PARENTS, samples_of, single_count};
use super::{Due, Estimate, Evolution, TokenRates, round};
use crate::error::Result;
use crate::functions::llm::evolve::Row;
use crate::ids::stable_key;
use crate::instruction::Operator;
use crate::model::spending::Spending;
use crate::query::{Session, StatementParameter as Parameter, temporary_folder};

/// What a run would ask for.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plan {
    /// By round, operator and reason; empty when nothing is due.
    pub requests: Vec<PlannedRequests>,
    /// All of them together.
    pub total: PlannedTotal,
    /// What the figures of tokens rest on.
    pub rates: TokenRates,
    /// With [`Due::Stale`], evolutions whose items fall away, over all rounds: superseded without a request, with nothing in their place. As the store is
    /// now; `more_may_fall_away` says whether what happens in earlier rounds may add to it.
    pub fallen_away: u64,
    /// Whether rounds stand after one of which something is made again or falls away.
    pub more_may_fall_away: bool,
    /// With [`Due::New`] or [`Due::Failed`], samples that go on from stale parents: what is made of them is stale as well.
    pub stale_parents: u64,
    /// With [`Due::Stale`], stale evolutions that are left alone, since they are of rounds beyond [`Settings::rounds`](super::Settings::rounds).
    pub stale_beyond: u64,
    /// Samples left out because they have no image, or miss one.
    pub without_images: u64,
    /// Answers of a command that was cut off, or still runs, could not be looked at: another process holds them.
    pub journal_unread: bool,
}

/// What is asked for in one round with one operator for one reason.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PlannedRequests {
    /// From 1.
    pub round: u32,
    /// The name of the operator.
    pub operator: String,
    /// Why: `new`, `failed`, `stale: prompt` and so on, `chosen`, `another judge`; or `follows round N`, which takes these samples up first.
    pub due: String,
    /// Samples it was drawn for.
    pub samples: u64,
    /// How much is asked.
    #[serde(flatten)]
    pub total: PlannedTotal,
}

/// So many requests, and what they would cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PlannedTotal {
    /// To rewrite: at least one for each sample; more where it has many items.
    pub evolve_requests: u64,
    /// To judge: at most one for each request to rewrite.
    pub score_requests: u64,
    /// Of both kinds, those that were answered before and cost nothing.
    pub cached: u64,
    /// Of the requests that are not cached, images included.
    pub prompt_tokens: Estimate,
    /// Of their answers.
    pub completion_tokens: Estimate,
    /// In US dollars at list prices; `None` where a price is unknown.
    pub cost_usd: Option<Estimate>,
}

impl Plan {
    /// The first round in which anything is due.
    pub fn first_round(&self) -> Option<u32> {
        self.requests.first().map(|planned| planned.round)
    }
}

impl PlannedTotal {
    /// Requests that are not answered yet.
    pub fn calls(&self) -> u64 {
        self.evolve_requests + self.score_requests - self.cached
    }

    /// Adds another part of a plan.
    pub fn add(&mut self, other: &PlannedTotal) {
        self.evolve_requests += other.evolve_requests;
        self.score_requests += other.score_requests;
        self.cached += other.cached;
        self.prompt_tokens += other.prompt_tokens;
        self.completion_tokens += other.completion_tokens;
        self.cost_usd = self.cost_usd.zip(other.cost_usd).map(|(a, b)| a + b);
    }
}

/// Counts of one line of the plan.
#[derive(Default)]
struct Group {
    samples: u64,
    evolve_requests: u64,
    score_requests: u64,
    cached: u64,
    evolve: Tokens,
    score: Tokens,
}

type Groups = BTreeMap<(u32, Operator, String), Group>;

/// A row of `round/planned.sql`.
#[derive(Deserialize)]
struct PlannedRow {
    sample_id: String,
    due: String,
    is_unanswered: bool,
    pairs: i64,
    is_unjudged: bool,
    #[serde(flatten)]
    row: Row,
}

/// Plans every round.
pub(super) async fn plan(evolution: &Evolution) -> Result<Plan> {
    // Nothing may be asked: a request that is not answered by an earlier call is one that a run would make.
    let spending = Arc::new(Spending::new(Some(0), None).until(CancellationToken::new()));
    let (models, is_journal_read) = round::models(evolution, &spending).over_readable(&evolution.store, "evolve --dry-run").await?;
    let session = Session::builder()
        .store(evolution.store.clone())
        .models(Arc::new(models))
        .prompts(Arc::clone(&evolution.prompts))
        .personas(Arc::clone(&evolution.personas))
        .build()
        .await?;
    evolution.check_predicate(&session).await?;
    session.collect("SET mmevol.keep_order = false").await?;
    let made_again = evolution.made_again(&session).await?;
    let run = RunValues { made_again: &made_again, unasked: true, ..RunValues::UNRECORDED };
    let without_images = evolution.count_without_images(&session).await?;
    let stale_beyond = match evolution.settings.due {
        Due::Stale => evolution.count_stale_beyond(&session).await?,
        _ => 0,
    };
    let estimator = Estimator::new(evolution, &session).await?;
    let mut planner =
        Planner { evolution, estimator, groups: Groups::new(), taken_up: HashSet::new(), plan: Plan { stale_beyond, ..Plan::default() } };
    for round in 1..=evolution.settings.rounds {
        planner.round(&session, round, run).await?;
    }
    Ok(Plan { without_images, journal_unread: !is_journal_read, ..planner.finish() })
}

struct Planner<'a> {
    evolution: &'a Evolution,
    estimator: Estimator,
    groups: Groups,
    /// Samples that a round takes up: what later rounds ask of them depends on what is kept.
    taken_up: HashSet<u128>,
    /// What is known beside the requests.
    plan: Plan,
}

impl Planner<'_> {
    async fn round(&mut self, session: &Session, round: u32, run: RunValues<'_>) -> Result<()> {
        let parameters = self.evolution.parameters(round, run);
        // On disk: planned in one piece with all that rests on it, it takes more stack than a thread has by default.
        let folder = temporary_folder()?;
        let requests = session.keep("frontier", &FRONTIER.bind(&parameters)?, folder.path()).await?;
        self.look_at_parents(session, round, requests, FALLEN_AWAY.bind(&parameters)?).await?;
        self.evolution.show_scored(session, &parameters).await?;
        let later_rounds = self.later_rounds(session, round).await?;
        let mut here = HashSet::new();
        let mut batches = session.stream(PLANNED.text()).await?;
        while let Some(batch) = batches.try_next().await? {
            for row in serde_arrow::from_record_batch::<Vec<PlannedRow>>(&batch)? {
                let sample = stable_key(&row.sample_id);
                if !self.taken_up.contains(&sample) {
                    self.add(round, row, here.insert(sample), sample, &later_rounds)?;
                }
            }
        }
        self.taken_up.extend(here);
        Ok(())
    }

    /// Counts what falls away, and who goes on from stale parents, where there are requests at all.
    async fn look_at_parents(&mut self, session: &Session, round: u32, requests: u64, fallen_away: String) -> Result<()> {
        match self.evolution.settings.due {
            Due::Stale => {
                let comes_after = !self.taken_up.is_empty() || self.plan.fallen_away > 0;
                self.plan.more_may_fall_away |= comes_after && !been_through(session, round).await?.is_empty();
                let parameters = [("round", Parameter::Integer(round.into())), ("fallen_away", Parameter::Predicate(fallen_away))].into();
                self.plan.fallen_away += single_count(session, &PLANNED_FALLEN_AWAY.bind(&parameters)?).await?;
            }
            Due::New | Due::Failed if round > 1 && requests > 0 => {
                let of_stale = samples_of(session, STALE_PARENTS.text()).await?;
                self.plan.stale_parents += of_stale.iter().filter(|sample| !self.taken_up.contains(*sample)).count() as u64;
            }
            Due::New | Due::Failed | Due::Chosen | Due::Judgements => {}
        }
        Ok(())
    }

    /// The rounds after `round` that follow it, each with the samples that go through it again where that does not hold for all.
    async fn later_rounds(&self, session: &Session, round: u32) -> Result<Vec<(u32, Option<HashSet<u128>>)>> {
        let mut rounds = Vec::new();
        for later in round + 1..=self.evolution.settings.rounds {
            match self.evolution.settings.due {
                Due::New | Due::Failed => rounds.push((later, None)),
                Due::Stale => rounds.push((later, Some(been_through(session, later).await?))),
                // What descends from them becomes stale.
                Due::Chosen | Due::Judgements => {}
            }
        }
        Ok(rounds)
    }

    fn add(
        &mut self,
        round: u32,
        planned: PlannedRow,
        is_first_part: bool,
        sample: u128,
        later_rounds: &[(u32, Option<HashSet<u128>>)],
    ) -> Result<()> {
        let PlannedRow { sample_id, due, is_unanswered, pairs, is_unjudged, row } = planned;
        let Some((task, image_ids)) = row.into_task()? else { return Ok(()) };
        let Evolution { settings, prompts, .. } = self.evolution;
        let (items, images) = (task.items.len(), image_ids.len());
        let item_bytes = task.items.iter().map(|item| item.question.len() + item.answer.len()).sum();
        let is_judged = is_unanswered || pairs > 0;
        // Prompts of the operators hardly differ in length: this one tells of later rounds as well.
        let prompt_bytes = match is_unanswered || !later_rounds.is_empty() {
            true => prompts.render_evolve(&task, images)?.prompt.len(),
            false => 0,
        };
        let group = self.groups.entry((round, task.operator, due)).or_default();
        group.samples += u64::from(is_first_part);
        if settings.due != Due::Judgements {
            group.evolve_requests += 1;
            group.cached += u64::from(!is_unanswered);
        }
        group.score_requests += u64::from(is_judged);
        group.cached += u64::from(is_judged && !is_unanswered && !is_unjudged);
        if is_unanswered {
            group.evolve += self.estimator.evolve(prompt_bytes, items, images);
            group.score += self.estimator.score(item_bytes, items, images);
        } else if is_unjudged {
            group.score += self.estimator.score_pairs(usize::try_from(pairs).unwrap_or_default(), images);
        }
        for (later, samples) in later_rounds {
            if samples.as_ref().is_some_and(|samples| !samples.contains(&sample)) {
                continue;
            }
            let operator = settings.operators.draw(settings.parameters.seed, &sample_id, i64::from(*later));
            let group = self.groups.entry((*later, operator, format!("follows round {round}"))).or_default();
            group.samples += u64::from(is_first_part);
            group.evolve_requests += 1;
            group.score_requests += 1;
            group.evolve += self.estimator.following_evolve(prompt_bytes, item_bytes, items, images);
            group.score += self.estimator.following_score(items, images);
        }
        Ok(())
    }

    fn finish(self) -> Plan {
        let requests: Vec<PlannedRequests> = self
            .groups
            .into_iter()
            .map(|((round, operator, due), group)| {
                let (samples, operator) = (group.samples, operator.name().to_owned());
                PlannedRequests { round, operator, due, samples, total: total(self.evolution, &group) }
            })
            .collect();
        let mut total = total(self.evolution, &Group::default());
        requests.iter().for_each(|planned| total.add(&planned.total));
        Plan { requests, total, rates: self.estimator.rates, ..self.plan }
    }
}

fn total(evolution: &Evolution, group: &Group) -> PlannedTotal {
    let cost = |model: &str, tokens: &Tokens| {
        let cost = |prompt: f64, completion: f64| evolution.prices.cost_usd(model, prompt.round() as u64, completion.round() as u64);
        let Tokens { prompt, completion } = tokens;
        Some(Estimate {
            low: cost(prompt.low, completion.low)?,
            likely: cost(prompt.likely, completion.likely)?,
            high: cost(prompt.high, completion.high)?,
        })
    };
    let evolve = match evolution.settings.due {
        // Whoever is not asked costs nothing, at whatever price.
        Due::Judgements => Some(Estimate::default()),
        _ => cost(evolution.model.name(), &group.evolve),
    };
    let score = cost(evolution.judge.name(), &group.score);
    PlannedTotal {
        evolve_requests: group.evolve_requests,
        score_requests: group.score_requests,
        cached: group.cached,
        prompt_tokens: (group.evolve.prompt + group.score.prompt).map(f64::round),
        completion_tokens: (group.evolve.completion + group.score.completion).map(f64::round),
        cost_usd: evolve.zip(score).map(|(evolve, score)| evolve + score),
    }
}

/// The samples that a round was tried for.
async fn been_through(session: &Session, round: u32) -> Result<HashSet<u128>> {
    let samples = samples_of(session, &format!("SELECT DISTINCT sample_id FROM evolutions WHERE round = {round}")).await?;
    Ok(samples.into_iter().collect())
}
