//! How many requests a second an evolution makes, with images, against an endpoint that answers at once and one that takes 200 ms.
//!
//! `cargo bench --bench evolve_rate`. The endpoint runs in the same process and shares its cores.

#[path = "../tests/it/endpoint.rs"]
#[allow(dead_code)]
mod endpoint;
#[path = "support/mod.rs"]
mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use endpoint::{Behaviour, Endpoint, evolving};
use mmevol::evolution::Settings;
use mmevol::model::limits::Limits;
use mmevol::model::openai::OpenAiModel;
use mmevol::{Evolution, Import, Store};

/// Samples of a run; each makes one request to evolve and one to score.
const SAMPLES: usize = 1_000;
const CONCURRENCY: usize = 64;

fn evolve_rate(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let seeds = support::write_seeds(directory.path(), SAMPLES, 25_000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("evolve_one_round_of_1000_samples_with_images");
    group.sample_size(10).throughput(Throughput::Elements(2 * SAMPLES as u64));
    for (name, delay) in [("endpoint_answers_at_once", Duration::ZERO), ("endpoint_takes_200_ms", Duration::from_millis(200))] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|runs| (0..runs).map(|_| runtime.block_on(one_round(&seeds, directory.path(), delay))).sum());
        });
    }
    group.finish();
}

/// The time of the round alone, without import.
async fn one_round(seeds: &std::path::Path, directory: &std::path::Path, delay: Duration) -> Duration {
    let scratch = tempfile::tempdir_in(directory).unwrap();
    let store = Store::create(scratch.path().join("store")).await.unwrap();
    Import::new(seeds).run(&store).await.unwrap();
    let endpoint = Endpoint::start(move |request: &serde_json::Value| match delay.is_zero() {
        true => evolving(request),
        false => Behaviour::Delay(delay, Box::new(evolving(request))),
    });
    let limits = Limits { concurrency: NonZeroUsize::new(CONCURRENCY), ..Limits::default() };
    let model = OpenAiModel::builder("bench").base_url(endpoint.base_url()).limits(limits).build().unwrap();
    let evolution = Evolution::new(store, Arc::new(model)).settings(Settings { rounds: 1, ..Settings::default() });
    let started = Instant::now();
    let report = evolution.run().await.unwrap();
    let elapsed = started.elapsed();
    assert_eq!((report.spent.calls, report.spent.failed), (2 * SAMPLES as u64, 0));
    elapsed
}

criterion_group!(benches, evolve_rate);
criterion_main!(benches);
