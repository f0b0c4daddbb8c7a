//! Prepared records become rows of the tables.

mod ancestry;
mod records;
mod sink;

use self::ancestry::{Ancestry, Descent};
use self::records::{EvolutionRow, InstructionRow, SampleRow, Stamp};
use self::sink::{ROWS_PER_BATCH, Sink, encode_images, encode_rows};
use super::known::{Known, RoundStanding, Standing};
use super::prepare::{Prepared, PreparedImage};
use super::replaced::Replaced;
use super::{ChangedRecords, Ids, ImportReport};
use crate::error::{Error, Result};
use crate::formats::{RecordFault, SeedItem};
use crate::ids::stable_id;
use crate::store::{Table, Writer};

/// Bytes of images that make a batch.
const IMAGE_BYTES_PER_BATCH: usize = 8 << 20;

/// The tables an import writes to, each with its queue.
pub struct Rows {
    source: String,
    ids: Ids,
    changed_records: ChangedRecords,
    replaced: Replaced,
    stamp: Stamp,
    images: Sink<PreparedImage>,
    image_bytes: usize,
    samples: Sink<SampleRow>,
    instructions: Sink<InstructionRow>,
    evolutions: Sink<EvolutionRow>,
}

/// A finished round of a record.
struct FinishedRound {
    round: i32,
    evolution_id: String,
    parent_evolution_id: Option<String>,
    /// How many items it was made from.
    parents: usize,
    items: Vec<(SeedItem, Descent)>,
}

impl FinishedRound {
    /// The operator, where all items have the same.
    fn common_operator(&self) -> Option<String> {
        let (first, _) = self.items.first()?;
        let operator = first.origin.operator.as_ref()?;
        self.items.iter().all(|(item, _)| item.origin.operator.as_ref() == Some(operator)).then(|| operator.clone())
    }
}

impl Rows {
    /// Starts one background write a table.
    pub async fn start(writer: &mut Writer, source: String, ids: Ids, changed_records: ChangedRecords) -> Result<Rows> {
        Ok(Rows {
            source,
            ids,
            changed_records,
            replaced: Replaced::default(),
            stamp: Stamp { run_id: writer.run_id().to_owned(), time: writer.started_at() },
            images: Sink::start(writer, Table::Images, encode_images).await?,
            image_bytes: 0,
            samples: Sink::start(writer, Table::Samples, encode_rows).await?,
            instructions: Sink::start(writer, Table::Instructions, encode_rows).await?,
            evolutions: Sink::start(writer, Table::Evolutions, encode_rows).await?,
        })
    }

    /// Adds what is new of the record of this number.
    ///
    /// The inner result says what is wrong with the record itself.
    pub async fn add(
        &mut self,
        number: u64,
        record: Prepared,
        known: &mut Known,
        report: &mut ImportReport,
    ) -> Result<Result<(), RecordFault>> {
        let Prepared { source_id, images, missing_images, caption, objects, topics, mut rounds, content_hash } = record;
        // A record without a key of its own is identified by what it is.
        let identity = source_id.as_deref().filter(|_| self.ids == Ids::Record).unwrap_or(&content_hash);
        let sample_id = stable_id([Some("sample"), Some(&self.source), Some(identity)]);
        let standing = known.sample(&sample_id, &content_hash);
        if let Some((message, way_out)) = self.refusal(standing) {
            return Ok(Err(RecordFault { source_id, message, hint: Some(way_out.to_owned()) }));
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
        let rounds = finished_rounds(&sample_id, seeds.len(), ancestry, evolved, known)?;
        let replaces_rounds = match self.replaces_rounds(&rounds, known.earlier_record(&sample_id)) {
            Ok(replaces) => replaces,
            Err((message, way_out)) => return Ok(Err(RecordFault { source_id, message, hint: Some(way_out.to_owned()) })),
        };
        // Only now is anything noted or added: nothing of a refused record stays.
        known.add_sample(&sample_id, &content_hash, number);
        if replaces_rounds {
            self.replaced.add_rounds_of(&sample_id);
        }
        for (round, standing) in rounds {
            if replaces_rounds {
                self.replaced.add_round(&round.evolution_id, round.items.iter().map(|(_, descent)| descent.instruction_id.as_str()));
            } else if standing != RoundStanding::New {
                continue;
            }
            known.add_evolution(&sample_id, round.round, &round.evolution_id);
            self.add_round(&sample_id, &content_hash, round, report).await;
        }
        if standing == Standing::Same {
            match replaces_rounds {
                true => report.updated_samples += 1,
                false => report.known_samples += 1,
            }
            return Ok(Ok(()));
        }
        let seed_ids: Vec<String> = (0..seeds.len()).map(seed_id).collect();
        if standing == Standing::Changed {
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
            self.instructions.push(InstructionRow::seed(&self.stamp, instruction_id, &sample_id, position, item)).await;
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
            run_id: self.stamp.run_id.clone(),
            imported_at: self.stamp.time,
        };
        self.samples.push(row).await;
        Ok(Ok(()))
    }

    /// Why a record cannot come in beside what is there and what to do about it, if it cannot.
    fn refusal(&self, standing: Standing) -> Option<(String, &'static str)> {
        match (standing, self.changed_records) {
            (Standing::Repeated(earlier), _) => Some((
                format!("an earlier record of this file, number {earlier}, has this id with other content"),
                "tell records apart by their content with --ids content, or give one of them another id",
            )),
            (Standing::Changed, ChangedRecords::Fail) => Some((
                format!("another record with this id is in source '{}' already, with other content", self.source),
                "replace that one with --on-changed update, give one of them another id, or import the file under another --source",
            )),
            _ => None,
        }
    }

    /// Whether the finished rounds of a record take the place of all that came in with an earlier one. `earlier` is the number of a record of this
    /// file that was the sample.
    ///
    /// # Errors
    /// Why one of them cannot come in, and what to do about it.
    fn replaces_rounds(&self, rounds: &[(FinishedRound, RoundStanding)], earlier: Option<u64>) -> Result<bool, (String, &'static str)> {
        let first = |wanted: RoundStanding| rounds.iter().find(|(_, standing)| *standing == wanted).map(|(finished, _)| finished.round);
        let is_update = self.changed_records == ChangedRecords::Update;
        let changed = first(RoundStanding::Changed);
        let evolved_again = first(RoundStanding::EvolvedAgain);
        // What fell away since a round before it was evolved again stays away.
        let dropped = first(RoundStanding::Dropped).filter(|_| evolved_again.is_none());
        let replaces = is_update && changed.or(dropped).is_some();
        // Two would stand in such a round, and what was paid for is not given up for a file.
        match (first(RoundStanding::Evolved).or(evolved_again.filter(|_| replaces)), changed, earlier) {
            (Some(round), _, _) => Err((
                format!("round {round} of this sample was evolved here"),
                "leave that round out of the record, or import the file under another --source",
            )),
            (None, Some(round), Some(earlier)) => Err((
                format!("round {round} of this sample came in before, with other items, and record {earlier} has this id, too"),
                "give one of them another id, or leave that round out of one of them",
            )),
            (None, Some(round), None) if !is_update => Err((
                format!("round {round} of this sample came in before, with other items"),
                "replace what came in before with --on-changed update, leave that round out, or import the file under another --source",
            )),
            (None, _, _) => Ok(replaces && earlier.is_none()),
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
            let staged = task.await.map_err(|cause| Error::task_ended("writes rows", cause))??;
            if staged.rows > 0 {
                writer.commit(staged).await?;
            }
        }
        Ok(())
    }

    async fn add_round(&mut self, sample_id: &str, content_hash: &str, round: FinishedRound, report: &mut ImportReport) {
        report.evolutions += 1;
        report.instructions += round.items.len() as u64;
        self.evolutions.push(EvolutionRow::of(&self.stamp, sample_id, content_hash, &round)).await;
        let FinishedRound { round, evolution_id, items, .. } = round;
        for (position, (item, descent)) in (0..).zip(items) {
            let row = InstructionRow::evolved(&self.stamp, sample_id, round, &evolution_id, position, item, descent);
            self.instructions.push(row).await;
        }
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
}

/// The finished rounds of a record that have items. The sample's seeds are in `ancestry`.
fn finished_rounds(
    sample_id: &str,
    seeds: usize,
    mut ancestry: Ancestry,
    rounds: Vec<Vec<SeedItem>>,
    known: &Known,
) -> Result<Vec<(FinishedRound, RoundStanding)>> {
    let mut finished = Vec::new();
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
        for (item, descent) in items.iter().zip(&descents) {
            ancestry.add(&item.origin, || descent.clone());
        }
        let made_from = std::mem::replace(&mut parents, items.len());
        let parent = parent_evolution_id.replace(evolution_id.clone());
        let standing = known.round(sample_id, round, &evolution_id);
        let items = items.into_iter().zip(descents).collect();
        finished.push((FinishedRound { round, evolution_id, parent_evolution_id: parent, parents: made_from, items }, standing));
    }
    Ok(finished)
}
