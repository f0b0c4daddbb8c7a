//! What the SQL of a round stores equals what plain loops over the recorded answers make of them.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use mmevol::Evolution;
use mmevol::evolution::{OperatorWeights, Settings};
use mmevol::ids::stable_id;
use mmevol::instruction::faults::{Fault, instruction_faults};
use mmevol::instruction::parse::parse_instructions;
use mmevol::instruction::scores::{match_scores, parse_scores};
use mmevol::instruction::{DetectedObject, Instruction};
use mmevol::model::rules::RulesModel;
use serde::Deserialize;

use crate::command::bundled_seeds;
use crate::endpoint::{Behaviour, Endpoint, evolving};
use crate::stores::{TestStore, client, shared_data};

const SEED: i64 = 11;
const ROUNDS: u32 = 2;
const ITEMS_PER_REQUEST: usize = 16;

#[derive(Deserialize)]
struct Sample {
    sample_id: String,
    objects: Vec<DetectedObject>,
}

/// An item, as stored and as computed. Rows are compared whole.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Item {
    instruction_id: String,
    sample_id: String,
    evolution_id: Option<String>,
    parent_id: Option<String>,
    root_id: Option<String>,
    round: i64,
    operator: Option<String>,
    position: i64,
    image_position: Option<String>,
    question: String,
    answer: String,
    objects: Vec<String>,
    skills: Vec<String>,
    format: String,
    steps: Vec<mmevol::instruction::Step>,
    improved: Option<bool>,
    score: Option<i64>,
    faults: Vec<String>,
    status: String,
}

#[derive(Deserialize)]
struct Attempt {
    evolution_id: String,
    sample_id: String,
    round: i64,
    part: i64,
    parent_evolution_id: Option<String>,
    operator: String,
    status: String,
    request_id: String,
    score_request_id: Option<String>,
    parents: i64,
    generated: i64,
    kept: i64,
}

#[derive(Deserialize)]
struct Call {
    request_id: String,
    response: Option<String>,
    finish_reason: Option<String>,
}

impl Item {
    fn instruction(&self) -> Instruction {
        Instruction {
            item: None,
            image_position: self.image_position.clone(),
            objects: self.objects.clone(),
            skills: self.skills.clone(),
            format: self.format.clone(),
            question: self.question.clone(),
            steps: self.steps.clone(),
            answer: self.answer.clone(),
        }
    }
}

#[tokio::test]
async fn the_embedded_model_on_real_photos() {
    let seeds = shared_data("coco128/seed.json").unwrap_or_else(|| PathBuf::from(bundled_seeds()));
    let test = TestStore::empty().await;
    test.import(&seeds).await;
    let predicate = "source_id IN (SELECT source_id FROM samples ORDER BY source_id LIMIT 40)".to_owned();
    evolve(&test, Evolution::new(test.store.clone(), Arc::new(RulesModel)), Some(predicate), None).await;
    compare(&test, None).await;
}

/// Every kind of trouble in one store: refusals, cut answers, faults, verdicts that are missing, a threshold.
#[tokio::test]
async fn a_model_that_fails_in_every_way() {
    let endpoint = Endpoint::start(|body| {
        let Behaviour::Reply { text, usage, .. } = evolving(body) else { unreachable!("it always answers") };
        match body.to_string().len() % 7 {
            0 => Behaviour::error(500, "out of luck"),
            1 => Behaviour::reply("I cannot help with that."),
            2 => Behaviour::Reply { text: text[..text.len() * 2 / 3].to_owned(), finish_reason: "length", usage },
            3 => Behaviour::reply(text.replace("\"item\": 1", "\"item\": 99").replace("OCR", "Mind Reading")),
            4 => Behaviour::reply(text.replace(" and give your reasons.", " at <bbx_1>.")),
            _ => Behaviour::Reply { text, finish_reason: "stop", usage },
        }
    });
    let sizes: Vec<usize> = (1..=15).chain([40]).collect();
    let test = TestStore::with_items(&sizes).await;
    evolve(&test, Evolution::new(test.store.clone(), client(&endpoint)), None, Some(6)).await;
    let statuses = compare(&test, Some(6)).await;
    assert_eq!(statuses, BTreeSet::from(["kept", "eliminated", "unjudged"].map(str::to_owned)), "the trouble was too small");
    let failed = test.count("SELECT count(DISTINCT error_kind) FROM evolutions WHERE status = 'failed'").await;
    assert!(failed >= 2, "only {failed} kinds of failure");
}

async fn evolve(test: &TestStore, evolution: Evolution, predicate: Option<String>, min_score: Option<i64>) {
    let mut settings = Settings { rounds: ROUNDS, predicate, min_score, text_only: min_score.is_some(), ..Settings::default() };
    settings.parameters.seed = SEED;
    evolution.settings(settings).run().await.unwrap();
    test.assert_sound().await;
}

/// Computes every round from the seeds and the recorded answers, and compares all rows. Gives the statuses that items have.
async fn compare(test: &TestStore, min_score: Option<i64>) -> BTreeSet<String> {
    let samples: Vec<Sample> = test.rows("SELECT sample_id, objects FROM samples").await;
    let samples: HashMap<String, Vec<DetectedObject>> = samples.into_iter().map(|sample| (sample.sample_id, sample.objects)).collect();
    let calls: HashMap<String, Call> = test
        .rows::<Call>("SELECT request_id, response, finish_reason FROM calls WHERE error IS NULL")
        .await
        .into_iter()
        .map(|call| (call.request_id.clone(), call))
        .collect();
    let stored: Vec<Item> = test.rows("SELECT * FROM instructions ORDER BY round, instruction_id").await;
    let attempts: Vec<Attempt> = test.rows("SELECT * FROM evolutions ORDER BY round, part").await;
    assert!(stored.len() >= 30 && !attempts.is_empty(), "too little to compare");

    let mut computed: Vec<Item> = stored.iter().filter(|item| item.round == 0).cloned().collect();
    for attempt in &attempts {
        assert_eq!(attempt.operator, OperatorWeights::default().draw(SEED, &attempt.sample_id, attempt.round).name());
        let parents = parents_of(attempt, &computed);
        assert_eq!(attempt.parents, parents.len() as i64);
        let items = outcome(attempt, &parents, &samples[&attempt.sample_id], &calls, min_score);
        let with_status = |status: &str| items.iter().filter(|item| item.status == status).count() as i64;
        let status = match (items.is_empty(), with_status("kept"), with_status("unjudged")) {
            (false, 1.., _) => "kept",
            (false, 0, 0) => "eliminated",
            _ => "failed",
        };
        let stored = (attempt.generated, attempt.kept, attempt.status.as_str());
        assert_eq!(stored, (items.len() as i64, with_status("kept"), status), "{}", attempt.evolution_id);
        computed.extend(items);
    }
    computed.sort_by(|one, other| (one.round, &one.instruction_id).cmp(&(other.round, &other.instruction_id)));
    assert_eq!(computed.len(), stored.len());
    for (computed, stored) in computed.iter().zip(&stored) {
        assert_eq!(computed, stored);
    }
    stored.into_iter().map(|item| item.status).collect()
}

/// The items that an attempt was given, in order: the kept ones of one evolution (or the seeds) in the latest earlier round that kept any, and of
/// those its own part.
fn parents_of(attempt: &Attempt, computed: &[Item]) -> Vec<Item> {
    let kept = |item: &&Item| item.sample_id == attempt.sample_id && item.round < attempt.round && item.status == "kept";
    let latest = computed.iter().filter(kept).map(|item| item.round).max().expect("seeds are kept");
    let siblings = computed.iter().filter(kept).filter(|item| item.round == latest && item.evolution_id == attempt.parent_evolution_id);
    let mut siblings: Vec<&Item> = siblings.collect();
    siblings.sort_by_key(|item| item.position);
    let parts = siblings.len().div_ceil(ITEMS_PER_REQUEST);
    let in_part = |index: usize| (index * parts / siblings.len()) as i64 == attempt.part;
    siblings.iter().enumerate().filter(|(index, _)| in_part(*index)).map(|(_, item)| (*item).clone()).collect()
}

/// What an attempt makes of its answers.
fn outcome(
    attempt: &Attempt,
    parents: &[Item],
    objects: &[DetectedObject],
    calls: &HashMap<String, Call>,
    min_score: Option<i64>,
) -> Vec<Item> {
    let Some(call) = calls.get(&attempt.request_id) else { return Vec::new() };
    let parsed = parse_instructions(call.response.as_deref().unwrap_or_default());
    let given: Vec<Instruction> = parents.iter().map(Item::instruction).collect();
    let truncated = parsed.truncated || call.finish_reason.as_deref() == Some("length");
    let mut items: Vec<Item> = Vec::new();
    let mut judged = Vec::new();
    for (position, item) in parsed.items.iter().enumerate() {
        let mut faults = instruction_faults(item, objects, &given);
        let fatal = faults.iter().any(|fault| fault.is_fatal());
        if truncated {
            faults.push(Fault::Truncated);
        }
        if !fatal {
            judged.push(position);
        }
        let parent = item.item.and_then(|number| parents.get(usize::try_from(number).ok()?.checked_sub(1)?));
        items.push(Item {
            instruction_id: stable_id([Some("instruction"), Some(&attempt.evolution_id), Some(&position.to_string())]),
            sample_id: attempt.sample_id.clone(),
            evolution_id: Some(attempt.evolution_id.clone()),
            parent_id: parent.map(|parent| parent.instruction_id.clone()),
            root_id: parent.and_then(|parent| parent.root_id.clone()),
            round: attempt.round,
            operator: Some(attempt.operator.clone()),
            position: position as i64,
            image_position: item.image_position.clone(),
            question: item.question.clone(),
            answer: item.answer.clone(),
            objects: item.objects.clone(),
            skills: item.skills.clone(),
            format: item.format.clone(),
            steps: item.steps.clone(),
            improved: None,
            score: None,
            faults: faults.iter().map(|fault| fault.name().to_owned()).collect(),
            status: if fatal { "eliminated" } else { "unjudged" }.to_owned(),
        });
    }
    let verdicts =
        attempt.score_request_id.as_ref().and_then(|id| calls.get(id)).and_then(|call| call.response.as_deref()).unwrap_or_default();
    for (position, score) in judged.iter().zip(match_scores(&parse_scores(verdicts).items, judged.len())) {
        let Some(score) = score else { continue };
        let item = &mut items[*position];
        (item.improved, item.score) = (score.improved, score.score);
        item.status = match (score.improved, min_score, score.score) {
            (None, ..) | (Some(true), Some(_), None) => "unjudged",
            (Some(true), None, _) => "kept",
            (Some(true), Some(least), Some(score)) if score >= least => "kept",
            _ => "eliminated",
        }
        .to_owned();
    }
    items
}
