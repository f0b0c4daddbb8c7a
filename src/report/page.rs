//! The page: figures and examples in one self-contained HTML file.

use std::io::Write;
use std::path::PathBuf;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, context};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::examples::{EXAMPLES, Example, examples};
use super::facts::{Facts, Selection, typed};
use super::figures::{Chapter, chapters};
use crate::error::{Error, Result};
use crate::formats::export::PendingFile;
use crate::store::Store;
use crate::text::grouped;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// A report on the items of a store, as one HTML file that needs no network and no script.
///
/// ```
/// # #[tokio::main] async fn main() -> mmevol::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let store = mmevol::Store::create(directory.path().join("store")).await?;
/// # mmevol::Import::new("examples/seeds/seed.json").run(&store).await?;
/// let page = directory.path().join("report.html");
/// mmevol::report::Report::new(&page).title("Seven photos").write(&store).await?;
/// assert!(std::fs::read_to_string(page).unwrap().contains("Seven photos"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Report {
    output: PathBuf,
    title: String,
    selection: Selection,
}

/// A number at the head of the page.
#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    value: String,
}

/// What is on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Figures with a picture.
    pub pictures: usize,
    /// Chains of items.
    pub examples: usize,
    /// The size of the page.
    pub bytes: u64,
}

impl Report {
    /// A report that is written to `output`.
    pub fn new(output: impl Into<PathBuf>) -> Report {
        Report { output: output.into(), title: "Dataset report".to_owned(), selection: Selection::default() }
    }

    /// The page's title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Which items of which state; all present ones by default.
    pub fn selection(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    /// Writes the page; the file appears when it is complete.
    ///
    /// # Errors
    /// Those of [`Facts::gather`], and of writing the file.
    pub async fn write(self, store: &Store) -> Result<Written> {
        let (page, written) = self.draw(store).await?;
        if let Some(folder) = self.output.parent() {
            std::fs::create_dir_all(folder).map_err(|cause| Error::io("create", folder, cause))?;
        }
        let mut file = PendingFile::create(&self.output)?;
        file.write_all(page.as_bytes()).map_err(|cause| Error::io("write", &self.output, cause))?;
        file.finish()?;
        Ok(written)
    }

    /// The page as text, for whoever has a place for it that is no file, and what is on it. Nothing is written.
    ///
    /// # Errors
    /// Those of [`Facts::gather`].
    pub async fn draw(&self, store: &Store) -> Result<(String, Written)> {
        let facts = Facts::gather(store, self.selection.clone()).await?;
        let chapters = chapters(&facts).await?;
        let examples = examples(&facts).await?;
        let page = self.render(&facts, &chapters, &examples).await?;
        let figures = chapters.iter().flat_map(|chapter| &chapter.figures);
        let pictures = figures.filter(|figure| figure.picture.is_some()).count();
        let written = Written { pictures, examples: examples.len(), bytes: page.len() as u64 };
        Ok((page, written))
    }

    async fn render(&self, facts: &Facts, chapters: &[Chapter], examples: &[Example]) -> Result<String> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        let failed = |cause| Error::internal("failed to render the report", cause);
        environment.add_template("page.html", TEMPLATE).map_err(failed)?;
        let values = context! {
            title => &self.title,
            style => STYLE,
            headline => Serde(headline(facts).await?),
            predicate => self.selection.predicate.as_deref(),
            state => self.selection.at.as_deref().unwrap_or("now"),
            generation => facts.snapshot().catalog().generation,
            version => env!("CARGO_PKG_VERSION"),
            chapters => Serde(chapters),
            examples => Serde(examples),
            examples_file => format!("sql/{}.sql", EXAMPLES.name()),
            examples_sql => self.selection.over(EXAMPLES.text()),
            is_past => self.selection.at.as_deref().is_some_and(|state| state != "now"),
        };
        environment.get_template("page.html").and_then(|template| template.render(values)).map_err(failed)
    }
}

#[derive(Deserialize)]
struct Headline {
    samples: i64,
    seeds: i64,
    kept: i64,
    rounds: Option<i64>,
    yes_rate: Option<f64>,
    score: Option<f64>,
}

/// The numbers at the head of the page; those that are unknown are left out.
async fn headline(facts: &Facts) -> Result<Vec<Figure>> {
    let sql = "SELECT count(DISTINCT sample_id) AS samples, count(*) FILTER (WHERE round = 0) AS seeds, \
               count(*) FILTER (WHERE round > 0 AND status = 'kept') AS kept, max(round) AS rounds, \
               avg(CASE WHEN improved THEN 1.0 WHEN NOT improved THEN 0.0 END) FILTER (WHERE NOT imported) AS yes_rate, \
               avg(score) FILTER (WHERE status = 'kept') AS score FROM item_facts";
    let rows: Vec<Value> = facts.rows(sql).await?;
    let Some(row) = typed::<Headline>(&rows)?.pop() else { return Ok(Vec::new()) };
    let count = |name, value: i64| Some(Figure { name, value: grouped(value) });
    let numbers = [
        count("samples", row.samples),
        count("seed items", row.seeds),
        count("evolved items kept", row.kept),
        count("rounds", row.rounds.unwrap_or(0)),
        row.yes_rate.map(|rate| Figure { name: "yes-rate", value: format!("{rate:.2}") }),
        row.score.map(|score| Figure { name: "mean score of kept items", value: format!("{score:.2}") }),
    ];
    Ok(numbers.into_iter().flatten().collect())
}
