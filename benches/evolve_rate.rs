//! How many requests a second an evolution makes, with images, against an endpoint that answers at once and one that takes 200 ms.
//!
//! `cargo bench --bench evolve_rate`. The endpoint is a process of its own and shares the machine's cores. What stands before the first request and
//! after the last hardly grows with the number of samples, so the slow endpoint is measured with two of them.

#[path = "../src/allocator.rs"]
mod allocator;
#[path = "support/endpoint.rs"]
mod endpoint;
#[path = "../tests/it/endpoint.rs"]
#[allow(dead_code)]
mod scripted;
#[path = "support/mod.rs"]
mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group};
use endpoint::{Endpoint, Reply};
use mmevol::evolution::Settings;
use mmevol::model::limits::Limits;
use mmevol::model::openai::OpenAiModel;
use mmevol::{Evolution, Import, Store};
use serde_json::Value;

const CONCURRENCY: usize = 64;

fn main() {
    endpoint::serve_if_asked(&[
        ("answers_at_once", |body| evolving(body, Duration::ZERO)),
        ("takes_200_ms", |body| evolving(body, Duration::from_millis(200))),
    ]);
    benches();
    Criterion::default().configure_from_args().final_summary();
}

fn evolving(body: &Value, latency: Duration) -> Reply {
    let scripted::Behaviour::Reply { text, .. } = scripted::evolving(body) else { panic!("this script always replies") };
    Reply { text, latency }
}

fn evolve_rate(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("evolve_one_round_with_images");
    group.sample_size(10);
    for (script, samples) in [("answers_at_once", 1_000), ("takes_200_ms", 1_000), ("takes_200_ms", 4_000)] {
        let directory = tempfile::tempdir().unwrap();
        let seeds = support::write_seeds(directory.path(), samples, 25_000);
        // Each sample makes one request to evolve and one to score.
        group.throughput(Throughput::Elements(2 * samples as u64));
        group.bench_function(format!("endpoint_{script}/{samples}_samples"), |bencher| {
            bencher.iter_custom(|runs| (0..runs).map(|_| runtime.block_on(one_round(&seeds, samples, directory.path(), script))).sum());
        });
    }
    group.finish();
}

/// The time of the round alone, without import.
async fn one_round(seeds: &std::path::Path, samples: usize, directory: &std::path::Path, script: &str) -> Duration {
    let scratch = tempfile::tempdir_in(directory).unwrap();
    let store = Store::create(scratch.path().join("store")).await.unwrap();
    Import::new(seeds).run(&store).await.unwrap();
    let endpoint = Endpoint::start(script);
    let limits = Limits { concurrency: NonZeroUsize::new(CONCURRENCY), ..Limits::default() };
    let model = OpenAiModel::builder("bench").base_url(endpoint.base_url()).limits(limits).build().unwrap();
    let evolution = Evolution::new(store, Arc::new(model)).settings(Settings { rounds: 1, ..Settings::default() });
    let started = Instant::now();
    let report = evolution.run().await.unwrap();
    let elapsed = started.elapsed();
    assert_eq!((report.spent.calls, report.spent.failed), (2 * samples as u64, 0));
    elapsed
}

criterion_group!(benches, evolve_rate);
