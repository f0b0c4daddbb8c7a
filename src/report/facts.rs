//! The items and attempts that figures are made of, read from the store once.

use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;

use crate::error::{Error, Result};
use crate::query::{Session, in_parentheses, temporary_folder};
use crate::store::{Snapshot, Store};

/// Which items of which state are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// SQL over the view `history`: only items for which it holds. `None` for all that stand.
    pub predicate: Option<String>,
    /// The state of the store, as [`crate::store::Catalog::state`] takes it. `None` for the present one.
    pub at: Option<String>,
}

impl Selection {
    /// The state that is looked at, and a session over it.
    ///
    /// # Errors
    /// Those of the store, and an [`Error::Argument`] when the predicate is no predicate over `history`.
    pub async fn open(&self, store: &Store) -> Result<(Snapshot, Session)> {
        Session::over(store, self.at.as_deref(), self.predicate.as_deref()).await
    }

    /// A statement of `sql/report/` as it says the same to any session over the store: the views it reads are replaced by what is chosen of them.
    /// SQL cannot name the state of a view, so a comment names that.
    pub fn over(&self, sql: &str) -> String {
        let mut text = String::new();
        if let Some(state) = &self.at {
            // No end of a line: the comment must not end before the name does.
            text += &format!("-- Of state {}; run as it stands, this tells the present one.\n", state.replace(['\n', '\r'], " "));
        }
        let Some(predicate) = &self.predicate else { return text + sql };
        let reads = |view: &str| sql.contains(view);
        let mut chosen = Vec::new();
        if reads("item_facts") || reads("attempt_facts") {
            chosen.push(format!("item_facts AS (\n{}\n)", items(predicate)));
        }
        if reads("attempt_facts") {
            chosen.push(format!("attempt_facts AS (\n{ATTEMPTS}\n)"));
        }
        if chosen.is_empty() {
            return text + sql;
        }
        let chosen = chosen.join(",\n");
        let body = sql.lines().take_while(|line| line.starts_with("--")).map(|line| line.len() + 1).sum::<usize>().min(sql.len());
        let (comment, body) = sql.split_at(body);
        text + comment
            + &match (body.strip_prefix("WITH RECURSIVE "), body.strip_prefix("WITH ")) {
                (Some(rest), _) => format!("WITH RECURSIVE {chosen},\n{rest}"),
                (None, Some(rest)) => format!("WITH {chosen},\n{rest}"),
                (None, None) => format!("WITH {chosen}\n{body}"),
            }
    }
}

/// The chosen items. The view is named with its schema: a WITH RECURSIVE would take its bare name for the chosen items themselves.
fn items(predicate: &str) -> String {
    let predicate = in_parentheses(predicate);
    format!("SELECT * FROM main.item_facts WHERE instruction_id IN (SELECT instruction_id FROM history WHERE {predicate})")
}

/// The attempts that brought them.
const ATTEMPTS: &str = "SELECT * FROM main.attempt_facts WHERE evolution_id IN (SELECT evolution_id FROM item_facts)";

/// One state of a store, with the chosen items at hand under the names that `sql/report/` reads.
///
/// The views `item_facts` and `attempt_facts` are read once, narrow, into files in the system's temporary folder, so that twenty statements do not
/// read the store twenty times. Memory does not grow with the items; the files take about 400 bytes an item, and go away with this.
#[derive(Debug)]
pub struct Facts {
    session: Session,
    snapshot: Snapshot,
    selection: Selection,
    items: u64,
    attempts: u64,
    /// Holds the files.
    _folder: TempDir,
}

impl Facts {
    /// Reads the chosen items.
    ///
    /// Only attempts that brought a chosen item are looked at, so that with a predicate the failed ones, which have no items, are left out.
    ///
    /// # Errors
    /// Those of the store, an [`Error::Argument`] when the predicate is no predicate over `history`, and of writing to the temporary folder.
    pub async fn gather(store: &Store, selection: Selection) -> Result<Facts> {
        let (snapshot, session) = selection.open(store).await?;
        let (items, attempts) = match &selection.predicate {
            Some(predicate) => (items(predicate), ATTEMPTS.to_owned()),
            None => ("SELECT * FROM item_facts".to_owned(), "SELECT * FROM attempt_facts".to_owned()),
        };
        let folder = temporary_folder()?;
        let items = Box::pin(session.keep("item_facts", &items, folder.path())).await?;
        let attempts = Box::pin(session.keep("attempt_facts", &attempts, folder.path())).await?;
        Ok(Facts { session, snapshot, selection, items, attempts, _folder: folder })
    }

    /// How many items were chosen.
    pub fn items(&self) -> u64 {
        self.items
    }

    /// How many attempts brought them.
    pub fn attempts(&self) -> u64 {
        self.attempts
    }

    /// What was chosen.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The state that is looked at.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The rows of a statement as columns. Figures are small: they are held in memory.
    ///
    /// # Errors
    /// Those of the statement.
    pub async fn batches(&self, sql: &str) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let stream = self.session.stream(sql).await?;
        let schema = stream.schema();
        let batches = stream.try_collect().await.map_err(|cause| self.session.explain(cause, sql))?;
        Ok((schema, batches))
    }

    /// The rows of a statement as objects, in the order of its columns. NULL and what is not a number are null.
    ///
    /// # Errors
    /// Those of the statement.
    pub async fn rows(&self, sql: &str) -> Result<Vec<Value>> {
        self.session.rows(sql).await
    }
}

/// Rows as what they mean.
///
/// # Errors
/// When a column is missing or of another type, which is a fault of the statement's file.
pub fn typed<T: DeserializeOwned>(rows: &[Value]) -> Result<Vec<T>> {
    rows.iter().map(|row| T::deserialize(row).map_err(|cause| Error::internal("failed to read the rows of a figure", cause))).collect()
}
