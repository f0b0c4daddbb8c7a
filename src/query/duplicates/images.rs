//! Perceptual hashes of images: those that are stored, and those that have to be made.

use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::search::{Sketched, cores};
use crate::duplicates::{Hamming, Rank};
use crate::error::{Error, Result};
use crate::image::{PerceptualHash, perceptual_hash};
use crate::store::{StoredImages, column};

/// A row of `sql/duplicates/images.sql`.
struct ImageRow {
    id: String,
    pixels: Option<i64>,
    /// The stored hash.
    hash: Option<PerceptualHash>,
}

/// The hashes of the rows, one at a time. An image without a stored hash is read and decoded, as many at once as there are cores, so that memory is
/// that of their files and pixels. One that cannot be decoded is counted in `unreadable` and left out.
pub(super) fn sketched_images<'a>(
    rows: SendableRecordBatchStream,
    stored: &'a StoredImages,
    unreadable: &'a AtomicU64,
) -> impl Stream<Item = Result<Vec<Sketched<u64>>>> + 'a {
    let rows = rows.map_err(Error::from).map_ok(|batch| match image_rows(&batch) {
        Ok(rows) => stream::iter(rows.into_iter().map(Ok)).left_stream(),
        Err(error) => stream::iter([Err(error)]).right_stream(),
    });
    let hashed = rows.try_flatten().map_ok(move |row| hashed(stored, row)).try_buffer_unordered(cores());
    hashed.map_ok(move |(row, hash)| match hash {
        Some(hash) => vec![Sketched { id: row.id, rank: Rank { round: 0, score: row.pixels }, content: Hamming::sketch(hash.bits()) }],
        None => {
            unreadable.fetch_add(1, Ordering::Relaxed);
            Vec::new()
        }
    })
}

fn image_rows(batch: &RecordBatch) -> Result<Vec<ImageRow>> {
    let (ids, hashes) = (column(batch, "id")?.as_string::<i32>(), column(batch, "phash")?.as_string::<i32>());
    let pixels = column(batch, "pixels")?.as_primitive::<Int64Type>();
    let row = |row| ImageRow {
        id: ids.value(row).to_owned(),
        pixels: pixels.is_valid(row).then(|| pixels.value(row)),
        // What is no hash is made anew.
        hash: hashes.is_valid(row).then(|| hashes.value(row).parse().ok()).flatten(),
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

async fn hashed(stored: &StoredImages, row: ImageRow) -> Result<(ImageRow, Option<PerceptualHash>)> {
    if row.hash.is_some() {
        let hash = row.hash;
        return Ok((row, hash));
    }
    let bytes = stored.bytes(&row.id).await?;
    let decoding = tokio::task::spawn_blocking(move || perceptual_hash(&bytes).ok());
    Ok((row, decoding.await.map_err(|cause| Error::task_ended("decodes images", cause))?))
}
