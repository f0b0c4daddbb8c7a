//! Finished rows on their way out: in the order of the input, or as they come.

use std::collections::BTreeMap;

use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;

use super::steps::Rows;

/// Rows of one batch that is put out, at most.
pub const ROWS_OUT: usize = 8192;

/// Collects finished rows and gives them out.
pub struct Finished {
    schema: SchemaRef,
    order: Order,
    /// Rows that may be given out.
    ready: Vec<RecordBatch>,
    ready_rows: usize,
    /// Rows that wait for rows before them.
    held_rows: usize,
    /// How many rows every batch has but the last, where they are to be as many whatever is finished when.
    rows_each: Option<usize>,
    ended: bool,
}

enum Order {
    /// As they come.
    Free,
    /// By place; `next` is the first place that is not given out, and a run without rows is one that was dropped.
    Kept { next: u64, held: BTreeMap<u64, (u64, Option<RecordBatch>)> },
}

impl Finished {
    pub fn new(schema: SchemaRef, keep_order: bool, rows_each: Option<usize>) -> Finished {
        let order = if keep_order { Order::Kept { next: 0, held: BTreeMap::new() } } else { Order::Free };
        Finished { schema, order, ready: Vec::new(), ready_rows: 0, held_rows: 0, rows_each, ended: false }
    }

    /// Rows that are finished and not given out yet.
    pub fn rows(&self) -> usize {
        self.ready_rows + self.held_rows
    }

    /// Whether there is something to give out, where so many rows are wanted at most.
    pub fn has_ready(&self, most: usize) -> bool {
        let least = if self.ended { 1 } else { self.rows_each.map_or(1, |rows| rows.min(most)) };
        self.ready_rows >= least
    }

    /// No more rows come.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The place of the last row that waits for rows before it; 0 when none does.
    pub fn last_held(&self) -> u64 {
        match &self.order {
            Order::Free => 0,
            Order::Kept { held, .. } => held.last_key_value().map_or(0, |(place, _)| *place),
        }
    }

    pub fn add(&mut self, rows: Rows) {
        let Rows { places, batch } = rows;
        if places.is_empty() {
            return;
        }
        let Order::Kept { held, .. } = &mut self.order else {
            self.ready_rows += batch.num_rows();
            self.ready.push(batch);
            return;
        };
        self.held_rows += places.len();
        let mut start = 0;
        for end in 1..=places.len() {
            if end == places.len() || places[end] != places[end - 1] + 1 {
                held.insert(places[start], ((end - start) as u64, Some(batch.slice(start, end - start))));
                start = end;
            }
        }
        self.release();
    }

    /// These places give no row.
    pub fn drop(&mut self, places: Vec<u64>) {
        let Order::Kept { held, .. } = &mut self.order else { return };
        held.extend(places.into_iter().map(|place| (place, (1, None))));
        self.release();
    }

    fn release(&mut self) {
        let Order::Kept { next, held } = &mut self.order else { return };
        while let Some(first) = held.first_entry().filter(|first| first.key() == next) {
            let (length, batch) = first.remove();
            *next += length;
            if let Some(batch) = batch {
                self.held_rows -= batch.num_rows();
                self.ready_rows += batch.num_rows();
                self.ready.push(batch);
            }
        }
    }

    /// The rows that may be given out, at most so many.
    pub fn take(&mut self, most: usize) -> Result<RecordBatch> {
        let mut left = most.min(self.rows_each.unwrap_or(ROWS_OUT));
        let mut taken = Vec::new();
        let mut kept = Vec::new();
        for batch in self.ready.drain(..) {
            let rows = batch.num_rows();
            match rows.min(left) {
                0 => kept.push(batch),
                part if part == rows => taken.push(batch),
                part => {
                    kept.push(batch.slice(part, rows - part));
                    taken.push(batch.slice(0, part));
                }
            }
            left -= rows.min(left);
        }
        self.ready = kept;
        let batch = match taken.as_slice() {
            [only] => only.clone(),
            several => concat_batches(&self.schema, several)?,
        };
        self.ready_rows -= batch.num_rows();
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("place", DataType::Int64, false)]))
    }

    fn rows(places: &[u64]) -> Rows {
        let column = Int64Array::from_iter_values(places.iter().map(|place| *place as i64));
        Rows { places: places.to_vec(), batch: RecordBatch::try_new(schema(), vec![Arc::new(column)]).unwrap() }
    }

    fn taken(finished: &mut Finished, most: usize) -> Vec<i64> {
        match finished.has_ready(most) {
            true => finished.take(most).unwrap().column(0).as_primitive::<Int64Type>().values().to_vec(),
            false => Vec::new(),
        }
    }

    #[test]
    fn rows_wait_for_the_rows_before_them_and_not_for_dropped_ones() {
        let mut finished = Finished::new(schema(), true, None);
        finished.add(rows(&[1, 2, 5]));
        assert_eq!((taken(&mut finished, 9), finished.rows()), (vec![], 3));
        finished.add(rows(&[0]));
        assert_eq!(taken(&mut finished, 9), [0, 1, 2]);
        finished.drop(vec![4, 3]);
        assert_eq!((taken(&mut finished, 9), finished.rows()), (vec![5], 0));
    }

    #[test]
    fn a_limit_cuts_and_keeps_the_rest() {
        let mut finished = Finished::new(schema(), false, None);
        finished.add(rows(&[7, 3]));
        finished.add(rows(&[5]));
        assert_eq!(taken(&mut finished, 1), [7]);
        assert_eq!(taken(&mut finished, 9), [3, 5]);
        assert!(!finished.has_ready(9));
    }

    #[test]
    fn a_limit_does_not_wait_for_a_whole_batch() {
        let mut finished = Finished::new(schema(), true, Some(64));
        finished.add(rows(&[0, 1, 2]));
        assert!(!finished.has_ready(4) && finished.has_ready(3));
        assert_eq!(taken(&mut finished, 3), [0, 1, 2]);
    }

    #[test]
    fn batches_have_equally_many_rows_whatever_is_finished_when() {
        let cases: [&[&[u64]]; 2] = [&[&[0, 1, 2, 3, 4]], &[&[2, 3], &[0], &[1], &[4]]];
        for parts in cases {
            let mut finished = Finished::new(schema(), true, Some(2));
            parts.iter().for_each(|part| finished.add(rows(part)));
            assert_eq!([taken(&mut finished, 9), taken(&mut finished, 9), taken(&mut finished, 9)], [vec![0, 1], vec![2, 3], vec![]]);
            finished.end();
            assert_eq!(taken(&mut finished, 9), [4]);
        }
    }
}
