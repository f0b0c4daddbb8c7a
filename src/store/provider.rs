//! A table of the store as DataFusion sees it: scans with pushed-down columns and filters, and INSERT.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan};
use lance::Dataset;
use lance::arrow::ARROW_EXT_NAME_KEY;
use lance::datafusion::LanceTableProvider;
use lance::datatypes::BlobHandling;

use super::conform::rejected;
use super::missing_columns::{Completion, with_missing};
use super::scan::Scan;
use super::schema::Table;
use super::snapshot::Snapshot;
use super::vectors::VectorColumn;
use super::writer::SharedWriter;
use crate::error::Error;

/// One table at one version, with the columns it has in this mmevol: those that came later than the version are NULL. Image bytes are read as they are when a query names them, and not at all otherwise.
#[derive(Debug)]
pub struct StoreTable {
    table: Table,
    /// `None` for a table that was never written.
    stored: Option<Stored>,
    schema: SchemaRef,
    writer: Option<SharedWriter>,
}

impl StoreTable {
    /// The table as `snapshot` has it. Without a writer, INSERT is refused.
    pub fn new(table: Table, snapshot: &Snapshot, writer: Option<SharedWriter>) -> StoreTable {
        let stored = snapshot.dataset(table).cloned().map(Stored::new);
        let fields = stored.iter().flat_map(|stored| stored.schema.fields().iter());
        let plain = fields.filter(|field| VectorColumn::of(field).is_none());
        let schema = with_missing(table, plain.map(|field| as_scanned(field)).collect());
        StoreTable { table, stored, schema, writer }
    }
}

/// The columns `wanted` of a table that was never written.
pub(super) fn no_rows(schema: &Schema, wanted: &[usize]) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(Arc::new(EmptyExec::new(Arc::new(schema.project(wanted)?))))
}

/// The version of a table that is read, with the columns it has.
#[derive(Debug)]
struct Stored {
    dataset: Arc<Dataset>,
    schema: SchemaRef,
}

impl Stored {
    fn new(dataset: Arc<Dataset>) -> Stored {
        let schema = LanceTableProvider::new(Arc::clone(&dataset), false, false).with_blob_handling(BlobHandling::AllBinary).schema();
        Stored { dataset, schema }
    }

    fn scan(&self, table: Table, columns: &[impl AsRef<str>], filters: &[Expr], limit: Option<usize>) -> Scan {
        let columns = columns.iter().map(|column| column.as_ref().to_owned()).collect();
        Scan { dataset: Arc::clone(&self.dataset), table, columns, filter: filters.iter().cloned().reduce(Expr::and), limit }
    }
}

/// The field as a scan gives it: plain bytes, without the mark of a blob that Lance's own provider leaves on it. Aggregates and joins compare
/// the two, metadata included.
fn as_scanned(field: &Field) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.remove(ARROW_EXT_NAME_KEY);
    field.clone().with_metadata(metadata)
}

#[async_trait]
impl TableProvider for StoreTable {
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
        let Some(stored) = &self.stored else { return no_rows(&self.schema, &wanted) };
        if self.schema.fields().iter().all(|field| stored.schema.index_of(field.name()).is_ok()) {
            let columns: Vec<&str> = wanted.iter().map(|index| self.schema.field(*index).name().as_str()).collect();
            return stored.scan(self.table, &columns, filters, limit).plan().await;
        }
        let completion = Completion::new(&self.schema, &wanted, filters, &stored.schema)?;
        let rows = stored.scan(self.table, &completion.read, &completion.pushed, completion.limit(limit)).plan().await?;
        completion.complete(state, rows)
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(pushed_down(filters))
    }

    async fn insert_into(
        &self,
        _state: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        operation: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if operation != InsertOp::Append {
            return Err(Error::argument("INSERT", "the store only adds rows; INSERT OVERWRITE and REPLACE are not supported").into());
        }
        let Some(writer) = &self.writer else {
            return Err(Error::argument("INSERT", "this session reads only; run the statement with 'mmevol sql'").into());
        };
        refuse_null_columns(self.table, &input)?;
        let sink = StoreSink { table: self.table, schema: nullable(&self.table.schema()), writer: Arc::clone(writer) };
        Ok(Arc::new(DataSinkExec::new(input, Arc::new(sink), None)))
    }
}

/// Comparisons of columns with constants go into the scan, where they save reading; anything that calls a function stays
/// above it, so that nothing is evaluated twice and no model is called from a scan.
pub(super) fn pushed_down(filters: &[&Expr]) -> Vec<TableProviderFilterPushDown> {
    let decide = |filter: &&Expr| match is_plain(filter) {
        true => TableProviderFilterPushDown::Exact,
        false => TableProviderFilterPushDown::Unsupported,
    };
    filters.iter().map(decide).collect()
}

fn is_plain(filter: &Expr) -> bool {
    let mut plain = true;
    let visited = filter.apply(|expr| {
        plain &= matches!(
            expr,
            Expr::Column(_)
                | Expr::Literal(..)
                | Expr::BinaryExpr(_)
                | Expr::Not(_)
                | Expr::IsNull(_)
                | Expr::IsNotNull(_)
                | Expr::IsTrue(_)
                | Expr::IsFalse(_)
                | Expr::Between(_)
                | Expr::InList(_)
                | Expr::Like(_)
        );
        Ok(if plain { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    visited.is_ok() && plain
}

/// Refuses rows all of whose values of one column are NULL, where there must be one: such a column was left out of the statement. The writer
/// would see it when the rows come, and they may have been paid for by then.
fn refuse_null_columns(table: Table, rows: &Arc<dyn ExecutionPlan>) -> Result<()> {
    let Some(projection) = rows.downcast_ref::<ProjectionExec>() else { return Ok(()) };
    let schema = table.schema();
    let is_null = |name: &str| {
        let column = projection.expr().iter().find(|column| column.alias == name);
        column.and_then(|column| column.expr.downcast_ref::<Literal>()).is_some_and(|literal| literal.value().is_null())
    };
    match schema.fields().iter().find(|field| !field.is_nullable() && is_null(field.name())) {
        Some(field) => Err(rejected(table, field.name(), "must not be NULL")),
        None => Ok(()),
    }
}

fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[derive(Debug)]
struct StoreSink {
    table: Table,
    /// Every column nullable: NULL where there must be a value is refused by the writer, which names the column; the engine would only
    /// give its number.
    schema: SchemaRef,
    writer: SharedWriter,
}

impl DisplayAs for StoreSink {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreSink(table={})", self.table)
    }
}

#[async_trait]
impl DataSink for StoreSink {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    async fn write_all(&self, data: SendableRecordBatchStream, _context: &Arc<TaskContext>) -> Result<u64> {
        self.writer.lock().await.insert(self.table, data).await.map_err(DataFusionError::from)
    }
}
