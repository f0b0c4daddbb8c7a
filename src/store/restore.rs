//! Restore: the dataset becomes what it was, as a new state on top of all others.

use futures::FutureExt;
use lance::table::format::Fragment;
use serde::{Serialize, Serializer};

use super::catalog::Catalog;
use super::schema::Table;
use super::snapshot::{Snapshot, table_error};
use super::{Store, Writer};
use crate::error::{Error, Result};

/// The tables that say what the dataset is. The others are records of what was done and paid for: prompts, calls and runs only ever grow, so
/// that an answer that was paid for before the restore is not paid for again after it.
const RESTORED: [Table; 6] = [Table::Images, Table::Samples, Table::Instructions, Table::Evolutions, Table::Embeddings, Table::Duplicates];

/// What a restore changes, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestorePlan {
    /// The state to go back to, as it was named.
    pub tag: String,
    /// Every table that is restored, also one that has not changed since, but for those that neither state has.
    pub tables: Vec<RestoredTable>,
}

/// One table of a [`RestorePlan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoredTable {
    /// Which table; written as its name.
    #[serde(serialize_with = "name")]
    pub table: Table,
    /// How many rows it has now.
    pub rows_now: u64,
    /// How many it had then.
    pub rows_then: u64,
    /// Whether it is made of other files or deletions now than then.
    pub differs: bool,
    /// `None` where it had not been written yet.
    #[serde(skip)]
    version: Option<u64>,
}

fn name<S: Serializer>(table: &Table, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(table.name())
}

impl RestorePlan {
    /// Whether the dataset is not already what it was then.
    pub fn has_changes(&self) -> bool {
        self.tables.iter().any(|table| table.differs)
    }
}

impl Store {
    /// What [`Store::restore`] would change. Reads manifests, no data, and writes nothing.
    ///
    /// # Errors
    /// As [`Catalog::state`]; an [`Error::Table`] where a file that would be needed is gone or has another length than it had.
    pub async fn plan_restore(&self, tag: &str) -> Result<RestorePlan> {
        let now = self.snapshot().await?;
        plan(&now, &self.snapshot_at(tag).await?, tag).await
    }

    /// Makes the dataset what it was at `tag`, as one new state and a run of its own: images, samples, instructions, evolutions, embeddings and
    /// marks of duplicates go back, while prompts, calls and runs keep what they have. Nothing is deleted: tags stay, and so does everything that they name, also the state
    /// before the restore. No data is copied. Without changes nothing is written.
    ///
    /// # Errors
    /// As [`Store::plan_restore`] and [`Store::writer`].
    pub async fn restore(&self, tag: &str) -> Result<(RestorePlan, Option<Catalog>)> {
        // A name that is wrong is told before the lock is taken.
        self.plan_restore(tag).await?;
        let mut writer = self.writer("restore", serde_json::json!({ "tag": tag })).await?;
        let then = self.snapshot_at(tag).await?;
        let plan = plan(writer.snapshot(), &then, tag).await?;
        if !plan.has_changes() {
            return Ok((plan, None));
        }
        restore_tables(&mut writer, &plan).await?;
        let published = writer.publish(serde_json::json!({ "tables": plan.tables })).await?;
        Ok((plan, Some(published)))
    }
}

async fn restore_tables(writer: &mut Writer, plan: &RestorePlan) -> Result<()> {
    for table in plan.tables.iter().filter(|table| table.differs) {
        restore_table(writer, table.table, table.version).boxed().await?;
    }
    Ok(())
}

/// Makes a table what it was at an earlier version, as a new version on top of the newest: no data is copied, none removed. Without a version,
/// when it had not been written yet, it loses its rows.
async fn restore_table(writer: &mut Writer, table: Table, version: Option<u64>) -> Result<()> {
    let failed = |cause| table_error("restore", table, cause);
    let Some(version) = version else { return writer.delete(table, "true").await.map(drop) };
    let newest = writer.prepare(table).await?;
    let mut earlier = newest.checkout_version(version).await.map_err(failed)?;
    earlier.restore().await.map_err(failed)?;
    writer.replace_dataset(table, earlier);
    writer.add_new_columns(table).await
}

async fn plan(now: &Snapshot, then: &Snapshot, tag: &str) -> Result<RestorePlan> {
    let mut tables = Vec::new();
    for table in RESTORED {
        if now.dataset(table).or(then.dataset(table)).is_none() {
            continue;
        }
        tables.push(RestoredTable {
            table,
            rows_now: now.count_rows(table).await?,
            rows_then: then.count_rows(table).await?,
            differs: fragments(now, table) != fragments(then, table),
            version: then.catalog().version(table)?,
        });
    }
    let is_restored = |table: Table| tables.iter().any(|restored| restored.table == table && restored.differs);
    // What cannot be read is not made the present state.
    if let Some((table, problem)) = then.wrong_files().into_iter().find(|(table, _)| is_restored(*table)) {
        return Err(Error::Table { action: "restore", table: table.name().into(), cause: problem.into() });
    }
    Ok(RestorePlan { tag: tag.to_owned(), tables })
}

/// What a table is made of; nothing where it was never written.
fn fragments(snapshot: &Snapshot, table: Table) -> &[Fragment] {
    snapshot.dataset(table).map_or(&[], |dataset| dataset.fragments().as_slice())
}
