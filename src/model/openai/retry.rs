//! When a failed request is tried again.

use std::time::Duration;

use backon::ExponentialBuilder;
use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// How often and how fast a failed request is tried again. Wording a request differently for an endpoint that refuses a
/// parameter is no retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts at one answer, the first included; 1 never tries again. An answer that only says "later" (429, 529, and 502, 503, 504
    /// of an endpoint that has given an answer in this process) counts a fifth of an attempt, so that a busy endpoint delays a request
    /// and does not lose it; a failure to connect to an endpoint where nothing was ever reached in this process counts double, so
    /// that a wrong address is soon reported.
    pub max_attempts: u32,
    /// Before the first retry. Doubles with each, plus up to the same again at random.
    pub first_delay: Duration,
    /// The longest that the delay before jitter grows.
    pub max_delay: Duration,
    /// The longest that an endpoint's `Retry-After`, or what its error says in place of one, is believed.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            max_attempts: 6,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// The delays of one request. The jitter follows from `seed`; the number of attempts is up to [`Patience`].
    pub(super) fn backoff(&self, seed: u64) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(self.first_delay)
            .with_max_delay(self.max_delay)
            .without_max_times()
            .with_jitter()
            .with_jitter_seed(seed)
    }
}

/// What a failure says about trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// It would fail again.
    Never,
    /// It may have been chance.
    Again,
    /// The endpoint is there, but busy.
    Later,
    /// The endpoint is there; what answers behind it is busy, or gone.
    Unavailable,
    /// Nothing at this address has ever answered.
    Unreachable,
}

/// A request's remaining retries, counted in tenths of an attempt.
#[derive(Debug)]
pub(super) struct Patience {
    left: u32,
}

impl Patience {
    const ATTEMPT: u32 = 10;

    pub(super) fn new(policy: &RetryPolicy) -> Patience {
        Patience { left: if policy.max_attempts <= 1 { 1 } else { policy.max_attempts.saturating_mul(Patience::ATTEMPT) } }
    }

    /// Counts a failed attempt. Whether another may follow.
    pub(super) fn allows(&mut self, retry: Retry) -> bool {
        let cost = match retry {
            Retry::Never => self.left,
            Retry::Again | Retry::Unavailable => Patience::ATTEMPT,
            Retry::Later => Patience::ATTEMPT / 5,
            Retry::Unreachable => Patience::ATTEMPT * 2,
        };
        self.left = self.left.saturating_sub(cost);
        self.left > 0
    }
}

/// How long the endpoint asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date, which is compared with the
/// endpoint's own clock where it tells the time. `None` without such a header, or when it asks for no wait.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let milliseconds = || text("retry-after-ms")?.parse::<f64>().ok().map(|milliseconds| milliseconds / 1e3);
    let seconds = || text(RETRY_AFTER.as_str())?.parse::<f64>().ok();
    let until_date = || {
        let date = |name| text(name).and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        let now = date(DATE.as_str()).map_or(now, |date| date.to_utc());
        Some((date(RETRY_AFTER.as_str())?.to_utc() - now).as_seconds_f64())
    };
    let seconds = milliseconds().or_else(seconds).or_else(until_date)?;
    Duration::try_from_secs_f64(seconds).ok().filter(|wait| !wait.is_zero())
}

/// How long the words of an error ask to wait: `Please retry in 1.6s.`, `Please try again in 2m3s.`. `None` where they say nothing of it.
pub(super) fn written_wait(text: &str) -> Option<Duration> {
    ["retry in ", "try again in "].iter().find_map(|words| written_duration(text.split_once(*words)?.1))
}

/// The duration that a text begins with, as Go writes it: `1.6s`, `2m3s`, `547ms`. `None` for anything else, and for no time at all.
pub(super) fn written_duration(text: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    let mut rest = text;
    while rest.starts_with(|c: char| c.is_ascii_digit()) {
        let (number, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len()));
        let (unit, behind) = behind.split_at(behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len()));
        let seconds_of_unit = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * seconds_of_unit;
        rest = behind;
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn wait(headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect::<HeaderMap>();
        retry_after(&headers, DateTime::from_timestamp(1_445_412_470, 0).unwrap())
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        assert_eq!(wait(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(wait(&[("retry-after-ms", "20"), ("retry-after", "1")]), Some(Duration::from_millis(20)));
        assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")]), Some(Duration::from_secs(10)));
        let by_the_servers_clock = [("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), ("date", "Wed, 21 Oct 2015 07:27:57 GMT")];
        assert_eq!(wait(&by_the_servers_clock), Some(Duration::from_secs(3)));
    }

    #[test]
    fn no_wait_and_nonsense_leave_the_delay_to_the_client() {
        for value in ["0", "-3", "soon", "NaN", "1e300", "Wed, 21 Oct 2015 07:00:00 GMT"] {
            assert_eq!(wait(&[("retry-after", value)]), None, "{value}");
        }
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn a_wait_may_be_in_words() {
        for (text, milliseconds) in [
            ("Quota exceeded.\nPlease retry in 1.5s.", Some(1500)),
            ("Rate limit reached. Please try again in 1m2s. Visit us", Some(62_000)),
            ("Please try again in 250ms", Some(250)),
            ("Please retry in 0s.", None),
            ("Please retry in a while", None),
            ("Please retry in 20 minutes", None),
            ("Please retry in 1.2.3s", None),
            ("Please retry in 99999999999999999999h", None),
            ("slow down", None),
        ] {
            assert_eq!(written_wait(text), milliseconds.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn patience_runs_out_by_the_kind_of_failure() {
        let attempts = |max_attempts, retry| {
            let mut patience = Patience::new(&RetryPolicy { max_attempts, ..RetryPolicy::default() });
            1 + (0..).take_while(|_| patience.allows(retry)).count()
        };
        assert_eq!(attempts(6, Retry::Never), 1);
        assert_eq!(attempts(6, Retry::Again), 6);
        assert_eq!(attempts(6, Retry::Later), 30);
        assert_eq!(attempts(6, Retry::Unavailable), 6);
        assert_eq!(attempts(6, Retry::Unreachable), 3);
        for retry in [Retry::Never, Retry::Again, Retry::Later, Retry::Unavailable, Retry::Unreachable] {
            assert_eq!(attempts(1, retry), 1, "{retry:?}");
        }
    }
}
