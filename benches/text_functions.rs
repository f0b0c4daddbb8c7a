//! How many questions a second the text functions take on one core, beside spaCy's small model on the same questions in the same run.
//!
//! `cargo bench --bench text_functions`. The questions are those of the MMEvol authors' seeds where that file is at hand, else the labelled ones of
//! the tests. Set SPACY_PYTHON to a Python that has spaCy and its small model (`benches/support/spacy_root.py` says which packages);
//! without it spaCy is left out, and the run says so.

#[path = "../src/allocator.rs"]
mod allocator;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mmevol::text::{Encoding, language, root, sentence_count};

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/mmevol_demo/seeds.json");
const LABELLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/root_verbs.jsonl");
const SPACY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/support/spacy_root.py");

fn text_functions(criterion: &mut Criterion) {
    let questions = questions();
    let mut group = criterion.benchmark_group(format!("{}_questions", questions.len()));
    group.sample_size(10).measurement_time(Duration::from_secs(5)).throughput(Throughput::Elements(questions.len() as u64));
    group.bench_function("root_verb", |bencher| bencher.iter(|| questions.iter().filter_map(|question| root(question)).count()));
    group.bench_function("sentence_count", |bencher| {
        bencher.iter(|| questions.iter().map(|question| sentence_count(question)).sum::<usize>())
    });
    group.bench_function("language", |bencher| bencher.iter(|| questions.iter().filter_map(|question| language(question)).count()));
    let encoding = Encoding::default();
    encoding.count("The first text unpacks the vocabulary.");
    group
        .bench_function("token_count", |bencher| bencher.iter(|| questions.iter().map(|question| encoding.count(question)).sum::<usize>()));
    match std::env::var("SPACY_PYTHON") {
        Ok(python) => {
            group.bench_function("spacy_small", |bencher| {
                bencher.iter_custom(|iterations| (0..iterations).map(|_| spacy(&python, &questions)).sum());
            });
        }
        Err(_) => eprintln!("spaCy is left out: set SPACY_PYTHON to a Python that has it"),
    }
    group.finish();
}

/// How long spaCy takes, without starting and loading.
fn spacy(python: &str, questions: &[String]) -> Duration {
    let threads = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"].map(|name| (name, "1"));
    let mut child = Command::new(python).arg(SPACY).envs(threads).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines: String = questions.iter().map(|question| serde_json::to_string(question).unwrap() + "\n").collect();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "spaCy failed");
    Duration::from_secs_f64(String::from_utf8(output.stdout).unwrap().trim().parse().unwrap())
}

fn questions() -> Vec<String> {
    let question = |item: &serde_json::Value| item["question"].as_str().unwrap().to_owned();
    if let Ok(seeds) = std::fs::read_to_string(SEEDS) {
        let seeds: Vec<serde_json::Value> = serde_json::from_str(&seeds).unwrap();
        return seeds.iter().flat_map(|seed| seed["conversations_v0"].as_array().unwrap()).map(question).collect();
    }
    let labelled = std::fs::read_to_string(LABELLED).unwrap();
    labelled.lines().map(|line| question(&serde_json::from_str(line).unwrap())).collect()
}

criterion_group!(benches, text_functions);
criterion_main!(benches);
