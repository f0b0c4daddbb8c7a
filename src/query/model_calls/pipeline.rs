//! The way of rows through the steps: as batches while nothing has to be asked, and each row on its own once something has.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::config::ConfigOptions;

use super::metrics::CallMetrics;
use super::steps::{Action, RowOutcomes, Rows, Step, StepCall, known, project, truth};
use crate::functions::llm::call::{RowOutcome, RowState};
use crate::functions::llm::options::OnError;

/// The steps with what they need to run.
#[derive(Debug)]
pub struct Pipeline {
    pub steps: Vec<Step>,
    pub options: Arc<ConfigOptions>,
    pub on_error: OnError,
    pub metrics: CallMetrics,
}

/// How far some rows came.
#[derive(Default)]
pub struct Progress {
    /// Rows that went through all steps.
    pub finished: Vec<Rows>,
    /// Places of rows that a condition dropped.
    pub dropped: Vec<u64>,
    /// Rows that have to wait for an answer.
    pub waiting: Vec<WaitingRow>,
}

/// A row before a step that asks, with what is known of its calls.
pub struct WaitingRow {
    row: Rows,
    step: usize,
    states: Vec<RowState>,
}

impl WaitingRow {
    /// The row's place in the input.
    pub fn place(&self) -> u64 {
        self.row.places.first().copied().unwrap_or_default()
    }
}

impl Pipeline {
    /// Takes rows from step `first` as far as they come without asking.
    pub async fn advance(&self, rows: Rows, first: usize) -> Result<Progress> {
        let mut progress = Progress::default();
        let mut rows = rows;
        for (number, step) in self.steps.iter().enumerate().skip(first) {
            match &step.action {
                Action::Filter(predicate) => {
                    let keep = truth(predicate, &rows.batch)?;
                    let dropped;
                    (rows, dropped) = rows.filtered(&keep)?;
                    progress.dropped.extend(dropped);
                }
                Action::Project(expressions) => rows.batch = project(expressions, &rows.batch, &step.schema)?,
                Action::Ask(calls) => rows = self.look_up(calls, rows, number, &mut progress).await?,
            }
            if rows.places.is_empty() {
                return Ok(progress);
            }
        }
        progress.finished.push(rows);
        Ok(progress)
    }

    /// Asks for a row, and takes it on to the end.
    pub async fn ask(&self, waiting: WaitingRow) -> Result<Progress> {
        let mut progress = Progress::default();
        let mut next = Some(waiting);
        while let Some(WaitingRow { row, step, states }) = next.take() {
            let Action::Ask(calls) = &self.steps[step].action else { return Ok(progress) };
            let answers = calls.iter().zip(states).map(|(call, state)| self.answer(call, state));
            let outcomes: RowOutcomes = futures::future::try_join_all(answers).await?;
            let row = self.with_answers(calls, row, vec![outcomes], step)?;
            let further = self.advance(row, step + 1).await?;
            progress.finished.extend(further.finished);
            progress.dropped.extend(further.dropped);
            // One row went on, so one row waits at most.
            next = further.waiting.into_iter().next();
        }
        Ok(progress)
    }

    async fn answer(&self, call: &StepCall, state: RowState) -> Result<Option<RowOutcome>> {
        match state {
            RowState::Known(outcome) => Ok(outcome),
            RowState::Due(request) => {
                let outcome = call.answer(request).await?;
                if self.on_error == OnError::Fail && outcome.is_over_limit() {
                    // It ends the query, and with it what was let through before the limit and is not sent yet.
                    call.call.service().in_flight.settled().await;
                }
                self.metrics.add(&outcome);
                Ok(Some(outcome))
            }
        }
    }

    /// Rows all of whose calls are known go on with their answers; the others wait, each on its own.
    async fn look_up(&self, calls: &[StepCall], rows: Rows, step: usize, progress: &mut Progress) -> Result<Rows> {
        let mut by_row: Vec<Vec<RowState>> = rows.places.iter().map(|_| Vec::with_capacity(calls.len())).collect();
        for call in calls {
            for (states, state) in by_row.iter_mut().zip(call.prepare(&rows.batch, &self.options).await?) {
                states.push(state);
            }
        }
        let mut complete = Vec::with_capacity(by_row.len());
        let mut outcomes = Vec::new();
        for (position, states) in by_row.into_iter().enumerate() {
            complete.push(states.iter().all(|state| matches!(state, RowState::Known(_))));
            if complete[position] {
                let known = known(states)?;
                known.iter().flatten().for_each(|outcome| self.metrics.add(outcome));
                outcomes.push(known);
            } else {
                progress.waiting.push(WaitingRow { row: rows.single(position), step, states });
            }
        }
        let (rows, _) = rows.filtered(&BooleanArray::from(complete))?;
        self.with_answers(calls, rows, outcomes, step)
    }

    fn with_answers(&self, calls: &[StepCall], rows: Rows, outcomes: Vec<RowOutcomes>, step: usize) -> Result<Rows> {
        let mut columns: Vec<ArrayRef> = rows.batch.columns().to_vec();
        let mut by_call: Vec<RowOutcomes> = calls.iter().map(|_| Vec::with_capacity(outcomes.len())).collect();
        for row in outcomes {
            for (column, outcome) in by_call.iter_mut().zip(row) {
                column.push(outcome);
            }
        }
        for (call, outcomes) in calls.iter().zip(by_call) {
            let results = call.call.results(&outcomes, self.on_error)?;
            self.metrics.failed.add(results.failed);
            columns.push(results.values);
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.steps[step].schema), columns)?;
        Ok(Rows { places: rows.places, batch })
    }
}
