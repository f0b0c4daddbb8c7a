//! From rows to groups: sketches on all cores, groups on one thread, and neither on those of the runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, TryStreamExt};
use tokio::sync::mpsc;

use super::images::sketched_images;
use super::texts::{TextRow, sketched_texts};
use super::vectors::sketched_vectors;
use super::{DuplicateSearch, FoundDuplicates};
use crate::duplicates::groups::{Content, Likeness};
use crate::duplicates::{Collector, Cosine, CosineSketcher, Equality, Groups, Hamming, Method, Near, NearSketcher, Rank, exact_content};
use crate::error::{Error, Result};
use crate::store::{Snapshot, StoredImages};

/// How far a search is; clones show the same.
#[derive(Debug, Clone, Default)]
pub struct SearchProgress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    sketched: AtomicU64,
    is_grouping: AtomicBool,
}

impl SearchProgress {
    /// Items that were read and sketched.
    pub fn sketched(&self) -> u64 {
        self.0.sketched.load(Ordering::Relaxed)
    }

    /// Whether all items are there and are being grouped.
    pub fn is_grouping(&self) -> bool {
        self.0.is_grouping.load(Ordering::Relaxed)
    }
}

/// An item with what is compared of it.
pub(super) struct Sketched<S> {
    pub(super) id: String,
    pub(super) rank: Rank,
    pub(super) content: Content<S>,
}

/// Finds the duplicates among the rows of the search's statement.
pub(super) async fn search(
    search: &DuplicateSearch,
    rows: SendableRecordBatchStream,
    snapshot: &Snapshot,
    progress: &SearchProgress,
) -> Result<FoundDuplicates> {
    let threshold = search.threshold.get();
    let left_out = Arc::new(AtomicU64::new(0));
    let groups = match search.method {
        Method::Exact => {
            let sketch = |row: &TextRow| exact_content(&row.text(), row.scope());
            group(sketched_texts(rows, sketch), Equality, progress).await?
        }
        Method::Near => {
            let sketcher = NearSketcher::new(threshold);
            let sketch = move |row: &TextRow| sketcher.sketch(&row.text(), row.scope());
            group(sketched_texts(rows, sketch), Near::new(threshold), progress).await?
        }
        Method::Semantic => {
            let sketched = sketched_vectors(rows, CosineSketcher::new(threshold), Arc::clone(&left_out));
            group(sketched, Cosine::new(threshold), progress).await?
        }
        Method::Image => {
            let stored = StoredImages::new(snapshot);
            group(sketched_images(rows, &stored, &left_out), Hamming::new(threshold), progress).await?
        }
    };
    let model = search.embedding_model().map(str::to_owned);
    Ok(FoundDuplicates { groups, left_out: left_out.load(Ordering::Relaxed), model })
}

/// Batches of sketches that wait for the collector.
const BATCHES_WAITING: usize = 2;

/// Collects sketches and groups them, on a thread that may take its time.
async fn group<L: Likeness + Send + 'static>(
    sketched: impl Stream<Item = Result<Vec<Sketched<L::Sketch>>>>,
    likeness: L,
    progress: &SearchProgress,
) -> Result<Groups>
where
    L::Sketch: Send,
{
    let (sender, mut receiver) = mpsc::channel::<Message<L::Sketch>>(BATCHES_WAITING);
    let counts = Arc::clone(&progress.0);
    let collecting = tokio::task::spawn_blocking(move || {
        let mut collector = Collector::new(likeness);
        while let Some(message) = receiver.blocking_recv() {
            match message {
                Message::Items(items) => {
                    counts.sketched.fetch_add(items.len() as u64, Ordering::Relaxed);
                    items.into_iter().for_each(|item| collector.add(&item.id, item.rank, item.content));
                }
                Message::End => {
                    counts.is_grouping.store(true, Ordering::Relaxed);
                    return Some(collector.finish());
                }
            }
        }
        // Nobody waits for the groups any more.
        None
    });
    let mut sketched = std::pin::pin!(sketched);
    while let Some(items) = sketched.try_next().await? {
        if sender.send(Message::Items(items)).await.is_err() {
            break;
        }
    }
    // Fails only where the collector has ended early, which the task says itself.
    let _ = sender.send(Message::End).await;
    let ended = |cause: &str| Error::task_ended("groups duplicates", cause.to_owned());
    collecting.await.map_err(|cause| ended(&cause.to_string()))?.ok_or_else(|| ended("its input was lost"))
}

enum Message<S> {
    Items(Vec<Sketched<S>>),
    /// There are no more: what was collected is everything.
    End,
}

/// Sketches batches on as many blocking threads as there are cores.
pub(super) fn on_all_cores<T: Send + 'static>(
    rows: SendableRecordBatchStream,
    sketch: impl Fn(&RecordBatch) -> Result<T> + Send + Sync + 'static,
) -> impl Stream<Item = Result<T>> {
    let sketch = Arc::new(sketch);
    let task = move |batch: RecordBatch| {
        let sketch = Arc::clone(&sketch);
        async move {
            let task = tokio::task::spawn_blocking(move || sketch(&batch));
            task.await.map_err(|cause| Error::task_ended("sketches items", cause))?
        }
    };
    rows.map_err(Error::from).map_ok(task).try_buffer_unordered(cores())
}

/// Threads that can run at once.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
