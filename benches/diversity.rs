//! How fast the aggregates are over many instructions, beside DuckDB, numpy and other packages of Python for the same figures.
//!
//! `cargo bench --bench diversity`. Set ROWS to measure another number than 1,000,000. The comparison needs `duckdb`, `numpy`, `scipy`, `nltk` and
//! `lexical-diversity` of PyPI in the `python3` of the path, or of the variable PYTHON; what is not installed there is left out, and said so.
//!
//! Ours runs as a query over a table in memory, on as many threads as there are cores; so do DuckDB and numpy's products. One run of each.

#[path = "../src/allocator.rs"]
mod allocator;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, AsArray, FixedSizeListArray, Float32Array, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type};
use arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use mmevol::Session;
use serde_json::Value;

/// As long as the embedded model's.
const DIMENSIONS: usize = 384;

/// One row in so many has a vector, since a million of them are more than the memory that the rest needs.
const ROWS_A_VECTOR: usize = 10;

const BATCH: usize = 8192;

/// Name, table, aggregate.
const AGGREGATES: [(&str, &str, &str); 10] = [
    ("distinct_1", "texts", "distinct_n(text, 1)"),
    ("distinct_3", "texts", "distinct_n(text, 3)"),
    ("mattr_10", "texts", "mattr(text, 10)"),
    ("self_bleu_of_1000", "texts", "self_bleu(text)"),
    ("shannon_entropy", "texts", "shannon_entropy(text)"),
    ("effective_number_2", "texts", "effective_number(text, 2)"),
    ("gini", "texts", "gini(text)"),
    ("cohen_kappa", "texts", "cohen_kappa(verdict, other_verdict)"),
    ("mean_pairwise_distance", "vectors", "mean_pairwise_distance(vector)"),
    ("vendi_score", "vectors", "vendi_score(vector)"),
];

fn main() {
    let rows: usize = std::env::var("ROWS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let texts = texts(rows);
    let vectors = vectors(rows / ROWS_A_VECTOR);
    let folder = tempfile::tempdir().unwrap();
    write_for_python(&texts, &vectors, folder.path());
    let theirs = in_python(folder.path());

    let session = runtime.block_on(Session::builder().build()).unwrap();
    let verdicts = |salt: u64| -> ArrayRef {
        let verdict =
            |row: usize| if mixed(row as u64 / 4 + salt * u64::from(row.is_multiple_of(4))).is_multiple_of(3) { "no" } else { "yes" };
        Arc::new(StringArray::from_iter_values((0..rows).map(verdict)))
    };
    let columns: [(&str, ArrayRef); 3] =
        [("text", Arc::new(StringArray::from_iter_values(&texts))), ("verdict", verdicts(0)), ("other_verdict", verdicts(1 << 40))];
    register(&session, "texts", RecordBatch::try_from_iter(columns).unwrap());
    register(&session, "vectors", RecordBatch::try_from_iter([("vector", vector_column(vectors))]).unwrap());

    for (name, table, aggregate) in AGGREGATES {
        let started = Instant::now();
        let batches = runtime.block_on(session.collect(&format!("SELECT {aggregate} FROM {table}"))).unwrap();
        let seconds = started.elapsed().as_secs_f64();
        let value = batches[0].column(0).as_primitive::<Float64Type>().value(0);
        let measured = if table == "vectors" { rows / ROWS_A_VECTOR } else { rows };
        println!("{name:<24} {:>12.0} rows/s  {value}", measured as f64 / seconds);
        for (program, figure) in theirs.get(name).into_iter().flatten() {
            println!("{:>37.0} rows/s  {}  by {program}, of {} rows", figure.rows / figure.seconds, figure.value, figure.rows);
        }
    }
}

/// What another program took and found.
struct Figure {
    rows: f64,
    seconds: f64,
    value: f64,
}

/// By aggregate and program.
fn in_python(folder: &Path) -> BTreeMap<String, BTreeMap<String, Figure>> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let output = match Command::new(&python).arg("benches/support/diversity.py").arg(folder).output() {
        Ok(output) => output,
        Err(cause) => {
            println!("{python} cannot be run, nothing to compare with: {cause}");
            return BTreeMap::new();
        }
    };
    print!("{}", String::from_utf8_lossy(&output.stderr));
    let mut figures: BTreeMap<String, BTreeMap<String, Figure>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let [name, program] = ["name", "program"].map(|field| line[field].as_str().unwrap().to_owned());
        let [rows, seconds, value] = ["rows", "seconds", "value"].map(|field| line[field].as_f64().unwrap());
        figures.entry(name).or_default().insert(program, Figure { rows, seconds, value });
    }
    figures
}

/// Questions put together from the first words of one real question and the last words of another.
fn texts(count: usize) -> Vec<String> {
    let real = real_questions();
    let question = |number: u64| -> Vec<&str> { real[mixed(number) as usize % real.len()].split_whitespace().collect() };
    let text = |number: usize| {
        let (first, second) = (question(2 * number as u64), question(2 * number as u64 + 1));
        [&first[..first.len().div_ceil(2)], &second[second.len() / 2..]].concat().join(" ")
    };
    (0..count).map(text).collect()
}

fn real_questions() -> Vec<String> {
    let question = |item: &Value| Some(item["question"].as_str()?.to_owned());
    if let Ok(seeds) = std::fs::read("../shared/data/mmevol_demo/seeds.json") {
        let seeds: Vec<Value> = serde_json::from_slice(&seeds).unwrap();
        return seeds.iter().filter_map(|seed| seed["conversations_v0"].as_array()).flatten().filter_map(question).collect();
    }
    let excerpt = std::fs::read_to_string("tests/data/diversity/texts.jsonl").unwrap();
    let items = excerpt.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|item| item["kind"] == "real");
    items.filter_map(|item| Some(item["text"].as_str()?.to_owned())).collect()
}

/// Numbers from -1 to 1 around one of a hundred centres, one vector after another.
fn vectors(count: usize) -> Vec<f32> {
    let number = |seed: usize| (mixed(seed as u64) >> 40) as f32 / (1u32 << 23) as f32 - 1.0;
    let component = |place: usize| {
        let (row, dimension) = (place / DIMENSIONS, place % DIMENSIONS);
        number(row % 100 * DIMENSIONS + dimension) + 0.5 * number(place + (1 << 40))
    };
    (0..count * DIMENSIONS).map(component).collect()
}

fn vector_column(components: Vec<f32>) -> ArrayRef {
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    Arc::new(FixedSizeListArray::new(item, DIMENSIONS as i32, Arc::new(Float32Array::from(components)), None))
}

/// In batches of the engine's own size, in two partitions.
fn register(session: &Session, name: &str, rows: RecordBatch) {
    let batches: Vec<RecordBatch> =
        (0..rows.num_rows()).step_by(BATCH).map(|start| rows.slice(start, BATCH.min(rows.num_rows() - start))).collect();
    let (first, second) = batches.split_at(batches.len() / 2);
    let table = MemTable::try_new(rows.schema(), vec![first.to_vec(), second.to_vec()]).unwrap();
    session.context().register_table(name, Arc::new(table)).unwrap();
}

fn write_for_python(texts: &[String], vectors: &[f32], folder: &Path) {
    let mut lines = std::io::BufWriter::new(std::fs::File::create(folder.join("texts.txt")).unwrap());
    for text in texts {
        writeln!(lines, "{text}").unwrap();
    }
    lines.flush().unwrap();
    let bytes: Vec<u8> = vectors.iter().flat_map(|component| component.to_le_bytes()).collect();
    std::fs::write(folder.join("vectors.f32"), bytes).unwrap();
}

/// A number that looks drawn, the same for the same seed (splitmix64).
fn mixed(seed: u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
