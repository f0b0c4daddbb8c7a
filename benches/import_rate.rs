//! How fast images and seeds come in, beside reading and hashing the same files on two threads.
//!
//! `cargo bench --bench import_rate`. Set SAMPLES to measure another size than 20,000.

#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mmevol::import::{Import, MissingImages};
use mmevol::store::Store;

const IMAGE_BYTES: usize = 25_000;

fn import_rate(criterion: &mut Criterion) {
    let samples: usize = std::env::var("SAMPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let directory = tempfile::tempdir().unwrap();
    let seeds = support::write_seeds(directory.path(), samples, IMAGE_BYTES);
    let images: Vec<PathBuf> = std::fs::read_dir(directory.path().join("images")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();

    let mut group = criterion.benchmark_group(format!("{samples}_images"));
    group.sample_size(10).measurement_time(Duration::from_secs(30)).throughput(Throughput::Elements(samples as u64));
    group.bench_function("read_and_hash_on_two_threads", |bencher| bencher.iter(|| read_and_hash(&images)));
    group.bench_function("import", |bencher| {
        bencher.iter_batched(
            || tempfile::tempdir_in(directory.path()).unwrap(),
            |store| {
                runtime.block_on(import(&seeds, &store.path().join("store"), MissingImages::Refuse));
                // Removing the store is not part of the import.
                store
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// The 1,612 real seeds of the authors' demo, where they are at hand.
fn real_seeds(criterion: &mut Criterion) {
    let seeds = Path::new("../shared/data/mmevol_demo/seeds.json");
    if !seeds.exists() {
        println!("real_seeds: {} is not there, nothing measured", seeds.display());
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    criterion.bench_function("real_seeds_1612", |bencher| {
        bencher.iter_batched(
            || tempfile::tempdir().unwrap(),
            |store| {
                runtime.block_on(import(seeds, &store.path().join("store"), MissingImages::Allow));
                store
            },
            BatchSize::PerIteration,
        );
    });
}

fn read_and_hash(images: &[PathBuf]) {
    std::thread::scope(|scope| {
        for half in images.chunks(images.len().div_ceil(2)) {
            scope.spawn(move || {
                for path in half {
                    std::hint::black_box(blake3::hash(&std::fs::read(path).unwrap()));
                }
            });
        }
    });
}

async fn import(seeds: &Path, store: &Path, missing: MissingImages) {
    let store = Store::create(store).await.unwrap();
    let report = Import::new(seeds).missing_images(missing).run(&store).await.unwrap();
    assert_eq!(report.samples, report.records);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = import_rate, real_seeds
}
criterion_main!(benches);
