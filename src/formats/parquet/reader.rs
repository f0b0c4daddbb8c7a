//! Samples from the rows of a Parquet file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::detect::FormatError;
use super::super::json_records::fields::{Fields, fault, read_sample};
use super::super::llava::{ImagesShown, Speaker, SpokenTurn, items};
use super::super::{RecordFault, SeedImage, SeedItem, SeedOrigin, SeedRecord, SeedSample, messages, mmevol};
use super::OWN_COLUMNS;
use super::rows::{IMAGE_COLUMNS, Row, RowImages, Rows, open_file};
use crate::ids::stable_key;

/// The status of an exported instruction that is part of the dataset.
const KEPT: &str = "kept";
/// The columns that may hold chat turns.
const TURN_COLUMNS: [&str; 2] = ["messages", "conversations"];

/// The columns that samples are read from, in the order in which they are looked for.
#[derive(Debug, Clone, Copy)]
enum Layout {
    /// One row per instruction, written by our own export.
    Own,
    /// `messages`, or `conversations`, whichever the file has: chat turns of any of the usual shapes.
    Turns(&'static str),
    /// `texts`: a list of `user` and `assistant` (the_cauldron, FineVision).
    Texts,
    /// `question` and `answer`: one item per row.
    QuestionAnswer,
}

impl Layout {
    fn of_columns(columns: &[String]) -> Option<Layout> {
        let has = |name: &str| columns.iter().any(|column| column == name);
        if !IMAGE_COLUMNS.iter().any(|name| has(name)) {
            None
        } else if OWN_COLUMNS.iter().all(|name| has(name)) {
            Some(Layout::Own)
        } else if let Some(column) = TURN_COLUMNS.into_iter().find(|column| has(column)) {
            Some(Layout::Turns(column))
        } else if has("texts") {
            Some(Layout::Texts)
        } else if has("question") && has("answer") {
            Some(Layout::QuestionAnswer)
        } else {
            None
        }
    }

    /// The columns read beside those of images.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Layout::Own => &[
                "sample_id",
                "source_id",
                "missing_images",
                "caption",
                "det",
                "topics",
                "instruction_id",
                "parent_id",
                "round",
                "operator",
                "status",
                "improved",
                "score",
                "question",
                "answer",
                "objects",
                "skills",
                "format",
                "steps",
                "image_position",
            ],
            Layout::Turns(_) => &["hash_id", "id", "messages", "conversations"],
            Layout::Texts => &["hash_id", "id", "texts"],
            Layout::QuestionAnswer => &["hash_id", "id", "question", "answer"],
        }
    }
}

/// Opens a Parquet file: our own export, or a Hugging Face dataset with `image` or `images` and one of `messages`, `conversations`,
/// `texts`, or `question` and `answer`. A few rows are in memory at a time.
///
/// Of our own export, neighbouring rows of one sample become one record, numbered as its first row; rows of instructions that were
/// not kept are left out. A sample whose rows are not side by side ends the file, so 16 bytes are remembered of each.
///
/// # Errors
/// If the file is no Parquet file, its columns are none of these (the message lists those found), or a column of images holds something else.
pub fn open(path: &Path) -> Result<Box<dyn Iterator<Item = Result<SeedRecord, FormatError>> + Send>, FormatError> {
    let file = open_file(path)?;
    let found: Vec<String> = file.schema().fields().iter().map(|field| field.name().clone()).collect();
    let Some(layout) = Layout::of_columns(&found) else {
        return Err(FormatError::Columns { path: path.to_owned(), found });
    };
    let rows = Rows::new(path, file, &[layout.columns(), &IMAGE_COLUMNS].concat())?;
    Ok(match layout {
        Layout::Own => Box::new(Samples { path: path.to_owned(), rows, begun: HashSet::new(), pending: None, failure: None }),
        _ => Box::new(rows.map(move |row| row.map(|row| SeedRecord { number: row.number, sample: sample_of_row(layout, row) }))),
    })
}

fn sample_of_row(layout: Layout, row: Row) -> Result<SeedSample, RecordFault> {
    let Row { fields, images, .. } = row;
    read_sample(fields?, |mut fields| {
        let images = images.read()?;
        let (mut turns, mut shown) = (Vec::new(), ImagesShown::of(images.len()));
        match layout {
            // A field that is null is not there.
            Layout::Turns(column) if !TURN_COLUMNS.iter().any(|name| fields.keys().iter().any(|key| key == name)) => {
                return Err(fault(format!("no conversation: {column} is null")));
            }
            Layout::Own | Layout::Turns(_) => return messages::sample_of(fields, images),
            Layout::QuestionAnswer => turns.extend(exchange(&mut fields, "question", "answer", &mut shown)?),
            Layout::Texts => {
                for (index, value) in fields.list("texts")?.into_iter().enumerate() {
                    let mut text = Fields::of_value(value, format!("texts[{index}]"))?;
                    turns.extend(exchange(&mut text, "user", "assistant", &mut shown)?);
                }
            }
        }
        shown.expect_at_most(images.len())?;
        let items = items(turns, images.len())?;
        Ok(SeedSample { images, rounds: vec![items], ..SeedSample::default() })
    })
}

/// A question and its answer, each in a field of its own.
fn exchange(fields: &mut Fields, question: &str, answer: &str, shown: &mut ImagesShown) -> Result<[SpokenTurn; 2], RecordFault> {
    let mut turn = |speaker, key| Ok(SpokenTurn::new(speaker, &fields.required_text(key)?, fields.place_of(key), shown));
    Ok([turn(Speaker::Human, question)?, turn(Speaker::Model, answer)?])
}

/// Samples of our own export: neighbouring rows with one `sample_id`.
struct Samples {
    path: PathBuf,
    rows: Rows,
    /// The samples whose rows have come, by the keys of their ids.
    begun: HashSet<u128>,
    pending: Option<Pending>,
    /// An error that waits until the sample before it is delivered.
    failure: Option<FormatError>,
}

impl Iterator for Samples {
    type Item = Result<SeedRecord, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(failure) = self.failure.take() {
            return Some(Err(failure));
        }
        loop {
            let complete = match self.rows.next() {
                Some(Ok(row)) => match self.add(row) {
                    Ok(complete) => complete,
                    Err(scattered) => {
                        self.rows.end();
                        self.pending = None;
                        return Some(Err(scattered));
                    }
                },
                Some(Err(failure)) if self.pending.is_none() => return Some(Err(failure)),
                Some(Err(failure)) => {
                    self.failure = Some(failure);
                    self.pending.take()
                }
                None => Some(self.pending.take()?),
            };
            if let Some(sample) = complete {
                return Some(Ok(sample.finish()));
            }
        }
    }
}

impl Samples {
    /// Adds a row to the sample at hand; if it begins another, the one before is complete.
    ///
    /// # Errors
    /// If its sample was complete before: a part of a sample would come in as the whole, and items without the parents in other parts.
    fn add(&mut self, row: Row) -> Result<Option<Pending>, FormatError> {
        let Row { number, fields, images } = row;
        let (sample_id, fields) = match fields.and_then(|mut fields| Ok((fields.filled_text("sample_id")?, fields))) {
            Ok(named) => named,
            Err(fault) => return Ok(self.pending.replace(Pending { number, sample_id: String::new(), sample: Err(fault) })),
        };
        match &mut self.pending {
            Some(pending) if pending.sample_id == sample_id => {
                pending.add(fields);
                Ok(None)
            }
            _ if self.begun.insert(stable_key(&sample_id)) => Ok(self.pending.replace(Pending::begin(number, sample_id, fields, &images))),
            _ => Err(FormatError::Scattered { path: self.path.clone(), row: number, sample_id }),
        }
    }
}

/// A sample whose rows are still coming.
struct Pending {
    number: u64,
    sample_id: String,
    sample: Result<SeedSample, RecordFault>,
}

impl Pending {
    fn begin(number: u64, sample_id: String, mut fields: Fields, images: &RowImages) -> Self {
        let source_id = fields.text("source_id").ok().flatten().or_else(|| Some(sample_id.clone()));
        let mut context = || {
            let caption = mmevol::caption(&mut fields)?;
            let (objects, topics) = (mmevol::boxes(&mut fields)?, fields.texts("topics")?);
            let missing = fields.texts("missing_images")?;
            let mut images = if missing.is_empty() { images.read()? } else { images.read_any()? };
            images.extend(missing.into_iter().map(SeedImage::Path));
            Ok(SeedSample { source_id: source_id.clone(), images, caption, objects, topics, rounds: Vec::new() })
        };
        let sample = context().map_err(|fault: RecordFault| RecordFault { source_id: source_id.clone(), ..fault });
        let mut pending = Pending { number, sample_id, sample };
        pending.add(fields);
        pending
    }

    /// Adds a row's instruction. A fault in it is one of the whole sample.
    fn add(&mut self, fields: Fields) {
        let Ok(sample) = &mut self.sample else { return };
        if let Err(fault) = add_item(sample, fields) {
            self.sample = Err(RecordFault { source_id: sample.source_id.take(), ..fault });
        }
    }

    fn finish(self) -> SeedRecord {
        let sample = self.sample.and_then(|sample| match sample.rounds.is_empty() {
            true => {
                Err(RecordFault { source_id: sample.source_id, ..fault("no conversation: none of the sample's instructions was kept") })
            }
            false => Ok(sample),
        });
        SeedRecord { number: self.number, sample }
    }
}

fn add_item(sample: &mut SeedSample, mut fields: Fields) -> Result<(), RecordFault> {
    if fields.text("status")?.is_some_and(|status| status != KEPT) {
        return Ok(());
    }
    let round = fields.integer("round")?.and_then(|round| usize::try_from(round).ok()).filter(|round| *round <= mmevol::LAST_ROUND);
    let round = round.ok_or_else(|| fault(format!("round is missing or outside 0..{}", mmevol::LAST_ROUND)))?;
    let origin = origin(&mut fields)?;
    let item = SeedItem { origin, ..mmevol::item(fields)? };
    if sample.rounds.len() <= round {
        sample.rounds.resize_with(round + 1, Vec::new);
    }
    if let Some(items) = sample.rounds.get_mut(round) {
        items.push(item);
    }
    Ok(())
}

fn origin(fields: &mut Fields) -> Result<SeedOrigin, RecordFault> {
    let mut filled = |key| Ok::<_, RecordFault>(fields.text(key)?.filter(|text| !text.is_empty()));
    let (instruction_id, parent_id, operator) = (filled("instruction_id")?, filled("parent_id")?, filled("operator")?);
    let improved = match fields.take("improved") {
        None => None,
        Some(Value::Bool(improved)) => Some(improved),
        Some(other) => return Err(fields.unexpected("improved", &other, "true or false")),
    };
    Ok(SeedOrigin { instruction_id, parent_id, operator, improved })
}
