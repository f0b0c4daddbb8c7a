//! What went wrong in some runs, as they recorded it.

use serde::{Deserialize, Serialize};

use super::statements::{CUT_OFF, FAILURES, of_runs, single_count};
use crate::error::Result;
use crate::query::Session;
use crate::store::Store;

/// What went wrong in the runs of an evolution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Troubles {
    /// The error that most of the failed evolutions have; `None` when none failed.
    pub commonest: Option<CommonError>,
    /// Evolutions one of whose answers was cut off at `max_tokens`, whatever came of them.
    pub cut_off: u64,
}

/// An error that evolutions share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommonError {
    /// As in `evolutions.error_kind`.
    pub error_kind: String,
    /// As in `evolutions.error`.
    pub error: Option<String>,
    /// How many evolutions have it.
    pub evolutions: u64,
}

impl Troubles {
    /// The troubles of published runs.
    pub(super) async fn of(store: &Store, run_ids: &[String]) -> Result<Troubles> {
        if run_ids.is_empty() {
            return Ok(Troubles::default());
        }
        let parameters = [("runs", of_runs(run_ids))].into();
        let session = Session::builder().store(store.clone()).build().await?;
        let commonest = session.rows(&FAILURES.bind(&parameters)?).await?.into_iter().next();
        Ok(Troubles { commonest, cut_off: single_count(&session, &CUT_OFF.bind(&parameters)?).await? })
    }
}
