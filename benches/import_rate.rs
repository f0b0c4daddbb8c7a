//! How fast images and seeds come in, beside what the machine needs for the same bytes: reading and hashing them on two threads, writing
//! them to one file, and both.
//!
//! `cargo bench --bench import_rate`. Set SAMPLES to measure another size than 20,000, and COLD (as root, on Linux) to empty the page cache
//! before each run.

#[path = "../src/allocator.rs"]
mod allocator;
#[path = "support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use mmevol::import::{Import, MissingImages};
use mmevol::store::Store;
use tempfile::TempDir;

const IMAGE_BYTES: usize = 25_000;
/// Bytes that one write call of the plain copy takes.
const WRITE_BYTES: usize = 4 << 20;

fn import_rate(criterion: &mut Criterion) {
    let samples: usize = std::env::var("SAMPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let directory = tempfile::tempdir().unwrap();
    let seeds = support::write_seeds(directory.path(), samples, IMAGE_BYTES);
    let images: Vec<PathBuf> = fs::read_dir(directory.path().join("images")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();

    let mut group = criterion.benchmark_group(format!("{samples}_images"));
    group.sample_size(10).measurement_time(Duration::from_secs(30)).throughput(Throughput::Elements(samples as u64));
    let mut measure = |name: &str, run: &mut dyn FnMut(&Path)| measure(&mut group, name, directory.path(), samples * IMAGE_BYTES, run);
    measure("read_and_hash_on_two_threads", &mut |_| on_two_threads(&images, |path| drop(hashed(path))));
    measure("write_one_file", &mut |target| write_bytes(&target.join("copy"), samples * IMAGE_BYTES));
    measure("read_hash_and_write_on_two_threads", &mut |target| read_hash_and_write(&images, target));
    measure("import", &mut |target| runtime.block_on(import(&seeds, &target.join("store"), MissingImages::Refuse)));
    group.finish();
}

/// Measures `run` in a new directory of the same file system each time.
fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, directory: &Path, bytes: usize, run: &mut dyn FnMut(&Path)) {
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            || prepare(directory, bytes),
            |target| {
                run(target.path());
                // Removing what was written is not measured.
                target
            },
            BatchSize::PerIteration,
        );
    });
}

/// An empty directory, on a machine that is in the same state before every run.
fn prepare(directory: &Path, bytes: usize) -> TempDir {
    let target = tempfile::tempdir_in(directory).unwrap();
    if std::env::var_os("COLD").is_some() {
        assert!(std::process::Command::new("sync").status().unwrap().success());
        fs::write("/proc/sys/vm/drop_caches", "3").unwrap();
    }
    // A virtual machine may have given its free memory back to the host, and waits for every page of it that it uses again: longer than
    // an import takes. So as much as an import needs is used, and freed, before each run.
    let file = target.path().join("warm");
    write_bytes(&file, 2 * bytes);
    fs::remove_file(file).unwrap();
    target
}

fn write_bytes(path: &Path, bytes: usize) {
    let part = vec![b'x'; WRITE_BYTES];
    let mut file = File::create(path).unwrap();
    for start in (0..bytes).step_by(WRITE_BYTES) {
        file.write_all(&part[..WRITE_BYTES.min(bytes - start)]).unwrap();
    }
}

fn read_hash_and_write(images: &[PathBuf], target: &Path) {
    let files = [0, 1].map(|half| File::create(target.join(format!("{half}"))).unwrap());
    std::thread::scope(|scope| {
        for (half, mut file) in images.chunks(images.len().div_ceil(2)).zip(files) {
            scope.spawn(move || {
                for path in half {
                    file.write_all(&hashed(path)).unwrap();
                }
            });
        }
    });
}

fn on_two_threads(images: &[PathBuf], each: impl Fn(&Path) + Sync) {
    std::thread::scope(|scope| {
        for half in images.chunks(images.len().div_ceil(2)) {
            scope.spawn(|| half.iter().for_each(|path| each(path)));
        }
    });
}

fn hashed(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    std::hint::black_box(blake3::hash(&bytes));
    bytes
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
