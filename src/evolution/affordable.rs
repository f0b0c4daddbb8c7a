//! How far a limit of calls reaches into what is due. What was answered before takes none of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::stage::Stage;
use super::statements::{AFFORDABLE, NEEDED};
use super::{Evolution, round};
use crate::error::Result;
use crate::model::spending::Spending;
use crate::query::{Session, StatementParameter as Parameter};
use crate::store::SharedWriter;

/// New calls of one evolution at most: a rewritten sample is worth nothing without its verdict.
pub(super) const CALLS_OF_ONE: u64 = 2;

/// Leaves of table `frontier` what `calls` new calls reach. Returns how many evolutions that are.
///
/// As for a plan, every request is made and looked up, and nothing asked; `parameters` let what is not asked leave a row. Results lie in files.
pub(super) async fn limit_frontier(
    evolution: &Evolution,
    writer: &SharedWriter,
    stage: &Stage<'_>,
    parameters: &BTreeMap<&'static str, Parameter>,
    calls: u64,
) -> Result<u64> {
    // Of its own: what is looked up here is taken, and counted, by the round.
    let spending = Arc::new(Spending::new(Some(0), None).until(evolution.progress.stop_token()));
    let models = Arc::new(round::models(evolution, &spending).over(writer).await?);
    let in_flight = Arc::clone(&models.model.in_flight);
    let session = Session::builder().writer(Arc::clone(writer)).models(models).build().await?;
    session.collect("SET mmevol.keep_order = false").await?;
    session.show_kept("frontier", "frontier", stage.directory()).await?;
    evolution.show_scored(&session, parameters).await?;
    session.keep("needed", NEEDED.text(), stage.directory()).await?;
    let calls = Parameter::Integer(i64::try_from(calls).unwrap_or(i64::MAX));
    let affordable = session.keep("affordable", &AFFORDABLE.bind(&[("calls", calls)].into())?, stage.directory()).await?;
    drop(session);
    // Whoever still holds the journal would keep the next writer out.
    in_flight.settled().await;
    stage.show("frontier", "affordable").await?;
    Ok(affordable)
}
