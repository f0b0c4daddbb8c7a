//! What a store holds, and what is left to do with it.

use serde::{Deserialize, Serialize};

use super::ITEMS_PER_REQUEST;
use crate::error::Result;
use crate::query::{Session, Statement, StatementParameter as Parameter, statement};

/// Every figure, one row each.
const STATUS: Statement = statement!("status/status");

/// What a store holds, and what failed, is missing or stale and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The number of all samples, those without images, those that are waiting for their first round, then each round's, in order. A sample may be in
    /// several figures. Only the first is there when it is 0.
    pub figures: Vec<StatusFigure>,
}

/// How many samples are in some state, for some reason. Of `sql/status/status.sql`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusFigure {
    /// From 1; `None` for what is of no round.
    pub round: Option<i32>,
    /// `samples` (all of them), `without images`, `waiting`, `missing`, `cut off`, `stale`, or as in `evolutions.status`.
    pub state: String,
    /// Why, in words, or as in `evolutions.error_kind`; `None` where there is nothing to say.
    pub reason: Option<String>,
    /// How many there are.
    pub samples: u64,
}

impl Status {
    /// Whether any sample is in this state, as in [`StatusFigure::state`].
    pub fn has(&self, state: &str) -> bool {
        self.figures.iter().any(|figure| figure.state == state && figure.samples > 0)
    }
}

/// The status of the store that a session shows. Stale is what was made with other prompts than the session's; no model is needed.
///
/// # Errors
/// Those of the store; that there are no such tables, where the session has no store.
pub async fn status(session: &Session) -> Result<Status> {
    let parameters = [("max_items", Parameter::Integer(ITEMS_PER_REQUEST))].into();
    Ok(Status { figures: session.rows(&STATUS.bind(&parameters)?).await? })
}
