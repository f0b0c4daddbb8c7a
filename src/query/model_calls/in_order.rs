//! The node that makes one partition of several, one after the other: the engine's own takes rows from whichever has some. So a query gives the
//! same rows in the same order every time, and does not ask about others when it is repeated.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::{Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::limit::LimitStream;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

use super::exec::ModelCallsExec;

/// The rows of all partitions, in the order of these.
#[derive(Debug, Clone)]
pub struct PartitionsInOrderExec {
    input: Arc<dyn ExecutionPlan>,
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl PartitionsInOrderExec {
    /// Over the partitions of `input`.
    pub fn new(input: Arc<dyn ExecutionPlan>) -> PartitionsInOrderExec {
        let mut equivalences = input.equivalence_properties().clone();
        equivalences.clear_orderings();
        equivalences.clear_per_partition_constants();
        let partitioning = Partitioning::UnknownPartitioning(1);
        let properties = PlanProperties::new(equivalences, partitioning, input.pipeline_behavior(), input.boundedness());
        PartitionsInOrderExec { input, fetch: None, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }
}

/// How many rows are wanted of some nodes that ask, at most: those before them gave the others. It goes with the context in which they run.
#[derive(Debug)]
pub struct RowsWanted {
    rows: usize,
    /// The nodes, by address: one further below may ask for rows of which not every one becomes a row above.
    nodes: Vec<usize>,
}

impl RowsWanted {
    /// The rows that are wanted of this node, in a context that says so.
    pub fn of(node: &ModelCallsExec, context: &TaskContext) -> Option<usize> {
        let wanted = context.session_config().get_extension::<RowsWanted>()?;
        wanted.nodes.contains(&address(node)).then_some(wanted.rows)
    }

    /// The same context, which says it to `nodes`.
    fn tell(self, context: &TaskContext) -> Arc<TaskContext> {
        Arc::new(TaskContext::new(
            context.task_id(),
            context.session_id(),
            context.session_config().clone().with_extension(Arc::new(self)),
            context.scalar_functions().clone(),
            context.higher_order_functions().clone(),
            context.aggregate_functions().clone(),
            context.window_functions().clone(),
            context.runtime_env(),
        ))
    }
}

fn address(node: &ModelCallsExec) -> usize {
    std::ptr::from_ref(node).addr()
}

/// The nodes that ask, each of whose rows is a row of this plan.
fn asking(plan: &Arc<dyn ExecutionPlan>) -> Vec<usize> {
    if let Some(calls) = plan.downcast_ref::<ModelCallsExec>() {
        return vec![address(calls)];
    }
    match plan.is::<UnionExec>() || plan.is::<ProjectionExec>() {
        true => plan.children().into_iter().flat_map(asking).collect(),
        false => Vec::new(),
    }
}

impl DisplayAs for PartitionsInOrderExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fetch = self.fetch.map(|fetch| format!("fetch={fetch}"));
        match (kind, fetch) {
            (DisplayFormatType::TreeRender, fetch) => f.write_str(&fetch.unwrap_or_default()),
            (_, Some(fetch)) => write!(f, "PartitionsInOrderExec: {fetch}"),
            (_, None) => f.write_str("PartitionsInOrderExec"),
        }
    }
}

impl ExecutionPlan for PartitionsInOrderExec {
    fn name(&self) -> &str {
        "PartitionsInOrderExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(input), true) = (children.pop(), children.is_empty()) else {
            return internal_err!("PartitionsInOrderExec has one input");
        };
        Ok(Arc::new(PartitionsInOrderExec { fetch: self.fetch, ..PartitionsInOrderExec::new(input) }))
    }

    /// All partitions begin at once, so that what they ask is under way while others are given out. Under a limit each begins when those before
    /// it did not have enough rows, and asks for no more than are left.
    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("PartitionsInOrderExec has no partition {partition}");
        }
        let partitions = 0..self.input.output_partitioning().partition_count();
        let input = Arc::clone(&self.input);
        let given = Arc::new(AtomicUsize::new(0));
        let inputs = match self.fetch {
            Some(fetch) => {
                let (given, nodes) = (Arc::clone(&given), asking(&input));
                let execute = move |partition| {
                    let rows = fetch.saturating_sub(given.load(Ordering::Relaxed));
                    input.execute(partition, RowsWanted { rows, nodes: nodes.clone() }.tell(&context))
                };
                stream::iter(partitions).map(execute).boxed()
            }
            None => {
                let execute = |partition| input.execute(partition, Arc::clone(&context));
                stream::iter(partitions.map(execute).collect::<Result<Vec<_>>>()?).map(Ok).boxed()
            }
        };
        let counted = inputs.try_flatten().inspect_ok(move |batch| {
            given.fetch_add(batch.num_rows(), Ordering::Relaxed);
        });
        let rows = RecordBatchStreamAdapter::new(self.schema(), counted);
        Ok(Box::pin(LimitStream::new(Box::pin(rows), 0, self.fetch, BaselineMetrics::new(&self.metrics, partition))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, _partition: Option<usize>) -> Result<Arc<Statistics>> {
        let statistics = Arc::unwrap_or_clone(self.input.partition_statistics(None)?);
        Ok(Arc::new(statistics.with_fetch(self.fetch, 0, 1)?))
    }

    fn with_fetch(&self, fetch: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(PartitionsInOrderExec { fetch, metrics: ExecutionPlanMetricsSet::new(), ..self.clone() }))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}
