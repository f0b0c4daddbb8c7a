//! Check: invariants that hold of every store, each with what to do where it is broken, and the repair of what can be mended.

mod images;
mod repair;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result};
use crate::query::Session;
use crate::store::{Catalog, LeftOver, LostVersion, Snapshot, Store, StrayTable, Table};
pub use repair::{Repair, repair};

/// Something that must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invariant {
    /// What holds, in words joined by underscores.
    pub name: &'static str,
    /// What to do when it does not.
    pub remedy: &'static str,
    subject: Subject,
}

/// Where it is looked for what breaks an invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// The versions that the catalog names.
    Versions,
    /// The versions of the present state, beside those that the last publication left.
    State,
    /// The files of the tables.
    Files,
    /// The rows: gives the id of each that breaks it.
    Rows(&'static str),
    /// The bytes of the images.
    Images,
    /// What commands that were cut off left behind.
    LeftOver(LeftOverKind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeftOverKind {
    /// The journal itself.
    Journal,
    /// Calls that are in the journal and in the table, which would be there twice. This and a damaged journal are all that breaks anything.
    DoubledCalls,
    Calls,
    Versions,
    Files,
}

const COUNTS_AGREE: &str = include_str!("../sql/check/counts_agree.sql");
const JOURNAL_HOLDS_NEW_CALLS: &str = include_str!("../sql/check/journal_holds_new_calls.sql");

/// Every invariant, in the order in which they are checked.
pub const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "versions_are_there",
        remedy: "files of the store were removed: bring them back from a copy of the store",
        subject: Subject::Versions,
    },
    Invariant {
        name: "tables_are_of_one_state",
        remedy: "catalog.json was changed by hand, or mixed from several: 'mmevol check --repair' takes the versions that the last run left",
        subject: Subject::State,
    },
    Invariant {
        name: "table_files_are_whole",
        remedy: "files of the store were removed or changed: bring them back from a copy of the store",
        subject: Subject::Files,
    },
    Invariant {
        name: "ids_are_unique",
        remedy: "rows were inserted twice: go back to an earlier state with 'mmevol restore TAG'",
        subject: Subject::Rows(include_str!("../sql/check/ids_are_unique.sql")),
    },
    Invariant {
        name: "ids_match_their_content",
        remedy: "rows were inserted by hand under ids of their own: importing or evolving the same again does not recognise them",
        subject: Subject::Rows(include_str!("../sql/check/ids_match_their_content.sql")),
    },
    Invariant {
        name: "instructions_have_their_sample",
        remedy: "import the sample's seed file again",
        subject: Subject::Rows(include_str!("../sql/check/instructions_have_their_sample.sql")),
    },
    Invariant {
        name: "instructions_have_their_evolution",
        remedy: "go back to an earlier state with 'mmevol restore TAG'",
        subject: Subject::Rows(include_str!("../sql/check/instructions_have_their_evolution.sql")),
    },
    Invariant {
        name: "kept_items_have_a_parent_or_are_seeds",
        remedy: "rows were inserted by hand: look at them in history, and insert their parents",
        subject: Subject::Rows(include_str!("../sql/check/kept_items_have_a_parent_or_are_seeds.sql")),
    },
    Invariant {
        name: "parents_come_first",
        remedy: "rows were inserted by hand, and their lineage means nothing: go back to an earlier state with 'mmevol restore TAG'",
        subject: Subject::Rows(include_str!("../sql/check/parents_come_first.sql")),
    },
    Invariant {
        name: "evolutions_have_their_sample",
        remedy: "import the sample's seed file again",
        subject: Subject::Rows(include_str!("../sql/check/evolutions_have_their_sample.sql")),
    },
    Invariant {
        name: "evolutions_have_their_prompts",
        remedy: "the text is lost, what was made with it is not: 'mmevol evolve --stale' does not see that such a prompt was edited",
        subject: Subject::Rows(include_str!("../sql/check/evolutions_have_their_prompts.sql")),
    },
    Invariant {
        name: "one_attempt_stands",
        remedy: "rows were inserted by hand, and items count twice: go back to an earlier state with 'mmevol restore TAG'",
        subject: Subject::Rows(include_str!("../sql/check/one_attempt_stands.sql")),
    },
    Invariant { name: "counts_agree", remedy: "'mmevol check --repair' counts the items again", subject: Subject::Rows(COUNTS_AGREE) },
    Invariant {
        name: "evolutions_have_their_calls",
        remedy: "'mmevol check --repair' takes the answers from the journal; those that are not there are lost, but the items are not",
        subject: Subject::Rows(include_str!("../sql/check/evolutions_have_their_calls.sql")),
    },
    Invariant {
        name: "duplicates_have_their_item",
        remedy: "mark them anew with 'mmevol dedup', or take the marks back with 'mmevol dedup --unmark'",
        subject: Subject::Rows(include_str!("../sql/check/duplicates_have_their_item.sql")),
    },
    Invariant {
        name: "samples_have_their_images",
        remedy: "import the seed file again into a new store",
        subject: Subject::Rows(include_str!("../sql/check/samples_have_their_images.sql")),
    },
    Invariant {
        name: "images_match_their_ids",
        remedy: "files of the store are damaged: import the images again into a new store",
        subject: Subject::Images,
    },
    Invariant {
        name: "journal_is_readable",
        remedy: "journal.redb is damaged: bring it back from a copy of the store, or move it away; what is lost then is answers of a command that \
                 was cut off, and nothing that was published",
        subject: Subject::LeftOver(LeftOverKind::Journal),
    },
    Invariant {
        name: "journal_holds_new_calls",
        remedy: "the next command that writes adds these calls a second time, and their cost counts twice",
        subject: Subject::LeftOver(LeftOverKind::DoubledCalls),
    },
    Invariant {
        name: "journal_is_in_calls",
        remedy: "a command was cut off, and its answers are safe: the next one that writes, or 'mmevol check --repair', adds them to calls",
        subject: Subject::LeftOver(LeftOverKind::Calls),
    },
    Invariant {
        name: "versions_are_published",
        remedy: "a command was cut off before it published: the next one that writes, or 'mmevol check --repair', goes on without them",
        subject: Subject::LeftOver(LeftOverKind::Versions),
    },
    Invariant {
        name: "files_are_in_use",
        remedy: "a command was cut off: 'mmevol check --repair' removes what it left",
        subject: Subject::LeftOver(LeftOverKind::Files),
    },
];

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
        let state = match lost.iter().find(|lost| lost.tag.is_none()) {
            Some(LostVersion { table, version, .. }) => Err(format!("version {version} of table '{table}' is gone")),
            None => Ok(State::open(store).await?),
        };
        let mut findings = Vec::with_capacity(INVARIANTS.len());
        for &invariant in INVARIANTS {
            let outcome = match (&state, invariant.subject) {
                (_, Subject::Versions) => broken(of(lost.iter().map(describe))),
                (_, Subject::State) => broken(of(strays.iter().map(describe_stray))),
                (Err(reason), _) => Outcome::NotChecked(reason.clone()),
                (Ok(_), Subject::Images) if self.fast => Outcome::NotChecked("left out by --fast".into()),
                (Ok(state), subject) => match state.look_at(subject, &self.progress).await {
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

    async fn look_at(&self, subject: Subject, progress: &CheckProgress) -> Result<Outcome> {
        Ok(match subject {
            Subject::Versions | Subject::State => Outcome::Sound,
            Subject::Files => broken(of(self.damaged.iter().map(|(table, problem)| format!("{table}: {problem}")))),
            Subject::Rows(sql) => broken(self.rows(sql).await?),
            Subject::Images => broken(images::find(&self.snapshot, progress).await?),
            Subject::LeftOver(kind) => match &self.left_over {
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
                (rows > 0).then(|| Found { rows, example: "journal.redb".into() })
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
        self.rows(JOURNAL_HOLDS_NEW_CALLS).await
    }

    /// The rows that a query gives, each by its id.
    async fn rows(&self, sql: &str) -> Result<Option<Found>> {
        #[derive(serde::Deserialize)]
        struct Summary {
            broken: i64,
            example: Option<String>,
        }
        let sql = format!("SELECT count(*) AS broken, CAST(min(id) AS VARCHAR) AS example FROM ({sql})");
        for batch in self.session.collect(&sql).await? {
            let summary: Vec<Summary> = serde_arrow::from_record_batch(&batch)?;
            if let Some(Summary { broken, example }) = summary.into_iter().next().filter(|summary| summary.broken > 0) {
                return Ok(Some(Found { rows: broken.unsigned_abs(), example: example.unwrap_or_default() }));
            }
        }
        Ok(None)
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
