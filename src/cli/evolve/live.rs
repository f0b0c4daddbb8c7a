//! The live line of a running evolution: how far it is, how fast, what it cost and will cost, how long it takes.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use crate::cli::spent::dollars;
use crate::model::spending::Spent;

/// What the rate is told from: the calls of the last ten seconds.
const WINDOW: Duration = Duration::from_secs(10);

/// Remembers the last seconds of a run.
#[derive(Debug, Default)]
pub struct Pace {
    /// When it was looked at, with the requests done and the calls made by then; the oldest first.
    seen: VecDeque<(Duration, u64, u64)>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The round that is running.
    pub round: u32,
    /// Requests known so far.
    pub requests: u64,
    /// What was spent so far.
    pub spent: Spent,
    /// Nothing more is sent.
    pub is_stopping: bool,
}

impl Pace {
    /// The line after `elapsed`.
    pub fn line(&mut self, elapsed: Duration, standing: Standing) -> String {
        let Standing { round, requests, spent, is_stopping } = standing;
        let (done, calls) = (spent.calls + spent.cached + spent.joined + spent.failed, spent.calls + spent.failed);
        let (done_rate, call_rate) = self.rates(elapsed, done, calls);
        // An answer of no use is asked for again, so there may be more than were known.
        let requests = requests.max(done);
        let mut line = format!("{}round {round}: {done}/{requests}, {call_rate:.1}/s", if is_stopping { "stopping, " } else { "" });
        // What matters least comes last: a narrow terminal cuts it off.
        if done_rate > 0.0 && requests > done && !is_stopping {
            let _ = write!(line, ", {} left", duration((requests - done) as f64 / done_rate));
        }
        if spent.failed > 0 {
            let _ = write!(line, ", {} failed", spent.failed);
        }
        // With no price there is nothing to say, and nothing to foretell from.
        if spent.calls > 0 && spent.cost_usd > 0.0 {
            let expected = spent.cost_usd * (1.0 + (requests - done) as f64 / spent.calls as f64);
            let _ = write!(line, ", {} of {}", dollars(spent.cost_usd), dollars(expected));
        }
        let tokens = spent.prompt_tokens + spent.completion_tokens;
        if tokens > 0 {
            let _ = write!(line, ", {} tokens", short(tokens));
        }
        line
    }

    /// Requests done and calls made a second, over the window.
    fn rates(&mut self, elapsed: Duration, done: u64, calls: u64) -> (f64, f64) {
        self.seen.push_back((elapsed, done, calls));
        while self.seen.len() > 2 && self.seen[1].0 + WINDOW <= elapsed {
            self.seen.pop_front();
        }
        let (since, done_then, calls_then) = self.seen[0];
        let seconds = (elapsed - since).as_secs_f64();
        if seconds == 0.0 {
            return (0.0, 0.0);
        }
        ((done - done_then) as f64 / seconds, (calls - calls_then) as f64 / seconds)
    }
}

/// 950, 12.3k, 4.56M.
pub fn short(count: u64) -> String {
    let scaled = |divisor: f64, unit: &str| {
        let value = count as f64 / divisor;
        let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
        format!("{value:.decimals$}{unit}")
    };
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => scaled(1e3, "k"),
        _ => scaled(1e6, "M"),
    }
}

/// 45s, 12m30s, 3h05m.
fn duration(seconds: f64) -> String {
    match seconds.ceil() as u64 {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        seconds => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(calls: u64, cached: u64, requests: u64) -> Standing {
        let spent = Spent { calls, cached, prompt_tokens: 1000 * calls, cost_usd: 0.002 * calls as f64, ..Spent::default() };
        Standing { round: 1, requests, spent, is_stopping: false }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let mut pace = Pace::default();
        // Slow at first: a rate over the whole run would foretell twice the time.
        for second in 0..=20 {
            pace.line(at(second), standing(second, 0, 400));
        }
        for second in 21..30 {
            pace.line(at(second), standing(20 + 10 * (second - 20), 0, 400));
        }
        let line = pace.line(at(30), standing(120, 0, 400));
        assert_eq!(line, "round 1: 120/400, 10.0/s, 28s left, $0.24 of $0.80, 120k tokens");
    }

    #[test]
    fn earlier_answers_are_done_but_are_no_calls_and_cost_nothing() {
        let mut pace = Pace::default();
        pace.line(at(0), standing(0, 0, 400));
        let line = pace.line(at(10), standing(100, 200, 400));
        assert_eq!(line, "round 1: 300/400, 10.0/s, 4s left, $0.20 of $0.40, 100k tokens");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut pace = Pace::default();
        assert_eq!(pace.line(at(0), standing(0, 0, 400)), "round 1: 0/400, 0.0/s");
        let unpriced = Standing { spent: Spent { calls: 10, unpriced: 10, failed: 2, ..Spent::default() }, ..standing(0, 0, 400) };
        assert_eq!(pace.line(at(1), unpriced), "round 1: 12/400, 12.0/s, 33s left, 2 failed");
        // A refusal that was paid for, and no answer to go by.
        let refused = Standing { spent: Spent { failed: 1, cost_usd: 0.5, ..Spent::default() }, ..standing(0, 0, 400) };
        let line = pace.line(at(2), refused);
        assert!(!line.contains('$') && !line.contains("inf"), "{line}");
    }

    #[test]
    fn of_a_long_line_80_columns_show_all_but_the_tokens() {
        let mut pace = Pace::default();
        let spent =
            |calls: u64| Spent { calls, failed: 123, prompt_tokens: 2000 * calls, cost_usd: 0.001 * calls as f64, ..Spent::default() };
        let standing = |calls| Standing { round: 3, requests: 326_000, spent: spent(calls), is_stopping: false };
        pace.line(at(0), standing(50_000));
        let line = pace.line(at(10), standing(51_234));
        let (shown, tokens) = line.split_at(78);
        assert_eq!(shown, "round 3: 51357/326000, 123.4/s, 37m06s left, 123 failed, $51.23 of $325.88, 10");
        assert_eq!(tokens, "2M tokens");
    }

    #[test]
    fn figures_are_short() {
        assert_eq!([950, 1_234, 12_345, 123_456, 4_560_000].map(short), ["950", "1.23k", "12.3k", "123k", "4.56M"]);
        assert_eq!([0.2, 59.0, 61.0, 3_599.5, 11_100.0].map(duration), ["1s", "59s", "1m01s", "1h00m", "3h05m"]);
    }
}
