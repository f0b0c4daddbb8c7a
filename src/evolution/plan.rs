//! What a run would ask for: requests counted, prompts rendered and measured, nothing sent.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use serde::Serialize;

use super::Evolution;
use super::statements::{FRONTIER, WITHOUT_IMAGES, single_count};
use crate::error::Result;
use crate::functions::llm::evolve::Row;
use crate::instruction::Operator;
use crate::query::Session;

/// Characters of English and JSON that make a token, roughly, in the tokenizers in use.
const CHARACTERS_PER_TOKEN: u64 = 4;
/// What an image costs at low detail, by OpenAI's price list.
const TOKENS_PER_IMAGE: u64 = 85;
/// Mean length of a rewritten item and of a verdict in the authors' first round (228 items, 51,911 and 12,260 tokens by the rule above).
const TOKENS_PER_ITEM: u64 = 228;
const TOKENS_PER_VERDICT: u64 = 54;
/// Rewritten items per given item in the authors' first round: 228 of 367.
const ITEMS_PER_GIVEN_ITEM: f64 = 0.62;

/// The requests of the next round that is due, by operator.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plan {
    /// The round; `None` when nothing is due.
    pub round: Option<u32>,
    /// One entry for each operator that is drawn; empty when nothing is due.
    pub requests: Vec<PlannedRequests>,
    /// Rounds after it, whose size depends on what is kept.
    pub later_rounds: u32,
    /// Samples left out because they have no image, or miss one.
    pub without_images: u64,
}

/// What one operator would ask for. Tokens and cost are estimates; cost is `None` where the model's price is unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PlannedRequests {
    /// The name of the operator.
    pub operator: String,
    /// Samples it was drawn for.
    pub samples: u64,
    /// At least one for each sample; more where it has many items.
    pub evolve_requests: u64,
    /// At most one for each evolving request.
    pub score_requests: u64,
    /// Of both kinds of requests, images included.
    pub prompt_tokens: u64,
    /// Of both kinds of answers.
    pub completion_tokens: u64,
    /// At list prices.
    pub cost_usd: Option<f64>,
}

/// Finds the first round that is due and measures its requests.
pub(super) async fn plan(evolution: &Evolution, session: &Session) -> Result<Plan> {
    let without_images = match evolution.settings.text_only {
        true => 0,
        false => single_count(session, &WITHOUT_IMAGES.bind(&evolution.parameters(1))?).await?,
    };
    for round in 1..=evolution.settings.rounds {
        let frontier = FRONTIER.bind(&evolution.parameters(round))?;
        let requests = measure(evolution, session, &frontier).await?;
        if !requests.is_empty() {
            return Ok(Plan { round: Some(round), requests, later_rounds: evolution.settings.rounds - round, without_images });
        }
    }
    Ok(Plan { without_images, ..Plan::default() })
}

async fn measure(evolution: &Evolution, session: &Session, frontier: &str) -> Result<Vec<PlannedRequests>> {
    let sql = format!("SELECT operator, image_ids, caption, objects, parents AS items, persona, part FROM ({frontier})");
    let mut batches = session.stream(&sql).await?;
    let mut planned: BTreeMap<Operator, Measured> = BTreeMap::new();
    while let Some(batch) = batches.try_next().await? {
        let rows: Vec<PlannedRow> = serde_arrow::from_record_batch(&batch)?;
        for PlannedRow { part, row } in rows {
            let Some((task, image_ids)) = row.into_task()? else { continue };
            let measured = planned.entry(task.operator).or_default();
            measured.add(&evolution.prompts.render_evolve(&task, image_ids.len())?.prompt, &task.items, image_ids.len() as u64, part == 0);
        }
    }
    Ok(planned.into_iter().map(|(operator, measured)| measured.finish(evolution, operator)).collect())
}

#[derive(serde::Deserialize)]
struct PlannedRow {
    part: i32,
    #[serde(flatten)]
    row: Row,
}

#[derive(Default)]
struct Measured {
    samples: u64,
    requests: u64,
    evolve_prompt_tokens: u64,
    evolve_completion_tokens: u64,
    score_prompt_tokens: u64,
    score_completion_tokens: u64,
}

impl Measured {
    fn add(&mut self, prompt: &str, items: &[crate::instruction::Instruction], images: u64, first_part: bool) {
        let given: usize = items.iter().map(|item| item.question.len() + item.answer.len()).sum();
        let expected = (items.len() as f64 * ITEMS_PER_GIVEN_ITEM).ceil() as u64;
        self.samples += u64::from(first_part);
        self.requests += 1;
        self.evolve_prompt_tokens += prompt.len() as u64 / CHARACTERS_PER_TOKEN + images * TOKENS_PER_IMAGE;
        self.evolve_completion_tokens += expected * TOKENS_PER_ITEM;
        // The judge reads the given items, the rewritten ones and instructions of about a thousand tokens.
        self.score_prompt_tokens += 1000 + given as u64 / CHARACTERS_PER_TOKEN + expected * TOKENS_PER_ITEM + images * TOKENS_PER_IMAGE;
        self.score_completion_tokens += expected * TOKENS_PER_VERDICT;
    }

    fn finish(self, evolution: &Evolution, operator: Operator) -> PlannedRequests {
        let evolve = evolution.prices.cost_usd(evolution.model.name(), self.evolve_prompt_tokens, self.evolve_completion_tokens);
        let score = evolution.prices.cost_usd(evolution.judge.name(), self.score_prompt_tokens, self.score_completion_tokens);
        PlannedRequests {
            operator: operator.name().to_owned(),
            samples: self.samples,
            evolve_requests: self.requests,
            score_requests: self.requests,
            prompt_tokens: self.evolve_prompt_tokens + self.score_prompt_tokens,
            completion_tokens: self.evolve_completion_tokens + self.score_completion_tokens,
            cost_usd: evolve.zip(score).map(|(evolve, score)| evolve + score),
        }
    }
}
