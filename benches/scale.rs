//! What a store with 163,000 samples, three rounds and 1,000,000 instructions costs to look at, to evolve again in part, and to follow from leaf to
//! seed: time, peak memory, bytes written.
//!
//! `cargo bench --bench scale [-- NAME...]`, on Linux. INSTRUCTIONS sets another size. STORE names a directory that keeps the store for the next
//! time; it is made where there is none. Every figure is that of a process of its own.

#[path = "../src/allocator.rs"]
mod allocator;
#[path = "support/large_store/mod.rs"]
mod large_store;
#[path = "support/measured.rs"]
mod measured;
#[path = "support/process.rs"]
#[allow(dead_code)]
mod process;
#[path = "support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use measured::{Part, Took};
use mmevol::cli::{self, Cli};
use mmevol::evolution::{Due, Settings};
use mmevol::model::rules::RulesModel;
use mmevol::{Evolution, Session, Store};
use tempfile::TempDir;

/// Each figure of time is the median of so many runs.
const RUNS: usize = 3;

/// Leaves that are followed in one session, one after the other.
const LEAVES: usize = 20;

/// Every ancestor of every leaf of round 3, as the view's own comment says it.
const ANCESTORS: &str = "
    WITH RECURSIVE line AS (
        SELECT instruction_id AS leaf, parent_id AS ancestor, round FROM lineage_edges WHERE round = 3
        UNION ALL
        SELECT line.leaf, e.parent_id, e.round
        FROM line JOIN lineage_edges e ON line.ancestor = e.instruction_id AND e.round < line.round
    )
    SELECT count(*) FROM line";

/// The same by as many hash joins as there are rounds.
const JOINED_ANCESTORS: &str = "
    SELECT count(a.parent_id) + count(b.parent_id) + count(c.parent_id)
    FROM lineage_edges a
    LEFT JOIN lineage_edges b ON a.parent_id = b.instruction_id
    LEFT JOIN lineage_edges c ON b.parent_id = c.instruction_id
    WHERE a.round = 3";

type Benchmark = fn(&Path);

const BENCHMARKS: [(&str, Benchmark); 6] = [
    ("status", |store| command("status", store, &["status"])),
    ("evolve_where_nothing_is_due", |store| command("evolve", store, &["evolve", "--model", "rules"])),
    ("stats", |store| command("stats", store, &["stats"])),
    ("evolve_a_part_again", evolve_a_part_again),
    ("lineage_of_one_leaf", lineage_of_one_leaf),
    ("ancestors_of_all_leaves", ancestors_of_all_leaves),
];

fn main() {
    if let Some(part) = Part::asked() {
        tokio::runtime::Runtime::new().unwrap().block_on(run(&part));
        return measured::note(process::peak_memory_bytes());
    }
    let (store, _temporary) = prepared();
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, benchmark) in BENCHMARKS {
        if wanted.is_empty() || wanted.iter().any(|wanted| name == wanted) {
            println!("\n{name}");
            benchmark(&store);
        }
    }
}

/// The store to measure, made if need be.
fn prepared() -> (PathBuf, Option<TempDir>) {
    let temporary = std::env::var_os("STORE").is_none().then(|| tempfile::tempdir().unwrap());
    let store = match &temporary {
        Some(directory) => directory.path().join("store"),
        None => PathBuf::from(std::env::var_os("STORE").unwrap()),
    };
    if !store.join("catalog.json").exists() {
        let instructions = std::env::var("INSTRUCTIONS").unwrap_or_else(|_| "1000000".to_owned());
        println!("\nmake_the_store");
        print("made", &Part::new("make", &store).with(&instructions).measure());
        println!("  {}", megabytes(bytes_in(&store, &|_| true)));
    }
    (store, temporary)
}

/// One part of a benchmark, in a process that does nothing else.
async fn run(part: &Part) {
    match part.name() {
        "make" => drop(large_store::make(part.store(), part.argument(0).parse().unwrap()).await),
        "command" => cli::run(Cli::parse_from(part.arguments())).await.unwrap(),
        "again" => evolve_again(part.store(), part.argument(0).parse().unwrap()).await,
        "lineage" => follow(part.store(), part.argument(0)).await,
        "query" => measured::note(format_args!("{} rows", count(&session(part.store()).await, part.argument(0)).await)),
        other => panic!("no part is called {other}"),
    }
}

fn command(name: &str, store: &Path, arguments: &[&str]) {
    let part = Part::new("command", store).with("mmevol").with("--store").with(store.to_str().unwrap());
    let part = arguments.iter().fold(part, |part, argument| part.with(argument));
    print(name, &Took::median((0..RUNS).map(|_| part.measure()).collect()));
}

fn print(name: &str, took: &Took) {
    println!("  {name:<48}{:>9.3} s {:>6} MiB at most", took.wall.as_secs_f64(), took.peak_bytes >> 20);
}

/// Takes shares of the first round up again, each in a copy of the store.
fn evolve_a_part_again(store: &Path) {
    for share in ["0.001", "0.01", "0.1"] {
        let directory = tempfile::tempdir_in(store.parent().unwrap()).unwrap();
        let copy = directory.path().join("store");
        link(store, &copy);
        let took = Part::new("again", &copy).with(share).measure();
        // What the copy does not share with the original was written.
        let written = bytes_in(&copy, &|file| !is_shared(file));
        print(&format!("{share} of the samples"), &took);
        println!("    {}; {} written", took.notes.join("; "), megabytes(written));
    }
}

async fn evolve_again(store: &Path, share: f64) {
    let before = (share * f64::from(u32::MAX)) as u32;
    let settings = Settings {
        rounds: 1,
        predicate: Some(format!("round = 1 AND sample_id < '{before:08x}'")),
        due: Due::Chosen,
        ..Settings::default()
    };
    let report = Evolution::new(Store::open(store).await.unwrap(), Arc::new(RulesModel)).settings(settings).run().await.unwrap();
    let round = &report.rounds[0];
    measured::note(format_args!("{} evolutions, {} calls, {} items", round.evolutions, report.spent.calls, round.generated));
}

fn lineage_of_one_leaf(store: &Path) {
    for function in ["lineage", "ancestors"] {
        let took = Part::new("lineage", store).with(function).measure();
        print(&format!("{function}, whole process"), &took);
        took.notes.iter().for_each(|note| println!("    {note}"));
    }
}

/// Leaves from all over the round, one query for each.
async fn follow(store: &Path, function: &str) {
    let session = session(store).await;
    let leaves = format!(
        "SELECT max(instruction_id) AS id FROM instructions WHERE round = 3 GROUP BY substr(sample_id, 1, 2) ORDER BY id LIMIT {LEAVES}"
    );
    let batches = session.collect(&leaves).await.unwrap();
    let ids: Vec<String> = batches
        .iter()
        .flat_map(|batch| arrow::array::AsArray::as_string::<i32>(batch.column(0)).iter().flatten().map(str::to_owned))
        .collect();
    let mut times = Vec::new();
    for id in &ids {
        let started = Instant::now();
        let rows = count(&session, &format!("SELECT count(*) FROM (SELECT * FROM {function}('{id}'))")).await;
        times.push(started.elapsed());
        assert!(rows > 0, "a leaf has ancestors");
    }
    let first = times.remove(0);
    times.sort();
    let [median, slowest] = [times[times.len() / 2], times[times.len() - 1]].map(milliseconds);
    measured::note(format_args!(
        "the first leaf {:.1} ms, {} others {median:.1} ms, at most {slowest:.1} ms",
        milliseconds(first),
        times.len()
    ));
}

fn ancestors_of_all_leaves(store: &Path) {
    let median = |query| Took::median((0..RUNS).map(|_| Part::new("query", store).with(query).measure()).collect());
    let (recursive, joined) = (median(ANCESTORS), median(JOINED_ANCESTORS));
    assert_eq!(recursive.notes, joined.notes, "both find the same");
    print("followed by a recursive query", &recursive);
    print("joined once for each round", &joined);
    println!("    {:.2} x; {}", recursive.wall.as_secs_f64() / joined.wall.as_secs_f64(), recursive.notes.join("; "));
}

async fn session(store: &Path) -> Session {
    Session::builder().store(Store::open(store).await.unwrap()).build().await.unwrap()
}

/// The one number that a query gives.
async fn count(session: &Session, query: &str) -> i64 {
    let batches = session.collect(query).await.unwrap();
    arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(batches[0].column(0)).value(0)
}

/// A copy that shares its files: none of them is ever changed, but for the lock, which is everyone's own.
fn link(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            link(&path, &target);
        } else if path.file_name().unwrap() != "write.lock" {
            std::fs::hard_link(path, target).unwrap();
        }
    }
}

fn is_shared(file: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(file) > 1
}

fn bytes_in(directory: &Path, counts: &dyn Fn(&std::fs::Metadata) -> bool) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| match std::fs::metadata(&path).unwrap() {
            found if found.is_dir() => bytes_in(&path, counts),
            found if counts(&found) => found.len(),
            _ => 0,
        })
        .sum()
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
