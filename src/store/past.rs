//! A table as it was at one of its versions.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use lance::Dataset;

use super::missing_columns::Completion;
use super::provider::{StoreTable, no_rows, pushed_down};
use super::scan::Scan;
use super::schema::Table;
use super::snapshot::{Snapshot, table_error};
use crate::error::Error;

/// A table at an earlier version, with the columns it has now: those that it did not have then are NULL.
///
/// The version is opened when a query over it is planned; that reads its manifest and no data.
pub struct PastTable {
    table: Table,
    /// `None` for a time at which it had not been written.
    version: Option<u64>,
    /// Leaves out the rows that lie, unchanged, in the same files in this version.
    unlike: Option<u64>,
    present: Option<Arc<Dataset>>,
    schema: SchemaRef,
}

impl PastTable {
    /// The table of `snapshot` as it was at `version`, or before it was first written.
    pub fn new(table: Table, version: Option<u64>, snapshot: &Snapshot) -> PastTable {
        let schema = StoreTable::new(table, snapshot, None).schema();
        PastTable { table, version, unlike: None, present: snapshot.dataset(table).cloned(), schema }
    }

    /// Leaves out rows that are the same in version `other`, as far as that can be told without reading them: whole files that both have. What
    /// is left may still hold equal rows.
    pub fn unlike(mut self, other: Option<u64>) -> PastTable {
        self.unlike = other;
        self
    }

    async fn open(&self, version: u64) -> crate::Result<Dataset> {
        let Some(present) = &self.present else {
            return Err(Error::internal("failed to open an earlier version", format!("table '{}' was never written", self.table)));
        };
        present.checkout_version(version).await.map_err(|cause| table_error("open an earlier version of", self.table, cause))
    }

    async fn read(&self, dataset: &Dataset, columns: &[&str], filters: &[Expr], limit: Option<usize>) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = Scan {
            dataset: Arc::new(dataset.clone()),
            table: self.table,
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            filter: filters.iter().cloned().reduce(Expr::and),
            limit,
        };
        let Some(other) = self.unlike else { return scan.plan().await };
        let other = self.open(other).await?;
        let same: HashMap<u64, _> = other.fragments().iter().map(|fragment| (fragment.id, fragment)).collect();
        let differing = dataset.fragments().iter().filter(|fragment| same.get(&fragment.id) != Some(fragment));
        let mut scanner = scan.scanner(columns)?;
        scanner.with_fragments(differing.cloned().collect());
        Ok(scanner.create_plan().await?)
    }
}

#[async_trait]
impl TableProvider for PastTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let Some(version) = self.version else { return no_rows(&self.schema, &wanted) };
        let dataset = self.open(version).await?;
        if self.schema.fields().iter().any(|field| dataset.schema().field(field.name()).is_none()) {
            let completion = Completion::new(&self.schema, &wanted, filters, &Schema::from(dataset.schema()))?;
            let columns: Vec<&str> = completion.read.iter().map(String::as_str).collect();
            let rows = self.read(&dataset, &columns, &completion.pushed, completion.limit(limit)).await?;
            return completion.complete(state, rows);
        }
        let columns: Vec<&str> = wanted.iter().map(|index| self.schema.field(*index).name().as_str()).collect();
        self.read(&dataset, &columns, filters, limit).await
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(pushed_down(filters))
    }
}

impl fmt::Debug for PastTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PastTable").field("table", &self.table).field("version", &self.version).finish_non_exhaustive()
    }
}
