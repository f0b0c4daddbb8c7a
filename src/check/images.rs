//! Images that cannot be read, or are not what their id says.

use std::sync::atomic::Ordering;

use arrow::array::AsArray;
use futures::{StreamExt, stream};

use super::{CheckProgress, Found};
use crate::error::{Error, Result};
use crate::store::{Snapshot, StoredImages, Table};

/// Images that are read at the same time; memory is that of their files.
const IMAGES_AT_A_TIME: usize = 16;

/// Reads every image once and compares its hash with its id.
pub(super) async fn find(snapshot: &Snapshot, progress: &CheckProgress) -> Result<Option<Found>> {
    let mut ids: Vec<String> = Vec::new();
    let collect =
        |batch: &arrow::record_batch::RecordBatch| ids.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
    snapshot.for_each(Table::Images, &["image_id"], collect).await?;
    progress.total.store(ids.len() as u64, Ordering::Relaxed);

    let stored = StoredImages::new(snapshot);
    let mut checked = stream::iter(ids).map(|id| is_sound(&stored, id)).buffered(IMAGES_AT_A_TIME);
    let mut found: Option<Found> = None;
    while let Some(outcome) = checked.next().await {
        let (id, sound) = outcome?;
        progress.images.fetch_add(1, Ordering::Relaxed);
        if !sound {
            found.get_or_insert(Found { rows: 0, example: id }).rows += 1;
        }
    }
    Ok(found)
}

async fn is_sound(stored: &StoredImages, id: String) -> Result<(String, bool)> {
    let Ok(bytes) = stored.bytes(&id).await else { return Ok((id, false)) };
    let compare = move || {
        let sound = blake3::hash(&bytes).to_hex().as_str() == id;
        (id, sound)
    };
    tokio::task::spawn_blocking(compare).await.map_err(|cause| Error::task_ended("hashes images", cause))
}
