//! A finished call: as it is written down, and as it answers the same request again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};

/// `calls.finish_reason` of an answer that hit its token limit.
const CUT_OFF: &str = "length";

/// One row of table `calls`. The fields are its columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// What was asked, of whom; 32 hex digits.
    pub request_id: String,
    /// What the call was for.
    pub kind: String,
    /// The model's name.
    pub model: String,
    /// Where it answers.
    pub endpoint: String,
    /// The limit the answer was made under.
    pub max_tokens: Option<u32>,
    /// The answer; `None` for a call that failed, as for all that describes an answer.
    pub response: Option<String>,
    /// Why the model stopped writing.
    pub finish_reason: Option<String>,
    /// As the endpoint counted.
    #[serde(default, deserialize_with = "storable_count")]
    pub prompt_tokens: Option<u64>,
    /// As the endpoint counted.
    #[serde(default, deserialize_with = "storable_count")]
    pub completion_tokens: Option<u64>,
    /// `None` where the price or the tokens are unknown.
    pub cost_usd: Option<f64>,
    /// Of the attempt that was answered.
    #[serde(default, deserialize_with = "storable_count")]
    pub latency_ms: Option<u64>,
    /// HTTP requests made for it.
    #[serde(deserialize_with = "storable_attempts")]
    pub attempts: u32,
    /// Of the last attempt.
    pub http_status: Option<u16>,
    /// Why there is no answer.
    pub error: Option<String>,
    /// The command that made the call.
    pub run_id: String,
    /// When it was answered.
    pub created_at: DateTime<Utc>,
}

/// The answer of a finished call: what a [`CallRecord`] without an error holds of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredCall {
    /// The model's text.
    pub response: String,
    /// Why it stopped writing, as in `calls.finish_reason`.
    pub finish_reason: String,
    /// As the endpoint counted; `None` where it did not.
    #[serde(default, deserialize_with = "storable_count")]
    pub prompt_tokens: Option<u64>,
    /// As the endpoint counted; `None` where it did not.
    #[serde(default, deserialize_with = "storable_count")]
    pub completion_tokens: Option<u64>,
    /// The limit it was made under; `None` in rows that do not say.
    pub max_tokens: Option<u32>,
}

impl StoredCall {
    /// Whether the same request under this limit would be answered no better: a complete answer is the same under any limit, one
    /// that was cut off is as good under the same limit or a lower one.
    pub fn answers(&self, max_tokens: u32) -> bool {
        self.finish_reason != CUT_OFF || self.max_tokens.is_some_and(|limit| max_tokens <= limit)
    }
}

/// Reads a count of the journal. What fits in no column was counted by nobody, and is unknown: else no command could publish the journal any more.
fn storable_count<'de, D: Deserializer<'de>>(record: D) -> std::result::Result<Option<u64>, D::Error> {
    Ok(Option::<u64>::deserialize(record)?.filter(|count| i64::try_from(*count).is_ok()))
}

/// As [`storable_count`], of a column of 32 bits that has no NULL.
fn storable_attempts<'de, D: Deserializer<'de>>(record: D) -> std::result::Result<u32, D::Error> {
    Ok(u32::deserialize(record)?.min(i32::MAX.unsigned_abs()))
}

/// The first 128 bits of an id, which identify it: ids are hashes. `None` for a text that is no id.
pub(super) fn id_key(id: &str) -> Option<u128> {
    u128::from_str_radix(id.get(..32)?, 16).ok()
}

/// As [`id_key`], for an id that must be one.
pub(super) fn request_key(request_id: &str) -> Result<u128> {
    id_key(request_id).ok_or_else(|| Error::internal("failed to record a call", format!("'{request_id}' is no request id")))
}
