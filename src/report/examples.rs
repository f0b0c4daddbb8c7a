//! Examples: twenty items with everything they were made from, and their pictures.

use std::num::NonZeroU16;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::facts::{Facts, typed};
use super::figures::{round_name, spoken};
use crate::error::{Error, Result};
use crate::image::thumbnail;
use crate::query::{Statement, statement};
use crate::store::StoredImages;
use crate::text::beginning;

/// The statement that chooses them.
pub const EXAMPLES: Statement = statement!("report/examples");

/// The square that a thumbnail fits, in pixels.
const THUMBNAIL_SIDE: NonZeroU16 = NonZeroU16::new(320).unwrap();
/// What is shown of a text; a question can have 100 kB.
const TEXT_SHOWN: usize = 1200;

/// One line of descent.
#[derive(Debug, Serialize)]
pub struct Example {
    /// The seed file's own key of the sample, else its id.
    pub name: String,
    /// The picture as a data URL; `None` where the store holds none that can be shown.
    pub picture: Option<String>,
    /// From the seed to the last round; from the first item that knows no parent.
    pub steps: Vec<Step>,
    /// Whether the first one is no seed: its parent is not known.
    pub is_headless: bool,
}

/// One item of the line.
#[derive(Debug, Serialize)]
pub struct Step {
    /// `seed`, or the round.
    pub round: String,
    /// `None` for a seed.
    pub operator: Option<String>,
    /// The judge's.
    pub score: Option<i64>,
    /// The format's name.
    pub format: String,
    /// As the item names them.
    pub skills: Vec<String>,
    /// Shortened if it is very long.
    pub question: String,
    /// Shortened if it is very long.
    pub answer: String,
    /// The judge's; `None` where there is none.
    pub reason: Option<String>,
    /// To look it up with `mmevol lineage`.
    pub instruction_id: String,
}

#[derive(Deserialize)]
struct Row {
    example: i64,
    round: i64,
    operator: Option<String>,
    score: Option<i64>,
    format: String,
    skills: Option<Vec<String>>,
    question: String,
    answer: String,
    reason: Option<String>,
    parent_id: Option<String>,
    instruction_id: String,
    sample_id: String,
    source_id: Option<String>,
    image_id: Option<String>,
}

/// The examples of the chosen items.
///
/// # Errors
/// Those of the statement. A picture that cannot be read or decoded is left out.
pub async fn examples(facts: &Facts) -> Result<Vec<Example>> {
    let images = StoredImages::new(facts.snapshot());
    let rows: Vec<Row> = typed(&facts.rows(EXAMPLES.text()).await?)?;
    let mut examples: Vec<(i64, Example)> = Vec::new();
    for row in rows {
        let is_next = examples.last().is_none_or(|(number, _)| *number != row.example);
        if is_next {
            let picture = match &row.image_id {
                Some(image_id) => picture(&images, image_id).await?,
                None => None,
            };
            let name = row.source_id.clone().unwrap_or_else(|| row.sample_id.clone());
            let is_headless = row.round > 0 && row.parent_id.is_none();
            examples.push((row.example, Example { name, picture, steps: Vec::new(), is_headless }));
        }
        if let Some((_, example)) = examples.last_mut() {
            example.steps.push(Step::of(row));
        }
    }
    Ok(examples.into_iter().map(|(_, example)| example).collect())
}

impl Step {
    fn of(row: Row) -> Step {
        Step {
            round: round_name(row.round),
            operator: row.operator.filter(|operator| operator != "seed").map(|operator| spoken(&operator)),
            score: row.score,
            format: spoken(&row.format),
            skills: row.skills.unwrap_or_default(),
            question: shown(row.question),
            answer: shown(row.answer),
            reason: row.reason.map(shown),
            instruction_id: row.instruction_id,
        }
    }
}

fn shown(text: String) -> String {
    match beginning(&text, TEXT_SHOWN) {
        (shown, true) => format!("{shown}…"),
        _ => text,
    }
}

/// A thumbnail as a data URL. Decoded off the threads that serve queries.
async fn picture(images: &StoredImages, image_id: &str) -> Result<Option<String>> {
    if !images.contains(image_id).await? {
        return Ok(None);
    }
    let bytes = images.bytes(image_id).await?;
    let small = tokio::task::spawn_blocking(move || thumbnail(&bytes, THUMBNAIL_SIDE).ok());
    let small = small.await.map_err(|cause| Error::task_ended("makes a thumbnail", cause))?;
    Ok(small.map(|jpeg| format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(jpeg))))
}
