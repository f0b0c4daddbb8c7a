//! Latencies that belong to requests, and the time that a perfect scheduler would need for them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::f64::consts::TAU;
use std::time::Duration;

const MEDIAN: Duration = Duration::from_millis(50);

/// A log-normal latency (sigma 1) that is the same for the same prompt, whoever asks.
pub fn latency(prompt: &str) -> Duration {
    let hash = blake3::hash(prompt.as_bytes());
    let uniform = |place: usize| {
        let bytes = hash.as_bytes()[place..place + 8].try_into().unwrap();
        (u64::from_le_bytes(bytes) as f64 + 1.0) / (u64::MAX as f64 + 2.0)
    };
    // Box and Muller's way from two uniform numbers to a normal one.
    let normal = (-2.0 * uniform(0).ln()).sqrt() * (TAU * uniform(8)).cos();
    MEDIAN.mul_f64(normal.exp())
}

/// The time that greedy list scheduling needs for jobs of several stages one after the other: whenever one of the slots is free, the stage
/// that became due first takes it. At most `jobs_begun` jobs are begun and not ended; their first stages are due in order.
pub fn makespan(jobs: &[Vec<Duration>], slots: usize, jobs_begun: usize) -> Duration {
    let mut to_begin = 0..jobs.len();
    let mut due: VecDeque<(usize, usize)> = to_begin.by_ref().take(jobs_begun).map(|job| (job, 0)).collect();
    let mut running = BinaryHeap::new();
    let mut now = Duration::ZERO;
    loop {
        while running.len() < slots
            && let Some((job, stage)) = due.pop_front()
        {
            running.push(Reverse((now + jobs[job][stage], job, stage)));
        }
        let Some(Reverse((ended_at, job, stage))) = running.pop() else { return now };
        now = ended_at;
        if stage + 1 < jobs[job].len() {
            due.push_back((job, stage + 1));
        } else {
            due.extend(to_begin.next().map(|job| (job, 0)));
        }
    }
}
