//! The sections of the statistics: one statement of `sql/report/` each.

use crate::error::{Error, Result, suggest};
use crate::query::Statement;

/// One table of the statistics, and what figures are drawn from.
#[derive(Debug)]
pub struct Section {
    /// What it is about.
    pub title: &'static str,
    statement: Statement,
    /// Why there may be nothing to show.
    pub absent: &'static str,
    /// What it counts.
    pub scope: Scope,
    /// Rows that `mmevol stats` shows unless it is told otherwise; the rest is counted.
    pub shown_rows: usize,
}

/// What a section counts, which decides how it follows a selection of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Chosen items.
    Items,
    /// Attempts that brought a chosen item.
    Attempts,
    /// The whole store: nothing in it belongs to an item.
    Store,
}

impl Scope {
    /// What it can be grouped by.
    pub fn groups(self) -> &'static [&'static str] {
        match self {
            Scope::Items => &["round", "operator", "format", "model", "judge", "source", "status"],
            Scope::Attempts => &["round", "operator", "model", "judge", "status"],
            Scope::Store => &[],
        }
    }
}

/// What stands in a statement where it may be grouped by other columns.
const GROUPED: &str = "round /*by*/";

impl Section {
    /// The name of its file, without folder and extension.
    pub fn name(&self) -> &'static str {
        self.statement.file_stem()
    }

    /// Where its SQL stands.
    pub fn file(&self) -> String {
        format!("sql/{}.sql", self.statement.name())
    }

    /// Its SQL as it stands: by round, over views of the store.
    pub fn text(&self) -> &'static str {
        self.statement.text()
    }

    /// Whether it can be grouped by other columns than the round.
    pub fn is_grouped(&self) -> bool {
        self.text().contains(GROUPED)
    }

    /// Whether it cannot be grouped by all of `columns`.
    pub fn ignores(&self, columns: &GroupBy) -> bool {
        *columns != GroupBy::default()
            && (!self.is_grouped() || columns.0.iter().any(|column| !self.scope.groups().contains(&column.as_str())))
    }

    /// Its SQL, grouped by those of `columns` that it has; by round if it has none of them.
    pub fn sql(&self, columns: &GroupBy) -> String {
        let known: Vec<&str> = columns.0.iter().map(String::as_str).filter(|column| self.scope.groups().contains(column)).collect();
        match known.is_empty() {
            true => self.text().to_owned(),
            false => self.text().replace(GROUPED, &known.join(", ")),
        }
    }
}

/// The columns that figures are grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupBy(Vec<String>);

impl Default for GroupBy {
    /// By round.
    fn default() -> Self {
        GroupBy(vec!["round".to_owned()])
    }
}

impl std::str::FromStr for GroupBy {
    type Err = Error;

    /// Names with commas between them.
    fn from_str(text: &str) -> Result<Self> {
        let known = Scope::Items.groups();
        let mut columns: Vec<String> = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if !known.contains(&name) {
                let message = format!("there is no '{name}' to group by; there are {}", known.join(", "));
                return Err(Error::Argument { name: "--by".into(), message, hints: suggest(name, known.iter().copied()) });
            }
            if !columns.iter().any(|column| column == name) {
                columns.push(name.to_owned());
            }
        }
        match columns.is_empty() {
            true => Err(Error::argument("--by", format!("name one or more of {}", known.join(", ")))),
            false => Ok(GroupBy(columns)),
        }
    }
}

/// The section of that name.
///
/// # Errors
/// An [`Error::Argument`] with the names most like it.
pub fn section(name: &str) -> Result<&'static Section> {
    SECTIONS.iter().find(|section| section.name() == name).ok_or_else(|| {
        let names = SECTIONS.iter().map(Section::name);
        let hints = [suggest(name, names.clone()), vec![format!("there are: {}", names.collect::<Vec<_>>().join(", "))]].concat();
        Error::Argument { name: "--section".into(), message: format!("there is no section '{name}'"), hints }
    })
}

macro_rules! section {
    ($name:literal, $title:literal, $scope:ident, $rows:literal, $absent:literal) => {
        Section {
            title: $title,
            statement: Statement::new(concat!("report/", $name), include_str!(concat!("../../sql/report/", $name, ".sql"))),
            absent: $absent,
            scope: Scope::$scope,
            shown_rows: $rows,
        }
    };
}

/// Every section, in the order in which they are printed.
pub static SECTIONS: &[Section] = &[
    section!("items", "Items per round", Items, 40, "There is no item: import seeds first, or choose otherwise with --where."),
    section!(
        "scores",
        "Verdicts and scores",
        Items,
        40,
        "No item has a verdict or a score: nothing was judged yet, or the rounds were imported without."
    ),
    section!("score_distribution", "How often each score was given", Items, 44, "No item has a score."),
    section!("complexity", "What kept items ask", Items, 40, "No item was kept."),
    section!("skills_per_item", "Abilities per item", Items, 16, "No item was kept."),
    section!("steps_per_item", "Steps per item", Items, 16, "No item was kept."),
    section!("verbs", "What questions ask for", Items, 16, "No kept question has a verb with an object."),
    section!("languages", "Languages", Items, 24, "No item was kept."),
    section!("diversity", "Diversity of questions", Items, 40, "No item was kept."),
    section!(
        "novelty",
        "Novelty",
        Items,
        24,
        "No evolved item and seed have embeddings by the model that is compared ('lexical', else the first that made any): 'mmevol embed' makes them, offline \
         if no model is named."
    ),
    section!(
        "duplicates",
        "Duplicates",
        Items,
        24,
        "None of these items is marked as a duplicate: 'mmevol dedup' looks for them and marks them."
    ),
    section!("operators", "Mix of operators", Items, 24, "No item was evolved yet."),
    section!("formats", "Mix of formats", Items, 24, "No item was kept."),
    section!(
        "verdicts",
        "Verdicts by model and judge",
        Items,
        24,
        "No item has a verdict: nothing was judged yet, or the rounds were imported without."
    ),
    section!("faults", "Faults", Items, 24, "The checks found no fault, or no item was evolved yet."),
    section!("attempts", "Attempts", Attempts, 24, "No sample was evolved yet."),
    section!(
        "judges",
        "Agreement of two judges",
        Items,
        24,
        "No item has the verdicts of two judges: 'mmevol evolve --judge-only --judge MODEL' asks another one."
    ),
    section!(
        "audits",
        "Agreement with people",
        Items,
        24,
        "Nobody checked an item: 'mmevol audit sample' draws some, 'mmevol audit import' reads what they say."
    ),
    section!("skills", "Abilities", Items, 15, "No kept item names an ability."),
    section!("objects", "Objects", Items, 15, "No kept item names an object."),
    section!("long_tail", "The long tail", Items, 40, "No item was kept."),
    section!("rank_frequency", "Rank and frequency", Items, 12, "No kept item names an object or an ability."),
    section!("coco_objects", "COCO's 80 categories against the rest", Items, 24, "No kept item names an object."),
    section!("box_sizes", "Small things", Items, 24, "No kept item names an object."),
    section!("flow", "What became of each sample", Attempts, 40, "No sample was evolved yet."),
    section!("descent", "Descent", Items, 24, "No item was kept."),
    section!("cost", "Tokens and cost", Attempts, 40, "No request was made: nothing was evolved, or the rounds were imported."),
    section!("calls", "Calls", Store, 24, "No request was made."),
];
