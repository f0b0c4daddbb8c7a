//! Drives the rows of one partition: reads ahead, keeps as many rows asking as the endpoint may want, and gives out what is finished.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::finished::Finished;
use super::pipeline::{Pipeline, Progress, WaitingRow};
use super::steps::Rows;

/// Rows that are looked up together at first. The first requests wait for their prompts, and so should not wait for those of many others.
const ROWS_LOOKED_UP_FIRST: usize = 64;

/// Rows that are looked up together at most; their number doubles with each lookup.
const ROWS_LOOKED_UP: usize = 1024;

/// Lookups at a time.
const LOOKUPS: usize = 2;

/// Finished rows that may wait for a slower one before them. It bounds memory where order is kept: with latencies that differ by a factor of
/// a hundred, 64 requests in flight get some thousand rows ahead.
const ROWS_AHEAD: usize = 16_384;

/// What is to be done with the rows of a partition.
pub struct Driver {
    pub pipeline: Arc<Pipeline>,
    pub finished: Finished,
    /// Rows asking at a time. More than the endpoint takes at once, so that a slot never waits for a row.
    pub window: usize,
    /// Rows wanted at most.
    pub fetch: Option<usize>,
}

impl Driver {
    /// Runs until the input ends, enough rows are out, or nobody wants more. What was not sent by then is never sent.
    pub async fn run(mut self, mut input: SendableRecordBatchStream, output: mpsc::Sender<Result<RecordBatch>>) -> Result<()> {
        // In order, so that rows are asked in the order of the input: a LIMIT wants the first ones, and the last ones would hold back all.
        let mut lookups: FuturesOrdered<SpawnedTask<Result<Progress>>> = FuturesOrdered::new();
        let mut asking: JoinSet<Result<Progress>> = JoinSet::new();
        let mut waiting: VecDeque<WaitingRow> = VecDeque::new();
        let mut batch: Option<RecordBatch> = None;
        let (mut place, mut given) = (0, 0);
        let mut looked_up = ROWS_LOOKED_UP_FIRST;
        let mut at_end = false;
        loop {
            let enough = self.fetch.is_some_and(|fetch| given + self.finished.rows() >= fetch);
            if enough {
                // No row after those that are finished is ever needed; one before them is, where order is kept.
                let last = self.finished.last_held();
                waiting.retain(|row| row.place() < last);
            }
            while asking.len() < self.window {
                let Some(row) = waiting.pop_front() else { break };
                let pipeline = Arc::clone(&self.pipeline);
                asking.spawn(async move { pipeline.ask(row).await });
            }
            let wants_rows = !enough && lookups.len() < LOOKUPS && waiting.len() < self.window && self.finished.rows() < ROWS_AHEAD;
            if wants_rows && let Some(rows) = next_rows(&mut batch, looked_up, &mut place) {
                looked_up = ROWS_LOOKED_UP.min(2 * looked_up);
                let pipeline = Arc::clone(&self.pipeline);
                lookups.push_back(SpawnedTask::spawn(async move { pipeline.advance(rows, 0).await }));
                continue;
            }
            let left = self.fetch.map_or(usize::MAX, |fetch| fetch - given);
            let idle = lookups.is_empty() && asking.is_empty() && waiting.is_empty();
            if idle && (at_end || enough) && batch.is_none() {
                self.finished.end();
                if !self.finished.has_ready(left) {
                    return Ok(());
                }
            }
            tokio::select! {
                permit = output.reserve(), if self.finished.has_ready(left) => {
                    let Ok(permit) = permit else { return Ok(()) };
                    let rows = self.finished.take(left)?;
                    given += rows.num_rows();
                    self.pipeline.metrics.baseline.record_output(rows.num_rows());
                    permit.send(Ok(rows));
                    if self.fetch.is_some_and(|fetch| given >= fetch) {
                        return Ok(());
                    }
                }
                Some(done) = lookups.next(), if !lookups.is_empty() => waiting.extend(self.finish(done.map_err(lost)??)),
                Some(done) = asking.join_next(), if !asking.is_empty() => waiting.extend(self.finish(done.map_err(lost)??)),
                next = input.next(), if wants_rows && !at_end => match next.transpose()? {
                    Some(next) => batch = Some(next),
                    None => at_end = true,
                },
                () = output.closed() => return Ok(()),
            }
        }
    }

    /// Takes in how far some rows came; gives those that have to wait.
    fn finish(&mut self, progress: Progress) -> Vec<WaitingRow> {
        progress.finished.into_iter().for_each(|rows| self.finished.add(rows));
        self.finished.drop(progress.dropped);
        progress.waiting
    }
}

/// The next rows, so many at most, of the batch in hand.
fn next_rows(batch: &mut Option<RecordBatch>, most: usize, place: &mut u64) -> Option<Rows> {
    let whole = batch.take().filter(|batch| batch.num_rows() > 0)?;
    let rows = whole.num_rows().min(most);
    if rows < whole.num_rows() {
        *batch = Some(whole.slice(rows, whole.num_rows() - rows));
    }
    let first = *place;
    *place += rows as u64;
    Some(Rows { places: (first..*place).collect(), batch: whole.slice(0, rows) })
}

fn lost(cause: JoinError) -> datafusion::error::DataFusionError {
    exec_datafusion_err!("a task that asks a model ended early: {cause}")
}
