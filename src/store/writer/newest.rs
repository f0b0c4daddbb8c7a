//! Tables in their newest form, which the next commit builds on: the published version on top, with all columns that this mmevol knows.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema};
use futures::FutureExt;
use lance::Dataset;
use lance::dataset::NewColumnTransform;

use super::super::catalog::Catalog;
use super::super::damage::remove_versions_after;
use super::super::disk::DurableFiles;
use super::super::new_tables::{create_table, remove_table};
use super::super::schema::Table;
use super::super::snapshot::{table_error, table_path};
use super::Writer;
use crate::error::Result;

impl Writer {
    /// Puts the published version of a table back on top, where a writer that was cut off left versions that were never published; every writer
    /// does so for the tables it changes. Returns which tables had any.
    pub async fn restore_published(&mut self) -> Result<Vec<Table>> {
        let mut restored = Vec::new();
        for table in Table::ALL {
            match self.snapshot.dataset(table) {
                Some(dataset) if has_unpublished_version(dataset, table, &self.catalog).await? => {
                    self.prepare(table).await?;
                    restored.push(table);
                }
                None if table_path(&self.root, table).exists() => {
                    remove_table(&self.root, &self.disk, table)?;
                    restored.push(table);
                }
                _ => {}
            }
        }
        Ok(restored)
    }

    /// The table's dataset, newest and published being the same; a table that was never written is made. A crashed writer may have left
    /// versions that were never published; a commit on top of them would bring their rows back.
    pub(in crate::store) async fn prepare(&mut self, table: Table) -> Result<Arc<Dataset>> {
        let Some(published) = self.snapshot.dataset(table).cloned() else {
            let (created, files) = create_table(&self.root, &self.disk, &self.session, table).boxed().await?;
            let created = Arc::new(created);
            self.snapshot = self.snapshot.with_dataset(table, Arc::clone(&created));
            self.prepared.insert(table, files);
            return Ok(created);
        };
        if !self.prepared.contains_key(&table) {
            let files = DurableFiles::found(&self.disk, table_path(&self.root, table)).await?;
            if has_newer_version(&published, table).await? {
                let mut restored = published.as_ref().clone();
                match restored.restore().await {
                    Ok(()) => self.snapshot = self.snapshot.with_dataset(table, Arc::new(restored)),
                    // After a power loss they may be files without content, and nothing can be put on top of those.
                    Err(cause) => remove_versions_after(&self.root, &self.disk, table, published.version().version, &self.catalog)
                        .map_err(|_| table_error("restore", table, cause))?,
                }
            }
            self.add_new_columns(table).boxed().await?;
            self.prepared.insert(table, files);
        }
        Ok(self.snapshot.dataset(table).cloned().unwrap_or(published))
    }

    /// Gives a table of an earlier mmevol the columns it has now, NULL in the rows that are there. Writes no data.
    pub(in crate::store) async fn add_new_columns(&mut self, table: Table) -> Result<()> {
        let Some(dataset) = self.snapshot.dataset(table).cloned() else { return Ok(()) };
        let stored = table.stored_schema();
        let new: Vec<_> = stored.fields().iter().filter(|field| dataset.schema().field(field.name()).is_none()).cloned().collect();
        if !new.is_empty() {
            self.add_columns(table, &dataset, new).await?;
        }
        Ok(())
    }

    /// Gives a table columns, NULL in the rows that are there. Writes no data.
    pub(super) async fn add_columns(&mut self, table: Table, dataset: &Dataset, columns: Vec<FieldRef>) -> Result<Arc<Dataset>> {
        let mut extended = dataset.clone();
        let nulls = NewColumnTransform::AllNulls(Arc::new(Schema::new(columns)));
        extended.add_columns(nulls, None, None).await.map_err(|cause| table_error("add columns to", table, cause))?;
        let extended = Arc::new(extended);
        self.snapshot = self.snapshot.with_dataset(table, Arc::clone(&extended));
        Ok(extended)
    }
}

/// Whether versions were committed on top of this one.
async fn has_newer_version(dataset: &Dataset, table: Table) -> Result<bool> {
    Ok(newest_version(dataset, table).await? != dataset.version().version)
}

/// Whether the newest version of a table is one that no state of the store names.
pub(in crate::store) async fn has_unpublished_version(dataset: &Dataset, table: Table, catalog: &Catalog) -> Result<bool> {
    Ok(!catalog.is_published(table, newest_version(dataset, table).await?))
}

async fn newest_version(dataset: &Dataset, table: Table) -> Result<u64> {
    dataset.latest_version_id().await.map_err(|cause| table_error("open", table, cause))
}
