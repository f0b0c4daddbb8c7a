//! Check: invariants that hold of every store, each with what to do where it is broken, and the repair of what can be mended.

mod images;
mod invariants;
mod repair;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result};
use crate::query::{Session, Statement, statement};
use crate::store::{Catalog, JOURNAL_FILE, LeftOver, LostVersion, Snapshot, Store, StrayTable, Table};
use invariants::{Content, LeftOverKind, Subject};
pub use invariants::{INVARIANTS, Invariant};
pub use repair::{Repair, repair};

const JOURNAL_HOLDS_NEW_CALLS: Statement = statement!("check/journal_holds_new_calls");

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The [`Invariant::name`].
    pub invariant: &'static str,
    /// How many rows break it, at least 1.
    pub rows: u64,
    /// One of the rows.
    pub example: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How many rows, versions or files, at least 1.
    pub rows: u64,
    /// One of them.
    pub example: String,
}

/// What became of an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Sound,
    /// A command that was cut off left something behind, which harms nothing.
    LeftOver(Found),
    /// It does not hold.
    Broken(Found),
    /// It could not be looked at, or was not to be: why.
    NotChecked(String),
}

/// An invariant with its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What must hold.
    pub invariant: Invariant,
    /// Whether it does.
    pub outcome: Outcome,
}

/// How far a check is with reading images; safe to read while it runs.
#[derive(Debug, Default)]
pub struct CheckProgress {
    images: AtomicU64,
    total: AtomicU64,
}

impl CheckProgress {
    /// Images that were read.
    pub fn images(&self) -> u64 {
        self.images.load(Ordering::Relaxed)
    }

    /// Images there are; 0 until they are counted.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

/// A check of a store, and how thorough it is.
#[derive(Debug, Clone, Default)]
pub struct Check {
    fast: bool,
    progress: Arc<CheckProgress>,
}

impl Check {
    /// A check of everything.
    pub fn new() -> Check {
        Check::default()
    }

    /// Leaves out reading the images, which is most of the work.
    pub fn fast(mut self, fast: bool) -> Self {
        self.fast = fast;
        self
    }

    /// Where to watch the check from another task.
    pub fn progress(&self) -> Arc<CheckProgress> {
        Arc::clone(&self.progress)
    }

    /// Checks every invariant over one published state, in the order of [`INVARIANTS`]. Changes nothing; what is left over is only looked at
    /// while no command writes.
    ///
    /// # Errors
    /// Those of the store; a broken invariant is a finding, not an error.
    pub async fn run(&self, store: &Store) -> Result<Vec<Finding>> {
        let lost = store.lost_versions().await?;
        let strays = Catalog::load(store.root())?.strays();
        let earlier = store.wrong_earlier_files().await?;
        let state = match lost.iter().find(|lost| lost.tag.is_none()) {
            Some(LostVersion { table, version, .. }) => Err(format!("version {version} of table '{table}' is gone")),
            None => Ok(State::open(store).await?),
        };
        let mut findings = Vec::with_capacity(INVARIANTS.len());
        for &invariant in INVARIANTS {
            let outcome = match (invariant.subject, &state) {
                (Subject::Versions, _) => broken(of(lost.iter().map(describe))),
                (Subject::State, _) => broken(of(strays.iter().map(describe_stray))),
                (Subject::EarlierFiles, _) => broken(of(earlier.iter().map(|(tag, table, problem)| format!("{table}: {problem}, {tag}")))),
                (Subject::Content(_), Err(reason)) => Outcome::NotChecked(reason.clone()),
                (Subject::Content(Content::Images), Ok(_)) if self.fast => Outcome::NotChecked("left out by --fast".into()),
                (Subject::Content(content), Ok(state)) => match state.look_at(content, &self.progress).await {
                    // What reads a damaged file fails.
                    Err(error) if !state.damaged.is_empty() => Outcome::NotChecked(error.to_string()),
                    looked => looked?,
                },
            };
            findings.push(Finding { invariant, outcome });
        }
        Ok(findings)
    }
}

/// The invariants that are broken; checks everything.
///
/// # Errors
/// Those of the store; a broken invariant is a result, not an error.
pub async fn check(store: &Store) -> Result<Vec<Violation>> {
    let findings = Check::new().run(store).await?;
    let violation = |finding: Finding| match finding.outcome {
        Outcome::Broken(Found { rows, example }) => Some(Violation { invariant: finding.invariant.name, rows, example }),
        _ => None,
    };
    Ok(findings.into_iter().filter_map(violation).collect())
}

/// What is looked at.
struct State {
    snapshot: Snapshot,
    session: Session,
    damaged: Vec<(Table, String)>,
    /// Or why it cannot be told.
    left_over: Result<LeftOver, String>,
}

impl State {
    async fn open(store: &Store) -> Result<State> {
        let left_over = match store.left_over().await {
            Ok(left_over) => Ok(left_over),
            Err(error @ (Error::StoreInUse { .. } | Error::ReadOnlyStore { .. })) => Err(error.to_string()),
            Err(error) => return Err(error),
        };
        let snapshot = store.snapshot().await?;
        let session = Session::builder().snapshot(snapshot.clone()).build().await?;
        Ok(State { damaged: snapshot.damaged_files().await, snapshot, session, left_over })
    }

    async fn look_at(&self, content: Content, progress: &CheckProgress) -> Result<Outcome> {
        Ok(match content {
            Content::Files => broken(of(self.damaged.iter().map(|(table, problem)| format!("{table}: {problem}")))),
            Content::Rows(statement) => broken(self.rows(statement.text()).await?),
            Content::Images => broken(images::find(&self.snapshot, progress).await?),
            Content::LeftOver(kind) => match &self.left_over {
                Err(reason) => Outcome::NotChecked(reason.clone()),
                Ok(left_over) => self.look_at_left_over(left_over, kind).await?,
            },
        })
    }

    async fn look_at_left_over(&self, left_over: &LeftOver, kind: LeftOverKind) -> Result<Outcome> {
        let found = match (kind, &left_over.damaged_journal) {
            (LeftOverKind::Journal, damage) => return Ok(broken(of(damage.iter().cloned()))),
            (LeftOverKind::DoubledCalls | LeftOverKind::Calls, Some(damage)) => return Ok(Outcome::NotChecked(damage.clone())),
            (LeftOverKind::DoubledCalls, None) => return Ok(broken(self.doubled_calls(&left_over.calls).await?)),
            (LeftOverKind::Calls, None) => {
                let rows = left_over.recorded_calls + left_over.calls.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
                (rows > 0).then(|| Found { rows, example: JOURNAL_FILE.into() })
            }
            (LeftOverKind::Versions, _) => of(left_over.unpublished.iter().map(|table| format!("table {table}"))),
            (LeftOverKind::Files, _) => of(left_over.files.iter().map(|path| path.display().to_string())),
        };
        Ok(found.map_or(Outcome::Sound, Outcome::LeftOver))
    }

    async fn doubled_calls(&self, journaled: &[RecordBatch]) -> Result<Option<Found>> {
        let Some(first) = journaled.first() else { return Ok(None) };
        let calls = arrow::compute::concat_batches(&first.schema(), journaled)?;
        self.session.context().register_batch("journaled_calls", calls)?;
        self.rows(JOURNAL_HOLDS_NEW_CALLS.text()).await
    }

    /// The rows that a query gives, each by its id.
    async fn rows(&self, sql: &str) -> Result<Option<Found>> {
        #[derive(serde::Deserialize)]
        struct Summary {
            broken: i64,
            example: Option<String>,
        }
        let sql = format!("SELECT count(*) AS broken, CAST(min(id) AS VARCHAR) AS example FROM ({sql})");
        let summary = self.session.rows::<Summary>(&sql).await?.into_iter().find(|summary| summary.broken > 0);
        Ok(summary.map(|Summary { broken, example }| Found { rows: broken.unsigned_abs(), example: example.unwrap_or_default() }))
    }
}

fn broken(found: Option<Found>) -> Outcome {
    found.map_or(Outcome::Sound, Outcome::Broken)
}

fn of(mut things: impl ExactSizeIterator<Item = String>) -> Option<Found> {
    let rows = things.len() as u64;
    things.next().map(|example| Found { rows, example })
}

fn describe(lost: &LostVersion) -> String {
    let LostVersion { tag, table, version } = lost;
    format!("{table} version {version}, {}", tag.as_deref().unwrap_or("published"))
}

fn describe_stray(stray: &StrayTable) -> String {
    let version = |version: Option<u64>| version.map_or_else(|| "nothing".to_owned(), |version| format!("version {version}"));
    format!("{} is {}, and was left as {}", stray.table, version(stray.version), version(stray.tagged))
}
