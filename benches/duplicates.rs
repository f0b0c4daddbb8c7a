//! How long near duplicates take among many items, beside a MinHash LSH index of Python over the same texts.
//!
//! `cargo bench --bench duplicates`. Set ITEMS to measure another number than 1,000,000. The comparison needs `rensa` or `datasketch` of PyPI in
//! the `python3` of the path, or of the variable PYTHON; without them it is left out, and said so.
//!
//! One run of each: what is measured takes a minute, and its spread is small beside the factor between the two.

#[path = "../src/allocator.rs"]
mod allocator;
#[path = "support/process.rs"]
mod process;

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use mmevol::duplicates::{Collector, Groups, Near, NearSketcher, Rank};
use serde_json::Value;

const THRESHOLD: f64 = 0.8;

/// One text in this many is a copy of an earlier one with a word replaced.
const COPIES: usize = 10;

fn main() {
    let count: usize = std::env::var("ITEMS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let texts = texts(count);
    let bytes: usize = texts.iter().map(String::len).sum();
    println!("{count} items of {} bytes on average, threshold {THRESHOLD}", bytes / count.max(1));

    let (memory, work) = (process::peak_memory_bytes(), process::processor_time());
    let (groups, ours) = timed(|| near(&texts));
    let (memory, work) = (process::peak_memory_bytes().saturating_sub(memory), process::processor_time().saturating_sub(work));
    println!(
        "near_duplicates            {:8.1} s  {} duplicates, {:.1} s of processor time, {} MB more than the texts",
        ours.as_secs_f64(),
        groups.duplicates(),
        work.as_secs_f64(),
        memory >> 20
    );
    assert!(groups.duplicates() as usize >= count / COPIES * 9 / 10, "copies are missed");

    let file = write_lines(&texts);
    for library in ["rensa", "datasketch"] {
        match in_python(library, file.path()) {
            Some((duplicates, theirs)) => println!(
                "{library:<26} {:8.1} s  {duplicates} duplicates, {:.2} times as long",
                theirs.as_secs_f64(),
                theirs.as_secs_f64() / ours.as_secs_f64()
            ),
            None => println!("{library:<26} is not installed, not measured"),
        }
    }
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let made = run();
    (made, started.elapsed())
}

/// Sketches on two threads and groups on one, as the engine does on two cores.
fn near(texts: &[String]) -> Groups {
    let sketcher = NearSketcher::new(THRESHOLD);
    let mut collector = Collector::new(Near::new(THRESHOLD));
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::sync_channel(4);
        for half in [0, 1] {
            let (sender, sketcher) = (sender.clone(), &sketcher);
            scope.spawn(move || {
                for (start, batch) in texts.chunks(8192).enumerate().skip(half).step_by(2) {
                    let sketches: Vec<_> = batch.iter().map(|text| sketcher.sketch(text, 0)).collect();
                    sender.send((start * 8192, sketches)).unwrap();
                }
            });
        }
        drop(sender);
        for (start, sketches) in receiver {
            for (place, sketch) in sketches.into_iter().enumerate() {
                collector.add(&format!("{:032x}", start + place), Rank { round: 0, score: None }, sketch);
            }
        }
    });
    collector.finish()
}

/// Questions with their answers: the real ones of the authors' demo where they are at hand, else the excerpt, each time with two words of its own
/// in every sentence, so that no two are alike that are not meant to be.
fn texts(count: usize) -> Vec<String> {
    let real = real_texts();
    let mut texts: Vec<String> = Vec::with_capacity(count);
    for number in 0..count {
        let copied = (number % COPIES == COPIES - 1).then_some(number / 2);
        texts.push(match copied {
            Some(earlier) => texts[earlier].replacen(' ', " really ", 1),
            None => {
                let words = real[number % real.len()].split(' ').enumerate();
                let own =
                    |(place, word): (usize, &str)| if place % 5 == 4 { format!("{word}{}", number / real.len()) } else { word.to_owned() };
                words.map(own).collect::<Vec<_>>().join(" ")
            }
        });
    }
    texts
}

fn real_texts() -> Vec<String> {
    let text = |item: &Value| Some(format!("{} {}", item["question"].as_str()?, item["answer"].as_str()?));
    if let Ok(seeds) = std::fs::read("../shared/data/mmevol_demo/seeds.json") {
        let seeds: Vec<Value> = serde_json::from_slice(&seeds).unwrap();
        return seeds.iter().filter_map(|seed| seed["conversations_v0"].as_array()).flatten().filter_map(text).collect();
    }
    let excerpt = std::fs::read_to_string("tests/data/questions_excerpt.jsonl").unwrap();
    excerpt.lines().filter_map(|line| text(&serde_json::from_str(line).unwrap())).collect()
}

fn write_lines(texts: &[String]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut lines = std::io::BufWriter::new(&mut file);
    for text in texts {
        writeln!(lines, "{}", text.replace(['\n', '\r'], " ")).unwrap();
    }
    lines.flush().unwrap();
    drop(lines);
    file
}

/// Duplicates and seconds of a library; `None` where it is not installed.
fn in_python(library: &str, texts: &Path) -> Option<(u64, Duration)> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let output =
        Command::new(python).arg("benches/support/duplicates.py").arg(library).arg(texts).arg(THRESHOLD.to_string()).output().ok()?;
    if !output.status.success() {
        print!("{}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let result: Value = serde_json::from_slice(&output.stdout).ok()?;
    Some((result["duplicates"].as_u64()?, Duration::from_secs_f64(result["seconds"].as_f64()?)))
}
