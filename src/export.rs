//! Export: kept items leave the store in a training format, with a manifest that says what they are.

mod images;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::formats::export::{DatasetWriter, ExportFormat, ExportSample};
use crate::query::duplicates::left_out;
use crate::query::{Session, Statement, StatementParameter as Parameter, in_parentheses, statement};
use crate::store::{Snapshot, Store};
use images::ImageFiles;
use rows::SampleRow;

const EXPORT: Statement = statement!("export");

/// Which kept items are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rounds {
    /// Those of each sample's latest round that kept any: the dataset as it is now.
    #[default]
    Current,
    /// Those of every round.
    All,
    /// Those of one round.
    Only(u32),
}

impl FromStr for Rounds {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "current" => Ok(Rounds::Current),
            "all" => Ok(Rounds::All),
            _ => text
                .parse()
                .map(Rounds::Only)
                .map_err(|_| Error::argument("--rounds", format!("expected current, all or a number, got '{text}'"))),
        }
    }
}

impl Rounds {
    fn predicate(self) -> String {
        match self {
            Rounds::Current => "instruction_id IN (SELECT instruction_id FROM current)".into(),
            Rounds::All => "true".into(),
            Rounds::Only(round) => format!("round = {round}"),
        }
    }
}

/// What becomes of the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Images {
    /// Formats that hold images hold them; for the others, files are written into `images/` beside the export.
    #[default]
    Copy,
    /// The export names each image by the path under which its content was first imported, whichever sample brought it; no bytes are written. An
    /// image that came as bytes has no path, which is an error.
    Link,
    /// The export speaks of no image.
    None,
}

/// An export of a store to one file.
#[derive(Debug, Clone)]
pub struct Export {
    output: PathBuf,
    format: ExportFormat,
    rounds: Rounds,
    predicate: Option<String>,
    without_duplicates: bool,
    at: Option<String>,
    images: Images,
}

/// What an export wrote; also the manifest beside it.
#[derive(Debug, Clone, Serialize)]
pub struct Manifest {
    /// The version of mmevol that wrote it.
    pub mmevol: &'static str,
    /// The exported file, as the path was given.
    pub output: PathBuf,
    /// The name of the format, as `--format` takes it.
    pub format: String,
    /// `current`, `all` or the number of one round.
    pub rounds: String,
    /// The SQL over `history` that chose the items; `None` for all of them.
    #[serde(rename = "where")]
    pub predicate: Option<String>,
    /// What was left out as duplicates; `None` where nothing was to be.
    pub without_duplicates: Option<LeftOut>,
    /// The name of the state that was exported; `None` for the one that was present.
    pub at: Option<String>,
    /// What became of the images: `copy`, `link` or `none`, as `--images` takes it.
    pub image_rule: Images,
    /// Samples with at least one exported item.
    pub samples: u64,
    /// Exported items.
    pub instructions: u64,
    /// Records of the file: samples, or rows.
    pub records: u64,
    /// Distinct image files beside the export that records name, written now or by an earlier export.
    pub images: u64,
    /// Images that the store does not have, counted for each sample; records name them by the path they had.
    pub missing_images: u64,
    /// The counter of published states: which state of the store was read.
    pub store_generation: u64,
    /// The version of each table that was read.
    pub store_versions: BTreeMap<String, u64>,
    /// Every model that wrote an exported item; seeds add none.
    pub models: BTreeSet<String>,
    /// Every judge whose verdict kept an exported item; seeds and rounds that came finished add none.
    pub judges: BTreeSet<String>,
    /// The prompts that exported items were made with, in the order of their ids.
    pub prompts: Vec<UsedPrompt>,
}

/// The duplicates that an export left out.
#[derive(Debug, Clone, Serialize)]
pub struct LeftOut {
    /// Items that were chosen otherwise.
    pub instructions: u64,
    /// The searches whose marks were heeded.
    pub marks: Vec<Marks>,
}

/// A search whose marks stand in table `duplicates`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Marks {
    /// The name of the method.
    pub method: String,
    /// The least similarity of duplicates.
    pub threshold: f64,
    /// Whose embeddings were compared, if any were.
    pub model: Option<String>,
    /// The run that marked them.
    pub run_id: String,
}

/// A prompt that some exported item was made with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UsedPrompt {
    /// The id of its row in `prompts`: a hash of the text.
    pub prompt_id: String,
    /// The name it had; `None` for a prompt that the store does not hold.
    pub name: Option<String>,
}

impl Export {
    /// Exports the dataset as it is now to `output`.
    pub fn new(output: impl Into<PathBuf>, format: ExportFormat) -> Export {
        Export {
            output: output.into(),
            format,
            rounds: Rounds::default(),
            predicate: None,
            without_duplicates: false,
            at: None,
            images: Images::default(),
        }
    }

    /// Which rounds' items; the current ones by default.
    pub fn rounds(mut self, rounds: Rounds) -> Self {
        self.rounds = rounds;
        self
    }

    /// SQL over `history`: only items for which it holds.
    pub fn predicate(mut self, predicate: Option<String>) -> Self {
        self.predicate = predicate;
        self
    }

    /// Whether to leave out what is marked in table `duplicates`: of each group, the best of the chosen items stays.
    pub fn without_duplicates(mut self, without_duplicates: bool) -> Self {
        self.without_duplicates = without_duplicates;
        self
    }

    /// The state of the store to export, as [`crate::store::Catalog::state`] takes it; the present one by default.
    pub fn at(mut self, state: Option<String>) -> Self {
        self.at = state;
        self
    }

    /// What becomes of the images; they are copied by default.
    pub fn images(mut self, images: Images) -> Self {
        self.images = images;
        self
    }

    /// Writes the export and, beside it, `<output>.manifest.json`, or `_<output's stem>.manifest.json` for Parquet. The file appears when it is
    /// complete, and so does each image file; one that is there with other bytes is left alone, and the image is named by its id. Memory is
    /// bounded by one sample, a few images, and the query's sort, which spills, unless images are to be copied or linked: then id, path and format
    /// of every image of the store are held, and the names of those that were written; and unless duplicates are left out: then their ids are.
    ///
    /// # Errors
    /// Those of the store, of the predicate, and of writing; an image without a path that is to be linked.
    pub async fn run(self, store: &Store) -> Result<Manifest> {
        let (snapshot, session) = Session::over(store, self.at.as_deref(), self.predicate.as_deref()).await?;
        let mut manifest = self.manifest(&snapshot);
        let mut chosen = self.predicate.as_deref().map_or_else(|| "true".to_owned(), in_parentheses);
        if self.without_duplicates {
            let left_out = self.left_out(&chosen)?;
            manifest.without_duplicates = Some(marks(&session, &left_out).await?);
            chosen = format!("{chosen} AND instruction_id NOT IN ({left_out})");
        }
        let parameters =
            BTreeMap::from([("rounds", Parameter::Predicate(self.rounds.predicate())), ("where", Parameter::Predicate(chosen))]);
        if let Some(parent) = self.output.parent() {
            std::fs::create_dir_all(parent).map_err(|cause| Error::io("create", parent, cause))?;
        }
        let mut writer = self.format.create(&self.output)?;
        let mut images = ImageFiles::new(&snapshot, &self);
        let mut batches = session.stream(&EXPORT.bind(&parameters)?).await?;
        while let Some(batch) = batches.try_next().await? {
            let rows: Vec<SampleRow> = serde_arrow::from_record_batch(&batch)?;
            for row in rows {
                manifest.samples += 1;
                manifest.instructions += row.instructions.len() as u64;
                manifest.judges.extend(row.instructions.iter().filter_map(|item| item.judge.clone()));
                let sample = images.sample(row).await?;
                manifest.missing_images += sample.missing_images.len() as u64;
                manifest.models.extend(sample.instructions.iter().filter_map(|item| item.model.clone()));
                writer = write(writer, sample).await?;
            }
        }
        manifest.images = images.files();
        manifest.prompts = used_prompts(&session, &parameters).await?;
        let finish = tokio::task::spawn_blocking(move || writer.finish());
        manifest.records = finish.await.map_err(|cause| Error::task_ended("writes the export", cause))??;
        self.write_manifest(&manifest)?;
        Ok(manifest)
    }

    /// SQL for the ids of the items that are left out of those for which `chosen` holds.
    fn left_out(&self, chosen: &str) -> Result<String> {
        let rounds = self.rounds.predicate();
        left_out(&format!("SELECT instruction_id, sample_id, round, score FROM history WHERE status = 'kept' AND ({rounds}) AND {chosen}"))
    }

    fn manifest(&self, snapshot: &Snapshot) -> Manifest {
        Manifest {
            mmevol: env!("CARGO_PKG_VERSION"),
            output: self.output.clone(),
            format: self.format.name().to_owned(),
            rounds: match self.rounds {
                Rounds::Current => "current".into(),
                Rounds::All => "all".into(),
                Rounds::Only(round) => round.to_string(),
            },
            predicate: self.predicate.clone(),
            without_duplicates: None,
            at: self.at.clone(),
            image_rule: self.images,
            samples: 0,
            instructions: 0,
            records: 0,
            images: 0,
            missing_images: 0,
            store_generation: snapshot.catalog().generation,
            store_versions: snapshot.catalog().tables.clone(),
            models: BTreeSet::new(),
            judges: BTreeSet::new(),
            prompts: Vec::new(),
        }
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        let path = self.manifest_path();
        let text = serde_json::to_string_pretty(manifest).map_err(|cause| Error::internal("failed to write the manifest", cause))?;
        std::fs::write(&path, text + "\n").map_err(|cause| Error::io("write", path, cause))
    }

    /// Where the manifest is. What reads a folder of Parquet files takes `a.parquet.manifest.json` for one of them (Hugging Face `datasets`), or every
    /// file whose name does not begin with `_` or a dot (pyarrow, Spark). The two names never meet: `a.json` and `a.parquet` keep a manifest each.
    fn manifest_path(&self) -> PathBuf {
        let (prefix, name) = match self.format {
            ExportFormat::Parquet => ("_", self.output.file_stem()),
            _ => ("", self.output.file_name()),
        };
        let mut manifest = OsString::from(prefix);
        manifest.push(name.unwrap_or_default());
        manifest.push(".manifest.json");
        self.output.with_file_name(manifest)
    }
}

/// Writes one sample on a blocking thread: compression and disk have no place on the query's threads.
async fn write(mut writer: Box<dyn DatasetWriter>, sample: ExportSample) -> Result<Box<dyn DatasetWriter>> {
    let task = tokio::task::spawn_blocking(move || writer.write(&sample).map(|()| writer));
    Ok(task.await.map_err(|cause| Error::task_ended("writes the export", cause))??)
}

/// What is left out, and because of which marks.
async fn marks(session: &Session, left_out: &str) -> Result<LeftOut> {
    let mut instructions = 0;
    for batch in session.collect(left_out).await? {
        instructions += batch.num_rows() as u64;
    }
    let marks = session.rows("SELECT DISTINCT method, threshold, model, run_id FROM duplicates ORDER BY method").await?;
    Ok(LeftOut { instructions, marks })
}

async fn used_prompts(session: &Session, parameters: &BTreeMap<&str, Parameter>) -> Result<Vec<UsedPrompt>> {
    const USED: Statement = Statement::new(
        "export prompts",
        "WITH chosen AS (SELECT prompt_id, judge_prompt_id FROM history WHERE status = 'kept' AND $rounds AND $where)
         SELECT u.prompt_id, p.name
         FROM (SELECT prompt_id FROM chosen UNION SELECT judge_prompt_id FROM chosen) u
         LEFT JOIN prompts p ON u.prompt_id = p.prompt_id
         WHERE u.prompt_id IS NOT NULL
         ORDER BY p.name, u.prompt_id",
    );
    session.rows(&USED.bind(parameters)?).await
}
