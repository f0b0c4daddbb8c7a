//! By which models what stands in a store was made.

use arrow::array::AsArray;
use futures::TryStreamExt;

use super::statements::RUNS;
use crate::error::Result;
use crate::query::{Session, StatementParameter as Parameter};

/// The models that made the evolutions that stand, that of the latest run first, as their runs were told. Empty where none was made here: what
/// was imported finished has no such run. Evolutions are looked at only where several models made some.
///
/// # Errors
/// Those of the store.
pub async fn standing_models(session: &Session) -> Result<Vec<String>> {
    let models = models_of(session, "true").await?;
    if models.len() <= 1 {
        return Ok(models);
    }
    models_of(session, "run_id IN (SELECT run_id FROM evolutions WHERE status <> 'superseded')").await
}

/// The models of the runs for which a predicate holds.
async fn models_of(session: &Session, runs: &str) -> Result<Vec<String>> {
    let mut batches = session.stream(&RUNS.bind(&[("runs", Parameter::Predicate(runs.to_owned()))].into())?).await?;
    let mut models: Vec<String> = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        for settings in batch.column(0).as_string::<i32>().iter().flatten() {
            let settings: serde_json::Value = serde_json::from_str(settings).unwrap_or_default();
            if let Some(model) = settings["model"].as_str().filter(|model| models.iter().all(|known| known != model)) {
                models.push(model.to_owned());
            }
        }
    }
    Ok(models)
}
