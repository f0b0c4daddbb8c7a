//! States of the store by name: before and after each run, and now.

use std::collections::BTreeMap;

use super::catalog::Catalog;
use super::schema::Table;
use crate::error::{Error, Result, suggest};

/// The name of the last published state.
pub const NOW: &str = "now";

/// One consistent state of all tables that was published at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// How many states were published up to this one, itself included: run N published state N.
    pub generation: u64,
    /// The version of each table.
    pub tables: BTreeMap<String, u64>,
}

impl State {
    /// The run that published this state; `None` for the empty store before the first run.
    pub fn run_id(&self) -> Option<String> {
        (self.generation > 0).then(|| format!("run-{}", self.generation))
    }
}

impl Catalog {
    /// The last published state.
    pub fn now(&self) -> State {
        State { generation: self.generation, tables: self.tables.clone() }
    }

    /// The state called `before-run-N`, `after-run-N`, `run-N` (after that run) or `now`.
    ///
    /// # Errors
    /// An [`Error::Argument`] with the names that are most like it.
    pub fn state(&self, name: &str) -> Result<State> {
        if name == NOW {
            return Ok(self.now());
        }
        let tag = if name.starts_with("run-") { format!("after-{name}") } else { name.to_owned() };
        let found = self.tagged().into_iter().find(|(known, _)| *known == tag);
        found.map(|(_, state)| state).ok_or_else(|| self.unknown_state(name))
    }

    /// Every tag with its state, in the order of the runs.
    pub fn tagged(&self) -> Vec<(&str, State)> {
        let mut tagged: Vec<_> = self
            .tags
            .iter()
            .filter_map(|(tag, tables)| {
                let (generation, is_before) = generation_of(tag)?;
                Some((tag.as_str(), is_before, State { generation, tables: tables.clone() }))
            })
            .collect();
        tagged.sort_by_key(|(_, is_before, state)| (state.generation, *is_before));
        tagged.into_iter().map(|(tag, _, state)| (tag, state)).collect()
    }

    /// Whether any state, tagged or present, has this version of the table. Others are parts of a run, or of one that never finished.
    pub fn is_published(&self, table: Table, version: u64) -> bool {
        let mut states = self.tags.values().chain([&self.tables]);
        states.any(|tables| tables.get(table.name()) == Some(&version))
    }

    fn unknown_state(&self, name: &str) -> Error {
        let runs = (1..=self.generation).map(|run| format!("run-{run}"));
        let known: Vec<String> = self.tags.keys().cloned().chain(runs).chain([NOW.to_owned()]).collect();
        let mut hints = suggest(name, known.iter().map(String::as_str));
        hints.push("list tags with: mmevol sql \"SELECT * FROM versions('instructions')\"".into());
        Error::Argument { name: "tag".into(), message: format!("no state of the store is called '{name}'"), hints }
    }
}

/// Which state a tag names, and whether by the run that came after it.
fn generation_of(tag: &str) -> Option<(u64, bool)> {
    let run = |prefix: &str| tag.strip_prefix(prefix)?.parse::<u64>().ok();
    let before = run("before-run-").and_then(|run| run.checked_sub(1)).map(|generation| (generation, true));
    before.or_else(|| Some((run("after-run-")?, false)))
}
