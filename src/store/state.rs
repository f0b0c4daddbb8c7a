//! States of the store by name: before and after each run, and now.

use std::collections::{BTreeMap, BTreeSet};

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

/// A table that is at another version than the last publication made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrayTable {
    /// The table's name.
    pub table: String,
    /// The version that is published now; `None` where the catalog does not name the table.
    pub version: Option<u64>,
    /// The version that the last publication's tag names; `None` where the tag does not name the table.
    pub tagged: Option<u64>,
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
        let found = generation_of(&tag).zip(self.tags.get(&tag));
        let state = found.map(|((generation, _), tables)| State { generation, tables: tables.clone() });
        state.ok_or_else(|| self.unknown_state(name))
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

    /// The versions that the last publication left, by its tag; `None` where there is no such tag.
    pub(super) fn last_tagged(&self) -> Option<&BTreeMap<String, u64>> {
        self.tags.get(&format!("after-run-{}", self.generation))
    }

    /// The tables whose present version is not the one that the last publication left. Rows of tables at versions of different times do not
    /// fit together: no command of ours leaves any.
    pub fn strays(&self) -> Vec<StrayTable> {
        let Some(tagged) = self.last_tagged() else { return Vec::new() };
        let names: BTreeSet<&String> = self.tables.keys().chain(tagged.keys()).collect();
        let version = |versions: &BTreeMap<String, u64>, name: &String| versions.get(name).copied();
        let states = names.into_iter().map(|name| StrayTable {
            table: name.clone(),
            version: version(&self.tables, name),
            tagged: version(tagged, name),
        });
        states.filter(|state| state.version != state.tagged).collect()
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
        if name.parse::<u64>().is_ok() {
            hints.push(format!("after run {name}: run-{name}; a number is a version of one table, in SQL: diff('instructions', 1, 3)"));
        }
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
