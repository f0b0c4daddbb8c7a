//! How long a search for the nearest of a million vectors takes, with the index and by comparing all, and how many of the real neighbours the
//! index finds.
//!
//! `cargo bench --bench nearest`. `ROWS=N` sets another number. The vectors are of real questions, where they are at hand, each many times
//! with words exchanged between them.

#[path = "../src/allocator.rs"]
mod allocator;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float32Builder, ListBuilder, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use criterion::{Criterion, criterion_group, criterion_main};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use mmevol::Store;
use mmevol::model::lexical;
use mmevol::store::{Indexed, Snapshot, Table};

/// Vectors that are written at a time.
const BATCH_ROWS: usize = 4096;

/// Searches over which recall is counted; the queries are texts that are not stored.
const QUERIES: usize = 50;

const NEIGHBOURS: usize = 10;

fn rows() -> usize {
    std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000)
}

fn nearest(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let texts = Arc::new(questions());
    let snapshot = runtime.block_on(fill(&directory.path().join("store"), &texts));
    let queries: Vec<Vec<f32>> = (0..QUERIES).map(|number| lexical::vector(&text(&texts, rows() + 7 * number))).collect();
    let recall = runtime.block_on(recall(&snapshot, &queries));
    println!("recall@{NEIGHBOURS} over {QUERIES} queries: {recall:.3} (wanted: 0.95)");

    let mut group = criterion.benchmark_group(format!("nearest_{NEIGHBOURS}_of_{}", rows()));
    group.sample_size(20);
    let mut next = queries.iter().cycle();
    group.bench_function("with_the_index", |bencher| {
        bencher.iter(|| runtime.block_on(snapshot.nearest("lexical", next.next().unwrap(), NEIGHBOURS)).unwrap());
    });
    group.sample_size(10);
    group.bench_function("by_comparing_all", |bencher| {
        bencher.iter(|| runtime.block_on(snapshot.nearest_exactly("lexical", next.next().unwrap(), NEIGHBOURS)).unwrap());
    });
    group.finish();
}

/// The share of the real neighbours that the index finds.
async fn recall(snapshot: &Snapshot, queries: &[Vec<f32>]) -> f64 {
    let (mut found, mut all) = (0, 0);
    for query in queries {
        let exact = snapshot.nearest_exactly("lexical", query, NEIGHBOURS).await.unwrap();
        let farthest = exact.last().map_or(0.0, |neighbour| neighbour.distance) + 1e-5;
        let near = snapshot.nearest("lexical", query, NEIGHBOURS).await.unwrap();
        found += near.iter().filter(|neighbour| neighbour.distance <= farthest).count();
        all += exact.len();
    }
    found as f64 / all as f64
}

/// A store with the vectors of that many texts, and their index.
async fn fill(path: &Path, texts: &Arc<Vec<String>>) -> Snapshot {
    let store = Store::create(path).await.unwrap();
    let mut writer = store.writer("bench", serde_json::json!({})).await.unwrap();
    let schema = Table::Embeddings.schema();
    let starts = (0..rows()).step_by(BATCH_ROWS);
    let (texts, of_batch) = (Arc::clone(texts), Arc::clone(&schema));
    let batches = futures::stream::iter(starts)
        .map(move |start| {
            let (texts, schema) = (Arc::clone(&texts), Arc::clone(&of_batch));
            tokio::task::spawn_blocking(move || batch(&texts, start, (start + BATCH_ROWS).min(rows()), &schema))
        })
        .buffered(4)
        .map(|batch| batch.unwrap().map_err(|cause| DataFusionError::ArrowError(Box::new(cause), None)));
    let started = Instant::now();
    writer.append(Table::Embeddings, Box::pin(RecordBatchStreamAdapter::new(schema, batches))).await.unwrap();
    println!("{} vectors made and written in {:.0} s", rows(), started.elapsed().as_secs_f64());
    let started = Instant::now();
    assert_eq!(writer.index_vectors("lexical", 1).await.unwrap(), Indexed::Made);
    println!("index made in {:.0} s", started.elapsed().as_secs_f64());
    writer.publish(serde_json::json!({})).await.unwrap();
    store.snapshot().await.unwrap()
}

fn batch(texts: &[String], start: usize, end: usize, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let strings = |value: &dyn Fn(usize) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values((start..end).map(value))) };
    let mut vectors = ListBuilder::new(Float32Builder::new());
    for row in start..end {
        vectors.values().append_slice(&lexical::vector(&text(texts, row)));
        vectors.append(true);
    }
    let created_at = TimestampMicrosecondArray::from_value(0, end - start).with_timezone("UTC");
    RecordBatch::try_new(
        Arc::clone(schema),
        vec![
            strings(&|row| format!("{row:032x}")),
            strings(&|_| "lexical".to_owned()),
            strings(&|_| "question".to_owned()),
            strings(&|row| format!("{row:032x}")),
            strings(&|_| "run-1".to_owned()),
            Arc::new(created_at),
            Arc::new(vectors.finish()),
        ],
    )
}

/// One question with the second half of another.
fn text(texts: &[String], row: usize) -> String {
    let (one, other) = (&texts[row % texts.len()], &texts[row / texts.len() * 7919 % texts.len()]);
    let (one, other): (Vec<&str>, Vec<&str>) = (one.split(' ').collect(), other.split(' ').collect());
    [&one[..one.len().div_ceil(2)], &other[other.len() / 2..]].concat().join(" ")
}

/// The authors' seed questions, else those of the bundled photos.
fn questions() -> Vec<String> {
    let files = ["../shared/data/mmevol_demo/seeds.json", "examples/seeds/seed.json"];
    let path = files.into_iter().find(|path| Path::new(path).exists()).unwrap();
    let records: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let items = records.as_array().unwrap().iter().flat_map(|record| record["conversations_v0"].as_array().into_iter().flatten());
    items.filter_map(|item| item["question"].as_str().map(str::to_owned)).collect()
}

criterion_group!(benches, nearest);
criterion_main!(benches);
