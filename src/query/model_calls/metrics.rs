//! What EXPLAIN ANALYZE shows of a node that asks models.

use std::time::Duration;

use datafusion::physical_plan::metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, Time};

use crate::functions::llm::call::RowOutcome;

/// Counters of one partition.
#[derive(Debug, Clone)]
pub struct CallMetrics {
    pub baseline: BaselineMetrics,
    /// Rows without a value because something failed.
    pub failed: Count,
    calls: Count,
    cached: Count,
    joined: Count,
    retries: Count,
    prompt_tokens: Count,
    completion_tokens: Count,
    endpoint_time: Time,
    slot_time: Time,
}

impl CallMetrics {
    pub fn new(metrics: &ExecutionPlanMetricsSet, partition: usize) -> CallMetrics {
        let count = |name: &'static str| MetricBuilder::new(metrics).counter(name, partition);
        CallMetrics {
            baseline: BaselineMetrics::new(metrics, partition),
            failed: count("failed"),
            calls: count("calls"),
            cached: count("cached"),
            joined: count("joined_in_flight"),
            retries: count("retries"),
            prompt_tokens: count("prompt_tokens"),
            completion_tokens: count("completion_tokens"),
            endpoint_time: MetricBuilder::new(metrics).subset_time("waiting_for_endpoint", partition),
            slot_time: MetricBuilder::new(metrics).subset_time("waiting_for_slot", partition),
        }
    }

    /// Counts what a row asked. Tokens and time are those of requests made for this row; answers of earlier calls and of other rows cost nothing.
    pub fn add(&self, row: &RowOutcome) {
        let outcome = &row.outcome;
        match (outcome.cached, outcome.joined) {
            (true, _) => return self.cached.add(1),
            (_, true) => return self.joined.add(1),
            (false, false) => {
                self.calls.add(row.calls as usize);
                self.retries.add(outcome.attempts.saturating_sub(row.calls) as usize);
            }
        }
        let tokens = |count: Option<u64>| usize::try_from(count.unwrap_or_default()).unwrap_or(usize::MAX);
        self.prompt_tokens.add(tokens(outcome.prompt_tokens));
        self.completion_tokens.add(tokens(outcome.completion_tokens));
        self.endpoint_time.add_duration(Duration::from_millis(outcome.latency_ms.unwrap_or_default()));
        self.slot_time.add_duration(Duration::from_millis(outcome.waited_ms));
    }
}
