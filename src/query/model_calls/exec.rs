//! The plan node that asks models.

use std::fmt;
use std::sync::Arc;

use datafusion::common::{Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::limit::LimitStream;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};

use super::driver::Driver;
use super::finished::Finished;
use super::in_order::RowsWanted;
use super::metrics::CallMetrics;
use super::pipeline::Pipeline;
use super::steps::{Action, Step, StepCall};
use crate::functions::llm::options::ModelOptions;

/// Batches that are finished and not fetched yet.
const BATCHES_OUT: usize = 2;

/// Takes rows through steps of asking, filtering and computing, each row at its own pace.
#[derive(Debug, Clone)]
pub struct ModelCallsExec {
    input: Arc<dyn ExecutionPlan>,
    steps: Vec<Step>,
    /// Whether rows come out in the order of the input.
    keep_order: bool,
    /// How many rows every batch has but the last; as many as there are if `None`.
    rows_each: Option<usize>,
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ModelCallsExec {
    /// Steps over the rows of `input`.
    pub fn try_new(input: Arc<dyn ExecutionPlan>, steps: Vec<Step>) -> Result<ModelCallsExec> {
        let mut equivalences: EquivalenceProperties = input.equivalence_properties().clone();
        let mut partitioning = input.output_partitioning().clone();
        let mut schema = input.schema();
        for step in &steps {
            if let Some(mapping) = step.mapping(&schema)? {
                partitioning = partitioning.project(&mapping, &equivalences);
                equivalences = equivalences.project(&mapping, Arc::clone(&step.schema));
            }
            schema = Arc::clone(&step.schema);
        }
        let properties = PlanProperties::new(equivalences, partitioning, input.pipeline_behavior(), input.boundedness());
        Ok(ModelCallsExec {
            input,
            steps,
            keep_order: true,
            rows_each: None,
            fetch: None,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    pub fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The same node, whose rows come out as they are finished.
    pub fn in_any_order(&self) -> ModelCallsExec {
        ModelCallsExec { keep_order: false, metrics: ExecutionPlanMetricsSet::new(), ..self.clone() }
    }

    /// The same node, whose batches have so many rows each, whatever is answered when; the last may have fewer.
    pub fn in_batches_of(&self, rows: usize) -> ModelCallsExec {
        ModelCallsExec { rows_each: Some(rows), metrics: ExecutionPlanMetricsSet::new(), ..self.clone() }
    }

    fn calls(&self) -> impl Iterator<Item = &StepCall> {
        self.steps.iter().filter_map(|step| if let Action::Ask(calls) = &step.action { Some(calls) } else { None }).flatten()
    }

    fn filters(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::Filter(_)))
    }
}

impl DisplayAs for ModelCallsExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.input.partition_statistics(None).ok().and_then(|statistics| statistics.num_rows.get_value().copied());
        let rows = rows.map_or("unknown".to_owned(), |rows| rows.to_string());
        let mut parts = vec![format!("rows={rows}"), format!("order={}", if self.keep_order { "kept" } else { "free" })];
        parts.extend(self.fetch.map(|fetch| format!("fetch={fetch}")));
        let mut steps: Vec<String> = self.steps.iter().map(ToString::to_string).collect();
        match kind {
            // The engine draws the lines of a node in the order of the alphabet.
            DisplayFormatType::TreeRender => {
                let width = steps.len().to_string().len();
                for (number, step) in (1..).zip(&mut steps) {
                    *step = format!("{number:0width$} {step}");
                }
                write!(f, "{}\n{}", parts.join("\n"), steps.join("\n"))
            }
            _ => write!(f, "ModelCallsExec: {}: {}", parts.join(", "), steps.join("; ")),
        }
    }
}

impl ExecutionPlan for ModelCallsExec {
    fn name(&self) -> &str {
        "ModelCallsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![self.keep_order]
    }

    /// The limits that bound it belong to the endpoint, not to the number of partitions.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(input), true) = (children.pop(), children.is_empty()) else { return internal_err!("ModelCallsExec has one input") };
        let node = ModelCallsExec::try_new(input, self.steps.clone())?;
        Ok(Arc::new(ModelCallsExec { keep_order: self.keep_order, rows_each: self.rows_each, fetch: self.fetch, ..node }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let config = Arc::clone(context.session_config().options());
        let options = ModelOptions::of(&config);
        for limiter in self.calls().filter_map(|call| call.call.service().model.limiter()) {
            limiter.set_session_concurrency(options.concurrency);
        }
        let wanted = RowsWanted::of(self, &context);
        let fetch = self.fetch.into_iter().chain(wanted).min();
        // More rows than are asked at once, so that a slot never waits for a row: those that wait cost nothing until they are sent. With a
        // limit no more are begun than are asked, since any of them may be in vain.
        let ahead = if fetch.is_some() { 1 } else { 8 };
        let rows = |call: &StepCall| match &call.call.service().model {
            model if model.limiter().is_some() => ahead * model.concurrency(),
            model => model.concurrency(),
        };
        let window = self.calls().map(rows).max().unwrap_or(1);
        let driver = Driver {
            pipeline: Arc::new(Pipeline {
                steps: self.steps.clone(),
                options: config,
                on_error: options.on_error,
                metrics: CallMetrics::new(&self.metrics, partition),
            }),
            finished: Finished::new(self.schema(), self.keep_order, self.rows_each),
            window,
            fetch,
        };
        let mut input = self.input.execute(partition, context)?;
        if let Some(rows) = wanted.filter(|_| !self.filters()) {
            let unseen = BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), partition);
            input = Box::pin(LimitStream::new(input, 0, Some(rows), unseen));
        }
        let mut output = RecordBatchReceiverStreamBuilder::new(self.schema(), BATCHES_OUT);
        let sender = output.tx();
        output.spawn(driver.run(input, sender));
        Ok(output.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, _partition: Option<usize>) -> Result<Arc<Statistics>> {
        Ok(Arc::new(Statistics::new_unknown(&self.schema())))
    }

    fn supports_limit_pushdown(&self) -> bool {
        !self.filters()
    }

    fn with_fetch(&self, fetch: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(ModelCallsExec { fetch, metrics: ExecutionPlanMetricsSet::new(), ..self.clone() }))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        if self.filters() { CardinalityEffect::LowerEqual } else { CardinalityEffect::Equal }
    }
}
