//! Parts of a benchmark that run in a process of their own, so that their peak memory is theirs alone.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Holds a part as JSON.
const PART_VARIABLE: &str = "BENCH_PART";

/// Begins the lines of standard error that are not for people.
const NOTE: &str = "bench note: ";

/// What a process is to do: a name, a store, and what the name needs besides.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct Part {
    name: String,
    store: PathBuf,
    arguments: Vec<String>,
}

/// What a part took, and what it said.
pub struct Took {
    pub wall: Duration,
    pub peak_bytes: u64,
    pub notes: Vec<String>,
}

impl Part {
    pub fn new(name: &str, store: &Path) -> Part {
        Part { name: name.to_owned(), store: store.to_owned(), arguments: Vec::new() }
    }

    pub fn with(mut self, argument: &str) -> Part {
        self.arguments.push(argument.to_owned());
        self
    }

    /// The part that this process is to run, if it is to run one.
    pub fn asked() -> Option<Part> {
        let part = std::env::var(PART_VARIABLE).ok()?;
        Some(serde_json::from_str(&part).unwrap())
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn store(&self) -> &Path {
        &self.store
    }

    pub fn argument(&self, index: usize) -> &str {
        &self.arguments[index]
    }

    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Runs the part in a process of its own, from its start to its end.
    pub fn measure(&self) -> Took {
        let started = Instant::now();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(PART_VARIABLE, serde_json::to_string(self).unwrap()).stdout(Stdio::null()).stderr(Stdio::piped());
        let process = command.spawn().unwrap();
        let output = process.wait_with_output().unwrap();
        let wall = started.elapsed();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", self.name);
        let mut notes: Vec<String> = said.lines().filter_map(|line| line.strip_prefix(NOTE)).map(str::to_owned).collect();
        let peak_bytes = notes.pop().unwrap().parse().unwrap();
        Took { wall, peak_bytes, notes }
    }
}

impl Took {
    /// The run in the middle of all by its time.
    pub fn median(mut runs: Vec<Took>) -> Took {
        runs.sort_by_key(|took| took.wall);
        runs.swap_remove(runs.len() / 2)
    }
}

/// Tells the process that measures; call it last with the peak of memory.
pub fn note(text: impl fmt::Display) {
    eprintln!("{NOTE}{text}");
}
