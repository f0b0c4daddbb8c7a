//! What is done with a row: answers become columns, conditions drop rows, projections compute columns.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{Result, exec_err, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
use datafusion::physical_expr::equivalence::ProjectionMapping;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, split_conjunction};

use crate::functions::llm::call::{ModelCall, RowOutcome, RowRequest, RowState};
use crate::functions::llm::shared_outcomes::SharedOutcomes;

/// One thing that is done with every row, and the columns that a row has afterwards.
#[derive(Debug, Clone)]
pub struct Step {
    pub action: Action,
    pub schema: SchemaRef,
}

#[derive(Debug, Clone)]
pub enum Action {
    /// Calls that do not need each other's answers; each adds a column.
    Ask(Vec<StepCall>),
    /// Only rows for which it is true go on.
    Filter(Arc<dyn PhysicalExpr>),
    Project(Vec<ProjectionExpr>),
}

/// A call with its arguments.
#[derive(Debug, Clone)]
pub struct StepCall {
    pub call: Arc<dyn ModelCall>,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    guard: Option<Arc<dyn PhysicalExpr>>,
    field: FieldRef,
    shared: Arc<SharedOutcomes>,
}

impl StepCall {
    /// The call of a physical function expression; its result is the column `field`. All calls of a query have the same `shared`.
    pub fn new(
        call: Arc<dyn ModelCall>,
        function: &ScalarFunctionExpr,
        guard: Option<Arc<dyn PhysicalExpr>>,
        field: FieldRef,
        shared: Arc<SharedOutcomes>,
    ) -> StepCall {
        StepCall { call, arguments: function.args().to_vec(), guard, field, shared }
    }

    /// What is asked for each row of a batch.
    pub async fn prepare(&self, batch: &RecordBatch, options: &Arc<ConfigOptions>) -> Result<Vec<RowState>> {
        let Some(guard) = &self.guard else { return self.call.prepare(self.evaluate(batch, options)?).await };
        let (places, needed) = reached(guard, batch)?;
        let mut states: Vec<RowState> = (0..batch.num_rows()).map(|_| RowState::Known(None)).collect();
        if !places.is_empty() {
            let asked = self.call.prepare(self.evaluate(&needed, options)?).await?;
            for (place, state) in places.into_iter().zip(asked) {
                states[place] = state;
            }
        }
        Ok(states)
    }

    /// What becomes of a row's request.
    pub async fn answer(&self, request: RowRequest) -> Result<RowOutcome> {
        self.call.answer(request, &self.shared).await
    }

    fn evaluate(&self, batch: &RecordBatch, options: &Arc<ConfigOptions>) -> Result<ScalarFunctionArgs> {
        // Constants too become columns: every row has a call of its own.
        let column = |argument: &Arc<dyn PhysicalExpr>| argument.evaluate(batch)?.into_array(batch.num_rows()).map(ColumnarValue::Array);
        let args = self.arguments.iter().map(column).collect::<Result<_>>()?;
        let arg_fields = self.arguments.iter().map(|argument| argument.return_field(batch.schema_ref())).collect::<Result<_>>()?;
        let number_rows = batch.num_rows();
        Ok(ScalarFunctionArgs { args, arg_fields, number_rows, return_field: Arc::clone(&self.field), config_options: Arc::clone(options) })
    }
}

impl fmt::Display for StepCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<String> = self.arguments.iter().map(ToString::to_string).collect();
        let model = &self.call.service().model;
        write!(f, "{}({}) AS {} BY {} AT {}", self.call.name(), arguments.join(", "), self.field.name(), model.name(), model.endpoint())?;
        match &self.guard {
            Some(guard) => write!(f, " WHERE {guard}"),
            None => Ok(()),
        }
    }
}

impl Step {
    /// Calls over rows of `input`.
    pub fn ask(calls: Vec<StepCall>, input: &SchemaRef) -> Step {
        let fields: Vec<FieldRef> = input.fields().iter().cloned().chain(calls.iter().map(|call| Arc::clone(&call.field))).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, input.metadata().clone()));
        Step { action: Action::Ask(calls), schema }
    }

    /// A condition over rows of `input`.
    pub fn filter(predicate: Arc<dyn PhysicalExpr>, input: &SchemaRef) -> Step {
        Step { action: Action::Filter(predicate), schema: Arc::clone(input) }
    }

    /// What comes of the columns of `input`.
    pub fn mapping(&self, input: &SchemaRef) -> Result<Option<ProjectionMapping>> {
        let columns: Vec<(Arc<dyn PhysicalExpr>, String)> = match &self.action {
            Action::Filter(_) => return Ok(None),
            Action::Ask(_) => {
                let column = |(index, field): (usize, &FieldRef)| {
                    let column: Arc<dyn PhysicalExpr> = Arc::new(datafusion::physical_expr::expressions::Column::new(field.name(), index));
                    (column, field.name().clone())
                };
                input.fields().iter().enumerate().map(column).collect()
            }
            Action::Project(expressions) => {
                expressions.iter().map(|expression| (Arc::clone(&expression.expr), expression.alias.clone())).collect()
            }
        };
        ProjectionMapping::try_new(columns, input).map(Some)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.action {
            Action::Ask(calls) => {
                let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
                write!(f, "ask {}", calls.join(", "))
            }
            Action::Filter(predicate) => write!(f, "keep {predicate}"),
            Action::Project(expressions) => {
                let columns: Vec<String> = expressions.iter().map(ToString::to_string).collect();
                write!(f, "compute {}", columns.join(", "))
            }
        }
    }
}

/// The rows for which a guard is true, and their places. Each of its terms is evaluated for the rows that those before it leave, as in the CASE
/// that it comes from: the engine's AND would evaluate it for the others as well, for which it may be an error.
fn reached(guard: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<(Vec<usize>, RecordBatch)> {
    let mut places: Vec<usize> = (0..batch.num_rows()).collect();
    let mut rows = batch.clone();
    for term in split_conjunction(guard) {
        if places.is_empty() {
            break;
        }
        let holds = truth(term, &rows)?;
        rows = filter_record_batch(&rows, &holds)?;
        places = places.into_iter().zip(holds.values().iter()).filter_map(|(place, holds)| holds.then_some(place)).collect();
    }
    Ok((places, rows))
}

/// Where a condition is true; NULL is not.
pub fn truth(condition: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<BooleanArray> {
    let values = condition.evaluate(batch)?.into_array(batch.num_rows())?;
    let Some(values) = values.as_boolean_opt() else { return exec_err!("{condition} is no condition") };
    Ok(match values.null_count() {
        0 => values.clone(),
        _ => values.iter().map(|value| Some(value == Some(true))).collect(),
    })
}

/// The batch in the columns of `schema`.
pub fn project(expressions: &[ProjectionExpr], batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let columns = expressions.iter().map(|expression| expression.expr.evaluate(batch)?.into_array(rows)).collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// Some rows of the input, by their place in it, on their way through the steps.
#[derive(Debug)]
pub struct Rows {
    pub places: Vec<u64>,
    pub batch: RecordBatch,
}

impl Rows {
    /// Those for which `keep` is true, and the places of the others.
    pub fn filtered(self, keep: &BooleanArray) -> Result<(Rows, Vec<u64>)> {
        let batch = filter_record_batch(&self.batch, keep)?;
        let (kept, dropped): (Vec<_>, Vec<_>) = self.places.into_iter().zip(keep.values().iter()).partition(|(_, keep)| *keep);
        let places = |rows: Vec<(u64, bool)>| rows.into_iter().map(|(place, _)| place).collect();
        Ok((Rows { places: places(kept), batch }, places(dropped)))
    }

    /// The one at `position`.
    pub fn single(&self, position: usize) -> Rows {
        Rows { places: vec![self.places[position]], batch: self.batch.slice(position, 1) }
    }
}

/// The outcomes of one row, one for each call of a step.
pub type RowOutcomes = Vec<Option<RowOutcome>>;

/// The outcomes of the calls of a row; an error when one is still to be asked.
pub fn known(states: Vec<RowState>) -> Result<RowOutcomes> {
    let outcome = |state| match state {
        RowState::Known(outcome) => Ok(outcome),
        RowState::Due(_) => internal_err!("a row went on before it was answered"),
    };
    states.into_iter().map(outcome).collect()
}
