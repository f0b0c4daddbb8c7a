//! Prepared records become rows, and rows become batches on their way to the tables.

mod ancestry;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, LargeBinaryBuilder, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;

use self::ancestry::{Ancestry, Descent};
use super::known::{Known, Standing};
use super::prepare::{Prepared, PreparedImage};
use super::replaced::Replaced;
use super::{ChangedRecords, ImportReport};
use crate::error::{Error, Result};
use crate::formats::{RecordFault, SeedItem};
use crate::ids::stable_id;
use crate::instruction::faults::Fault;
use crate::instruction::{DetectedObject, Step};
use crate::store::{Staged, Table, Writer};

/// Rows of a text table that make a batch.
const ROWS_PER_BATCH: usize = 4096;
/// Bytes of images that make a batch.
const IMAGE_BYTES_PER_BATCH: usize = 8 << 20;

/// The tables an import writes to, each with its queue.
pub struct Rows {
    source: String,
    changed_records: ChangedRecords,
    replaced: Replaced,
    run_id: String,
    time: DateTime<Utc>,
    images: Sink<PreparedImage>,
    image_bytes: usize,
    samples: Sink<SampleRow>,
    instructions: Sink<InstructionRow>,
    evolutions: Sink<EvolutionRow>,
}

#[derive(Serialize)]
struct SampleRow {
    sample_id: String,
    source: String,
    source_id: Option<String>,
    image_ids: Vec<String>,
    missing_images: Vec<String>,
    caption: Option<String>,
    objects: Vec<DetectedObject>,
    topics: Vec<String>,
    content_hash: String,
    run_id: String,
    imported_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct InstructionRow {
    instruction_id: String,
    sample_id: String,
    evolution_id: Option<String>,
    parent_id: Option<String>,
    root_id: Option<String>,
    round: i32,
    operator: Option<String>,
    position: i32,
    image_position: Option<String>,
    question: String,
    answer: String,
    objects: Vec<String>,
    skills: Vec<String>,
    format: String,
    steps: Vec<Step>,
    improved: Option<bool>,
    score: Option<i32>,
    reason: Option<String>,
    faults: Vec<&'static str>,
    status: &'static str,
    run_id: String,
    created_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct EvolutionRow {
    evolution_id: String,
    sample_id: String,
    round: i32,
    part: i32,
    attempt: i32,
    parent_evolution_id: Option<String>,
    operator: Option<String>,
    status: &'static str,
    error_kind: Option<String>,
    error: Option<String>,
    model: Option<String>,
    judge: Option<String>,
    parameters: Option<String>,
    prompt_id: Option<String>,
    judge_prompt_id: Option<String>,
    request_id: Option<String>,
    score_request_id: Option<String>,
    parents: i32,
    generated: Option<i32>,
    kept: i32,
    run_id: String,
    created_at: DateTime<Utc>,
}

impl Rows {
    /// Starts one background write a table.
    pub async fn start(writer: &mut Writer, source: String, changed_records: ChangedRecords) -> Result<Rows> {
        Ok(Rows {
            source,
            changed_records,
            replaced: Replaced::default(),
            run_id: writer.run_id().to_owned(),
            time: writer.started_at(),
            images: Sink::start(writer, Table::Images, encode_images).await?,
            image_bytes: 0,
            samples: Sink::start(writer, Table::Samples, encode_rows).await?,
            instructions: Sink::start(writer, Table::Instructions, encode_rows).await?,
            evolutions: Sink::start(writer, Table::Evolutions, encode_rows).await?,
        })
    }

    /// Adds what is new of a record.
    ///
    /// The inner result says what is wrong with the record itself.
    pub async fn add(&mut self, record: Prepared, known: &mut Known, report: &mut ImportReport) -> Result<Result<(), RecordFault>> {
        let Prepared { source_id, images, missing_images, caption, objects, topics, mut rounds, content_hash } = record;
        // A record without a key of its own is identified by what it is.
        let identity = source_id.as_deref().unwrap_or(&content_hash);
        let sample_id = stable_id([Some("sample"), Some(&self.source), Some(identity)]);
        let standing = known.sample(&sample_id, &content_hash);
        if let Some(way_out) = self.refusal(standing) {
            let message = format!("another record with this id is in source '{}' already, with other content; {way_out}", self.source);
            return Ok(Err(RecordFault { source_id, message, hint: None }));
        }
        let evolved = rounds.split_off(rounds.len().min(1));
        let seeds = rounds.pop().unwrap_or_default();
        let seed_id = |position: usize| stable_id([Some("instruction"), Some(&sample_id), Some(&position.to_string())]);
        let mut ancestry = Ancestry::default();
        for (position, item) in seeds.iter().enumerate() {
            ancestry.add(&item.origin, || {
                let id = seed_id(position);
                Descent { instruction_id: id.clone(), parent_id: None, root_id: Some(id) }
            });
        }
        if let Some(message) = self.add_evolved(&sample_id, seeds.len(), ancestry, evolved, known, report).await? {
            return Ok(Err(RecordFault { source_id, message, hint: None }));
        }
        if standing == Standing::Same {
            report.known_samples += 1;
            return Ok(Ok(()));
        }
        let seed_ids: Vec<String> = (0..seeds.len()).map(seed_id).collect();
        if standing == Standing::Changed {
            known.replace_sample(&sample_id, &content_hash);
            self.replaced.add(&sample_id, &seed_ids);
            report.updated_samples += 1;
        } else {
            report.samples += 1;
            report.instructions += seeds.len() as u64;
        }
        report.missing_images += missing_images.len() as u64;
        let image_ids = images.iter().map(|image| image.info.image_id.clone()).collect();
        for image in images {
            self.add_image(image, known, report).await?;
        }
        for ((position, item), instruction_id) in (0..).zip(seeds).zip(seed_ids) {
            let row = InstructionRow {
                root_id: Some(instruction_id.clone()),
                operator: Some("seed".to_owned()),
                ..self.instruction(instruction_id, &sample_id, 0, position, item)
            };
            self.instructions.push(row).await;
        }
        let row = SampleRow {
            sample_id,
            source: self.source.clone(),
            source_id,
            image_ids,
            missing_images,
            caption,
            objects,
            topics,
            content_hash,
            run_id: self.run_id.clone(),
            imported_at: self.time,
        };
        self.samples.push(row).await;
        Ok(Ok(()))
    }

    /// What to do about a record that cannot come in beside what is there, if it cannot.
    fn refusal(&self, standing: Standing) -> Option<&'static str> {
        match (standing, self.changed_records) {
            (Standing::Different, _) => Some("give one of them another id, or import the file under another --source"),
            (Standing::Changed, ChangedRecords::Fail) => {
                Some("replace that one with --on-changed update, give one of them another id, or import the file under another --source")
            }
            _ => None,
        }
    }

    /// Waits until everything is on disk, and makes it part of the tables in place of what it replaces.
    pub async fn finish(self, writer: &mut Writer) -> Result<()> {
        // Every queue is closed before any write is waited for.
        let staged =
            [self.images.close().await, self.samples.close().await, self.instructions.close().await, self.evolutions.close().await];
        // Before the new rows come: they have the same ids.
        self.replaced.remove(writer).await?;
        for task in staged {
            let staged = task.await.map_err(|cause| Error::internal("the task that writes rows ended early", cause))??;
            if staged.rows > 0 {
                writer.commit(staged).await?;
            }
        }
        Ok(())
    }

    /// Adds the finished rounds of a sample, whose seeds are in `ancestry`. Returns what is wrong with them, if anything is.
    async fn add_evolved(
        &mut self,
        sample_id: &str,
        seeds: usize,
        mut ancestry: Ancestry,
        rounds: Vec<Vec<SeedItem>>,
        known: &mut Known,
        report: &mut ImportReport,
    ) -> Result<Option<String>> {
        let mut parents = seeds;
        let mut parent_evolution_id = None;
        for (round, items) in (1..).zip(rounds) {
            if items.is_empty() {
                continue;
            }
            let content = serde_json::to_string(&items.iter().map(|item| (&item.instruction, item.score)).collect::<Vec<_>>())
                .map_err(|cause| Error::internal("failed to hash a finished round", cause))?;
            let evolution_id = stable_id([Some("imported evolution"), Some(sample_id), Some(&round.to_string()), Some(&content)]);
            let id_at = |position: usize| stable_id([Some("instruction"), Some(&evolution_id), Some(&position.to_string())]);
            let descents: Vec<Descent> =
                items.iter().enumerate().map(|(position, item)| ancestry.descent(&item.origin, id_at(position))).collect();
            match known.evolution(sample_id, round, &evolution_id) {
                Standing::Different | Standing::Changed => {
                    return Ok(Some(format!("round {round} of this sample is in the store already, with other items")));
                }
                Standing::Same => {}
                Standing::New => {
                    let kept = items.len();
                    report.evolutions += 1;
                    report.instructions += kept as u64;
                    for ((position, item), descent) in (0..).zip(&items).zip(&descents) {
                        let row = InstructionRow {
                            evolution_id: Some(evolution_id.clone()),
                            parent_id: descent.parent_id.clone(),
                            root_id: descent.root_id.clone(),
                            operator: item.origin.operator.clone(),
                            // The authors' filter keeps exactly what the judge called improved.
                            improved: Some(item.origin.improved.unwrap_or(true)),
                            faults: if descent.parent_id.is_none() { vec![Fault::NoParent.name()] } else { Vec::new() },
                            ..self.instruction(descent.instruction_id.clone(), sample_id, round, position, item.clone())
                        };
                        self.instructions.push(row).await;
                    }
                    let row = EvolutionRow {
                        operator: common_operator(&items),
                        ..self.evolution(&evolution_id, sample_id, round, parent_evolution_id.clone(), parents, kept)
                    };
                    self.evolutions.push(row).await;
                }
            }
            for (item, descent) in items.iter().zip(descents) {
                ancestry.add(&item.origin, || descent);
            }
            parents = items.len();
            parent_evolution_id = Some(evolution_id);
        }
        Ok(None)
    }

    async fn add_image(&mut self, image: PreparedImage, known: &mut Known, report: &mut ImportReport) -> Result<()> {
        if !known.add_image(&image.info.image_id) {
            return Ok(());
        }
        report.images += 1;
        self.image_bytes += image.bytes.len();
        self.images.rows.push(image);
        if self.image_bytes >= IMAGE_BYTES_PER_BATCH || self.images.rows.len() >= ROWS_PER_BATCH {
            self.image_bytes = 0;
            self.images.send().await;
        }
        Ok(())
    }

    fn instruction(&self, instruction_id: String, sample_id: &str, round: i32, position: i32, item: SeedItem) -> InstructionRow {
        let SeedItem { instruction, score, origin: _ } = item;
        InstructionRow {
            instruction_id,
            sample_id: sample_id.to_owned(),
            evolution_id: None,
            parent_id: None,
            root_id: None,
            round,
            operator: None,
            position,
            image_position: instruction.image_position,
            question: instruction.question,
            answer: instruction.answer,
            objects: instruction.objects,
            skills: instruction.skills,
            format: instruction.format,
            steps: instruction.steps,
            improved: None,
            score: score.and_then(|score| i32::try_from(score).ok()),
            reason: None,
            faults: Vec::new(),
            status: "kept",
            run_id: self.run_id.clone(),
            created_at: self.time,
        }
    }

    /// A finished round of which only the survivors are known.
    fn evolution(
        &self,
        evolution_id: &str,
        sample_id: &str,
        round: i32,
        parent_evolution_id: Option<String>,
        parents: usize,
        kept: usize,
    ) -> EvolutionRow {
        EvolutionRow {
            evolution_id: evolution_id.to_owned(),
            sample_id: sample_id.to_owned(),
            round,
            part: 0,
            attempt: 0,
            parent_evolution_id,
            operator: None,
            status: "kept",
            error_kind: None,
            error: None,
            model: None,
            judge: None,
            parameters: None,
            prompt_id: None,
            judge_prompt_id: None,
            request_id: None,
            score_request_id: None,
            parents: parents as i32,
            generated: None,
            kept: kept as i32,
            run_id: self.run_id.clone(),
            created_at: self.time,
        }
    }
}

/// The operator of a round, where all its items have the same.
fn common_operator(items: &[SeedItem]) -> Option<String> {
    let operator = items.first()?.origin.operator.as_ref()?;
    items.iter().all(|item| item.origin.operator.as_ref() == Some(operator)).then(|| operator.clone())
}

/// Rows that collect into batches, and the background write they go to, which also makes them columns.
struct Sink<R> {
    rows: Vec<R>,
    sender: mpsc::Sender<Vec<R>>,
    task: JoinHandle<Result<Staged>>,
}

type Encode<R> = fn(&[R], &SchemaRef) -> Result<RecordBatch>;

impl<R: Send + 'static> Sink<R> {
    async fn start(writer: &mut Writer, table: Table, encode: Encode<R>) -> Result<Sink<R>> {
        let schema = table.schema();
        let (sender, receiver) = mpsc::channel::<Vec<R>>(2);
        let columns = Arc::clone(&schema);
        let batches = ReceiverStream::new(receiver).map(move |rows| Ok(encode(&rows, &columns)?));
        let task = writer.stage(table, Box::pin(RecordBatchStreamAdapter::new(schema, batches))).await?;
        Ok(Sink { rows: Vec::new(), sender, task })
    }

    async fn push(&mut self, row: R) {
        self.rows.push(row);
        if self.rows.len() >= ROWS_PER_BATCH {
            self.send().await;
        }
    }

    async fn send(&mut self) {
        if !self.rows.is_empty() {
            // A write that has failed says so itself when it is waited for.
            let _ = self.sender.send(std::mem::take(&mut self.rows)).await;
        }
    }

    async fn close(mut self) -> JoinHandle<Result<Staged>> {
        self.send().await;
        self.task
    }
}

fn encode_rows<R: Serialize>(rows: &[R], schema: &SchemaRef) -> Result<RecordBatch> {
    Ok(serde_arrow::to_record_batch(schema.fields(), &rows)?)
}

fn encode_images(images: &[PreparedImage], schema: &SchemaRef) -> Result<RecordBatch> {
    // One allocation of the right size: growing by doubling would copy the images twice over.
    let mut bytes = LargeBinaryBuilder::with_capacity(images.len(), images.iter().map(|image| image.bytes.len()).sum());
    for image in images {
        bytes.append_value(&image.bytes);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(images.iter().map(|image| &image.info.image_id))),
        Arc::new(StringArray::from_iter_values(images.iter().map(|image| &image.uri))),
        Arc::new(StringArray::from_iter_values(images.iter().map(|image| image.info.format.name()))),
        Arc::new(Int32Array::from_iter_values(images.iter().map(|image| image.info.width as i32))),
        Arc::new(Int32Array::from_iter_values(images.iter().map(|image| image.info.height as i32))),
        Arc::new(bytes.finish()),
        // Computed where images are decoded; an import does not decode.
        arrow::array::new_null_array(schema.field(6).data_type(), images.len()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
