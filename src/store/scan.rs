//! A scan that reads long columns only of the rows that are wanted.
//!
//! Lance reads a column of texts row by row wherever there is a filter, as if one row in a thousand passed it: for ids and statuses, which are short
//! and of which most rows pass, that takes many times what reading all of them does. So short columns are read whole here. For long ones it is
//! found out first which rows are wanted: those that pass the filter and, where the scan is one side of a join, those that the other side asks
//! for. Are they few, they alone are read.

use std::fmt;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{SchemaRef, UInt64Type};
use arrow::record_batch::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{Result, ScalarValue, Statistics, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, DynamicFilterPhysicalExpr, Literal};
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_expr_common::physical_expr::snapshot_physical_expr;
use datafusion::physical_plan::filter_pushdown::{ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties};
use futures::{StreamExt, TryStreamExt};
use lance::Dataset;
use lance::dataset::ProjectionRequest;
use lance::dataset::scanner::{MaterializationStyle, Scanner};
use lance::datatypes::BlobHandling;
use lance::io::RecordBatchStream;

use super::schema::Table;
use super::snapshot::table_error;

/// Rows are read one by one where at most one in so many is wanted: reading them so costs several times as much a row as reading all.
const ROWS_PER_WANTED_ROW: usize = 8;

/// Rows that are read at once.
const ROWS_PER_BATCH: usize = 2048;

/// Batches that are read at the same time.
const BATCHES_AHEAD: usize = 2;

/// What is read of a version of a table.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    pub(super) dataset: Arc<Dataset>,
    pub(super) table: Table,
    pub(super) columns: Vec<String>,
    pub(super) filter: Option<Expr>,
    pub(super) limit: Option<usize>,
}

impl Scan {
    /// A plan of the rows that pass the filter, in their order.
    pub(super) async fn plan(self) -> Result<Arc<dyn ExecutionPlan>> {
        let whole = self.scanner(&self.columns)?.create_plan().await?;
        if self.is_of_long_values() || !self.columns.iter().any(|column| Table::is_long(column)) {
            return Ok(whole);
        }
        Ok(Arc::new(StoreScanExec { scan: self, whole, asked: Vec::new(), metrics: ExecutionPlanMetricsSet::new() }))
    }

    /// Image bytes and vectors are so long that nothing else counts: Lance's own rule suits these tables.
    fn is_of_long_values(&self) -> bool {
        matches!(self.table, Table::Images | Table::Embeddings)
    }

    /// Reads some columns of the rows that pass the filter.
    pub(super) fn scanner<C: AsRef<str>>(&self, columns: &[C]) -> Result<Scanner> {
        let mut scanner = self.dataset.scan();
        scanner.blob_handling(BlobHandling::AllBinary);
        if !self.is_of_long_values() {
            scanner.materialization_style(MaterializationStyle::AllEarly);
        }
        scanner.project(columns)?;
        if let Some(filter) = &self.filter {
            scanner.filter_expr(filter.clone());
        }
        scanner.limit(self.limit.and_then(|limit| i64::try_from(limit).ok()), None)?;
        Ok(scanner)
    }
}

/// A scan of which it is decided when it begins how long columns are read.
#[derive(Debug)]
struct StoreScanExec {
    scan: Scan,
    /// Reads every column whole.
    whole: Arc<dyn ExecutionPlan>,
    /// What joins above ask for. It is known once their other sides have been read, which they wait for before they begin with this one.
    asked: Vec<Arc<dyn PhysicalExpr>>,
    metrics: ExecutionPlanMetricsSet,
}

impl StoreScanExec {
    fn open(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> impl Future<Output = Result<SendableRecordBatchStream>> + Send + 'static {
        let (scan, whole, schema, asked) = (self.scan.clone(), Arc::clone(&self.whole), self.schema(), self.asked.clone());
        let metrics = self.metrics.clone();
        async move {
            let Some(addresses) = wanted(&scan, &asked).await? else { return whole.execute(partition, context) };
            MetricBuilder::new(&metrics).counter("rows_taken", partition).add(addresses.len());
            Ok(take(scan, schema, addresses))
        }
    }
}

/// The addresses of the rows that are wanted; `None` where they are too many, or all.
async fn wanted(scan: &Scan, asked: &[Arc<dyn PhysicalExpr>]) -> Result<Option<Vec<u64>>> {
    let asked = match scan.limit {
        Some(_) => None,
        None => present(asked)?,
    };
    if asked.is_none() && scan.filter.is_none() {
        return Ok(None);
    }
    let keys: Vec<String> = asked.iter().flat_map(collect_columns).map(|column| column.name().to_owned()).collect();
    let mut scanner = scan.scanner(&keys)?;
    scanner.with_row_address();
    let failed = |cause| DataFusionError::from(table_error("read", scan.table, cause));
    let most = scan.dataset.count_rows(None).await.map_err(failed)? / ROWS_PER_WANTED_ROW;
    let mut batches = scanner.try_into_stream().await.map_err(failed)?;
    let asked = asked.map(|asked| reassign_expr_columns(asked, &batches.schema())).transpose()?;
    let mut wanted = Vec::new();
    while let Some(batch) = batches.try_next().await.map_err(failed)? {
        let Some(addresses) = batch.columns().last() else { return internal_err!("a scan gave no row addresses") };
        let addresses = addresses.as_primitive::<UInt64Type>();
        match &asked {
            None => wanted.extend(addresses.values()),
            Some(asked) => {
                let passes = asked.evaluate(&batch)?.into_array(batch.num_rows())?;
                let passes = passes.as_boolean().iter().zip(addresses.values());
                wanted.extend(passes.filter(|(passes, _)| *passes == Some(true)).map(|(_, address)| address));
            }
        }
        if wanted.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(wanted))
}

/// What joins ask for by now; `None` where that is every row.
fn present(asked: &[Arc<dyn PhysicalExpr>]) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let mut all: Option<Arc<dyn PhysicalExpr>> = None;
    for filter in asked {
        let filter = snapshot_physical_expr(Arc::clone(filter))?;
        let is_true = filter.downcast_ref::<Literal>().is_some_and(|literal| *literal.value() == ScalarValue::Boolean(Some(true)));
        if !is_true {
            all = Some(match all {
                Some(others) => Arc::new(BinaryExpr::new(others, Operator::And, filter)),
                None => filter,
            });
        }
    }
    Ok(all)
}

fn take(scan: Scan, schema: SchemaRef, addresses: Vec<u64>) -> SendableRecordBatchStream {
    let batches: Vec<Vec<u64>> = addresses.chunks(ROWS_PER_BATCH).map(<[u64]>::to_vec).collect();
    let read = {
        let schema = Arc::clone(&schema);
        move |addresses| SpawnedTask::spawn(rows(scan.clone(), Arc::clone(&schema), addresses)).join_unwind()
    };
    let batches = futures::stream::iter(batches).map(read).buffered(BATCHES_AHEAD);
    let batches = batches.map(|read| read.map_err(|cause| DataFusionError::External(Box::new(cause)))?);
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

async fn rows(scan: Scan, schema: SchemaRef, addresses: Vec<u64>) -> Result<RecordBatch> {
    let projection = ProjectionRequest::from_columns(&scan.columns, scan.dataset.schema());
    let rows = scan.dataset.take_rows(&addresses, projection).await.map_err(|cause| table_error("read", scan.table, cause))?;
    let columns = scan.columns.iter().map(|column| Ok(Arc::clone(rows.column(rows.schema_ref().index_of(column)?))));
    Ok(RecordBatch::try_new(schema, columns.collect::<Result<_>>()?)?)
}

impl DisplayAs for StoreScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let long: Vec<&str> = self.scan.columns.iter().map(String::as_str).filter(|column| Table::is_long(column)).collect();
        write!(f, "StoreScanExec: table={}, late=[{}]", self.scan.table, long.join(", "))?;
        if !self.asked.is_empty() {
            let asked = self.asked.iter().flat_map(collect_columns).map(|column| column.name().to_owned());
            write!(f, ", joined_by=[{}]", asked.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}

impl ExecutionPlan for StoreScanExec {
    fn name(&self) -> &str {
        "StoreScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.whole.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.whole]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    /// It is one scan, whoever reads it.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(whole), true) = (children.pop(), children.is_empty()) else { return internal_err!("StoreScanExec has one input") };
        Ok(Arc::new(StoreScanExec { scan: self.scan.clone(), whole, asked: self.asked.clone(), metrics: ExecutionPlanMetricsSet::new() }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let opened = futures::stream::once(self.open(partition, context)).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), opened)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        self.whole.partition_statistics(partition)
    }

    /// Takes notice of what joins ask for. They still compare every row themselves.
    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters: Vec<_> = result.parent_filters.into_iter().map(|filter| filter.filter).collect();
        let left_above = FilterPushdownPropagation::with_parent_pushdown_result(vec![PushedDown::No; filters.len()]);
        let dynamic = filters.into_iter().filter(|filter| filter.downcast_ref::<DynamicFilterPhysicalExpr>().is_some());
        let asked: Vec<_> = self.asked.iter().cloned().chain(dynamic).collect();
        if phase == FilterPushdownPhase::Pre || asked.len() == self.asked.len() {
            return Ok(left_above);
        }
        let node =
            StoreScanExec { scan: self.scan.clone(), whole: Arc::clone(&self.whole), asked, metrics: ExecutionPlanMetricsSet::new() };
        Ok(left_above.with_updated_node(Arc::new(node)))
    }
}
