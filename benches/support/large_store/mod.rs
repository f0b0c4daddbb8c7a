//! A store as years of use would leave it: of any size, with images, three rounds, failures and calls, made of the real texts of the authors'
//! 1,612 demo seeds. The same size makes the same store, down to every id.
//!
//! Rows go through the store's own writer, one published run for the import and one for each round, in the order in which `mmevol` writes them.
//! Only the answers were not asked of any model; so `mmevol check` finds nothing wrong.

mod corpus;
mod rows;
mod sink;

use std::path::Path;

use mmevol::Store;
use mmevol::evolution::OperatorWeights;
use mmevol::ids::stable_id;
use mmevol::instruction::{Instruction, Operator};
use mmevol::model::Parameters;
use mmevol::prompt::PromptLibrary;
use mmevol::store::{CallRecord, Table};
use serde_json::json;

use self::corpus::{Corpus, Dice};
use self::rows::{Bytes, EvolutionRow, ImageRow, InstructionRow, Making, PromptRow, SampleRow};
use self::sink::Sink;

/// The authors' demo seeds, where they are at hand.
const SEEDS: &str = "../shared/data/mmevol_demo/seeds.json";

/// Samples of a store with a million instructions, as many as the authors evolved.
const SAMPLES_OF_A_MILLION: usize = 163_000;

const SOURCE: &str = "generated";
const ROUNDS: usize = 3;
const ITEMS_PER_REQUEST: usize = 16;
const MODEL: &str = "bench";

/// What befalls an evolution or an item, as shares of all. The judge's is that of the authors' first round.
const KEPT: f64 = 0.8;
const FAILED: f64 = 0.01;
const CUT_OFF: f64 = 0.002;

/// A sample between two rounds.
struct Sample {
    number: usize,
    sample_id: String,
    content_hash: String,
    /// What the next round rewrites: the kept items of each evolution of the latest round that kept any.
    parents: Vec<Siblings>,
}

/// Items of one evolution, or the seeds.
struct Siblings {
    evolution_id: Option<String>,
    items: Vec<Item>,
}

#[derive(Clone)]
struct Item {
    instruction_id: String,
    root_id: String,
}

/// Makes a store with about `instructions` instructions in `directory`, which must not hold one.
pub async fn make(directory: &Path, instructions: usize) -> Store {
    let corpus = Corpus::read(Path::new(SEEDS));
    let store = Store::create(directory).await.unwrap();
    let mut samples = import(&store, &corpus, (instructions * SAMPLES_OF_A_MILLION).div_ceil(1_000_000)).await;
    // As a round writes them.
    samples.sort_by(|one, other| one.sample_id.cmp(&other.sample_id));
    let prompts = PromptLibrary::embedded();
    for round in 1..=ROUNDS {
        evolve(&store, &corpus, &prompts, &mut samples, round).await;
    }
    store
}

async fn import(store: &Store, corpus: &Corpus, count: usize) -> Vec<Sample> {
    let mut writer = store.writer("import", json!({ "source": SOURCE })).await.unwrap();
    let making = Making { run_id: writer.run_id().to_owned(), time: writer.started_at() };
    let mut image_rows = Sink::start(&mut writer, Table::Images).await;
    let mut sample_rows = Sink::start(&mut writer, Table::Samples).await;
    let mut instruction_rows = Sink::start(&mut writer, Table::Instructions).await;
    let jpeg = corpus::small_jpeg();
    let mut samples = Vec::with_capacity(count);
    for number in 0..count {
        let mut dice = Dice::new(number, 0);
        let picture = corpus.picture(number);
        let bytes = crate::support::with_comment(&jpeg, number, 16);
        let image_id = blake3::hash(&bytes).to_hex().to_string();
        let source_id = format!("{}-{number}", picture.source_id);
        let sample_id = stable_id([Some("sample"), Some(SOURCE), Some(&source_id)]);
        let content_hash = stable_id([Some("content"), Some(&source_id)]);
        image_rows
            .push(ImageRow {
                image_id: image_id.clone(),
                uri: format!("{number}.jpg"),
                format: "jpeg",
                width: 64,
                height: 64,
                bytes: Bytes(bytes),
            })
            .await;
        let mut items = Vec::new();
        for position in 0..seed_items(&mut dice) {
            let instruction_id = stable_id([Some("instruction"), Some(&sample_id), Some(&position.to_string())]);
            items.push(Item { instruction_id: instruction_id.clone(), root_id: instruction_id.clone() });
            let row = InstructionRow {
                root_id: Some(instruction_id.clone()),
                operator: "seed",
                ..making.instruction(instruction_id, &sample_id, 0, position, corpus.seed(&mut dice))
            };
            instruction_rows.push(row).await;
        }
        sample_rows
            .push(SampleRow {
                sample_id: sample_id.clone(),
                source: SOURCE,
                source_id,
                image_ids: vec![image_id],
                missing_images: Vec::new(),
                caption: picture.caption.clone(),
                objects: picture.objects.clone(),
                topics: Vec::new(),
                content_hash: content_hash.clone(),
                run_id: making.run_id.clone(),
                imported_at: making.time,
            })
            .await;
        samples.push(Sample { number, sample_id, content_hash, parents: vec![Siblings { evolution_id: None, items }] });
    }
    image_rows.finish(&mut writer).await;
    sample_rows.finish(&mut writer).await;
    instruction_rows.finish(&mut writer).await;
    writer.publish(json!({ "samples": count })).await.unwrap();
    samples
}

/// Mostly one to three, as in the authors' 163,000; now and then a conversation so long that it takes several requests. With [`KEPT`] a million
/// instructions come of 163,000 samples.
fn seed_items(dice: &mut Dice) -> usize {
    match dice.below(1000) {
        0 => 40,
        1..501 => 1,
        501..836 => 2,
        _ => 3,
    }
}

async fn evolve(store: &Store, corpus: &Corpus, prompts: &PromptLibrary, samples: &mut [Sample], round: usize) {
    let mut writer = store.writer("evolve", json!({ "model": MODEL })).await.unwrap();
    let making = Making { run_id: writer.run_id().to_owned(), time: writer.started_at() };
    if round == 1 {
        let row = |prompt: &mmevol::prompt::Prompt| PromptRow {
            prompt_id: prompt.prompt_id.clone(),
            name: prompt.name.clone(),
            template: prompt.template.clone(),
            created_at: making.time,
        };
        let used = Operator::ALL.map(Operator::name).into_iter().chain(["score"]);
        let rows: Vec<PromptRow> = used.map(|name| row(prompts.get(name).unwrap())).collect();
        writer.append_rows(Table::Prompts, &rows).await.unwrap();
    }
    let mut instruction_rows = Sink::start(&mut writer, Table::Instructions).await;
    let mut evolution_rows = Sink::start(&mut writer, Table::Evolutions).await;
    let mut call_rows = Sink::start(&mut writer, Table::Calls).await;
    for sample in samples.iter_mut() {
        let mut dice = Dice::new(sample.number, round);
        let mut kept = Vec::new();
        for (parent_evolution_id, part, parents) in parts(&sample.parents) {
            let made = Attempt { sample, round, part, parent_evolution_id, parents }.made(corpus, prompts, &making, &mut dice);
            let items = made.instructions.iter().filter(|row| row.status == "kept");
            let items: Vec<Item> = items
                .map(|row| Item { instruction_id: row.instruction_id.clone(), root_id: row.root_id.clone().unwrap_or_default() })
                .collect();
            if !items.is_empty() {
                kept.push(Siblings { evolution_id: Some(made.evolution.evolution_id.clone()), items });
            }
            for row in made.instructions {
                instruction_rows.push(row).await;
            }
            for call in made.calls {
                call_rows.push(call).await;
            }
            evolution_rows.push(made.evolution).await;
        }
        if !kept.is_empty() {
            sample.parents = kept;
        }
    }
    instruction_rows.finish(&mut writer).await;
    evolution_rows.finish(&mut writer).await;
    call_rows.finish(&mut writer).await;
    writer.publish(json!({ "round": round })).await.unwrap();
}

/// Each request of a sample: from which evolution's items, which part of them.
fn parts(parents: &[Siblings]) -> Vec<(Option<&str>, usize, &[Item])> {
    let mut parts = Vec::new();
    for Siblings { evolution_id, items } in parents {
        let count = items.len().div_ceil(ITEMS_PER_REQUEST);
        for part in 0..count {
            let own = (part * items.len()).div_ceil(count)..((part + 1) * items.len()).div_ceil(count);
            parts.push((evolution_id.as_deref(), part, &items[own]));
        }
    }
    parts
}

/// One request to rewrite, and the one to judge.
struct Attempt<'a> {
    sample: &'a Sample,
    round: usize,
    part: usize,
    parent_evolution_id: Option<&'a str>,
    parents: &'a [Item],
}

struct Made {
    evolution: EvolutionRow,
    instructions: Vec<InstructionRow>,
    calls: Vec<CallRecord>,
}

impl Attempt<'_> {
    fn made(&self, corpus: &Corpus, prompts: &PromptLibrary, making: &Making, dice: &mut Dice) -> Made {
        let Parameters { temperature, max_tokens, seed } = Parameters::default();
        let parameters = json!({ "temperature": temperature, "max_tokens": max_tokens, "seed": seed }).to_string();
        let operator = OperatorWeights::default().draw(seed, &self.sample.sample_id, self.round as i64).name();
        let prompt_id = prompts.get(operator).unwrap().prompt_id.clone();
        let evolution_id = stable_id([
            Some("evolution"),
            Some(&self.sample.sample_id),
            self.parent_evolution_id,
            Some(&self.round.to_string()),
            Some(&self.part.to_string()),
            Some(operator),
            None,
            Some(&prompt_id),
            Some(MODEL),
            Some(&parameters),
            Some(&seed.to_string()),
            Some("0"),
        ]);
        let [request_id, score_request_id] = ["evolve", "score"].map(|kind| stable_id([Some("request"), Some(kind), Some(&evolution_id)]));
        let evolution = EvolutionRow {
            sample_id: self.sample.sample_id.clone(),
            round: self.round as i32,
            part: self.part as i32,
            attempt: 0,
            parent_evolution_id: self.parent_evolution_id.map(str::to_owned),
            operator,
            status: "failed",
            error_kind: None,
            error: None,
            model: MODEL,
            judge: None,
            parameters,
            sample_hash: self.sample.content_hash.clone(),
            prompt_id,
            judge_prompt_id: None,
            request_id,
            score_request_id: None,
            parents: self.parents.len() as i32,
            generated: 0,
            kept: 0,
            run_id: making.run_id.clone(),
            created_at: making.time,
            evolution_id,
        };
        if dice.chance(FAILED) {
            let error = "the endpoint answered with status 503".to_owned();
            let call = CallRecord { error: Some(error.clone()), ..making.call(evolution.request_id.clone(), "evolve", MODEL, None) };
            return Made {
                evolution: EvolutionRow { error_kind: Some("server"), error: Some(error), ..evolution },
                instructions: Vec::new(),
                calls: vec![call],
            };
        }
        let items: Vec<Instruction> = (1..=self.parents.len()).map(|item| corpus.rewritten(dice, operator, item as i64)).collect();
        let verdicts: Vec<(bool, i32)> = items.iter().map(|_| verdict(dice)).collect();
        let answer = json!({ "items": items }).to_string();
        let judged = verdicts
            .iter()
            .zip(1..)
            .map(|((improved, score), item)| json!({ "item": item, "improved": improved, "score": score, "reason": reason(*improved) }));
        let judgement = json!({ "items": judged.collect::<Vec<_>>() }).to_string();
        let mut calls = vec![
            making.call(evolution.request_id.clone(), "evolve", MODEL, Some(answer)),
            making.call(score_request_id.clone(), "score", MODEL, Some(judgement)),
        ];
        if dice.chance(CUT_OFF) {
            calls[0].finish_reason = Some("length".to_owned());
        }
        let kept = verdicts.iter().filter(|(improved, _)| *improved).count() as i32;
        let mut instructions = Vec::with_capacity(items.len());
        for ((position, item), ((improved, score), parent)) in items.into_iter().enumerate().zip(verdicts.into_iter().zip(self.parents)) {
            let instruction_id = stable_id([Some("instruction"), Some(&evolution.evolution_id), Some(&position.to_string())]);
            instructions.push(InstructionRow {
                evolution_id: Some(evolution.evolution_id.clone()),
                parent_id: Some(parent.instruction_id.clone()),
                root_id: Some(parent.root_id.clone()),
                operator,
                improved: Some(improved),
                score: Some(score),
                reason: Some(reason(improved).to_owned()),
                status: if improved { "kept" } else { "eliminated" },
                ..making.instruction(instruction_id, &self.sample.sample_id, self.round, position, item)
            });
        }
        let evolution = EvolutionRow {
            status: if kept > 0 { "kept" } else { "eliminated" },
            judge: Some(MODEL),
            judge_prompt_id: Some(prompts.get("score").unwrap().prompt_id.clone()),
            score_request_id: Some(score_request_id),
            generated: instructions.len() as i32,
            kept,
            ..evolution
        };
        Made { evolution, instructions, calls }
    }
}

/// Scores as judges give them: 5 to 9 for what they call improved.
fn verdict(dice: &mut Dice) -> (bool, i32) {
    match dice.chance(KEPT) {
        true => (true, 5 + dice.below(5) as i32),
        false => (false, 1 + dice.below(4) as i32),
    }
}

fn reason(improved: bool) -> &'static str {
    match improved {
        true => "The question asks for more than its parent: it takes several steps, and each is grounded in what the image shows.",
        false => "The question repeats its parent in other words, and its answer adds nothing that the image shows.",
    }
}
