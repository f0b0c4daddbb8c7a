//! The figures of the page: what each draws from the rows of its section.

mod elimination;
mod overview;
mod tail;
mod texts;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::chart::bars::Series;
use super::chart::svg::Svg;
use super::facts::Facts;
use super::sections::{Section, section};
use crate::error::Result;
use crate::text::grouped;

/// A part of the page.
#[derive(Debug, Serialize)]
pub struct Chapter {
    /// For links; the only one on the page.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What it is about, in a sentence or two.
    pub intro: &'static str,
    /// In order.
    pub figures: Vec<Figure>,
}

/// A picture with the rows it was drawn from, or the rows alone.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// For links; the only one on the page.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// Names of colours, with their classes.
    pub legend: Vec<Key>,
    /// The picture; `None` where the rows alone say it, or where there are none.
    pub picture: Option<String>,
    /// Why there is nothing to show; `None` where there is.
    pub absent: Option<&'static str>,
    /// The rows.
    pub table: Table,
    /// The file of its SQL.
    pub file: String,
    /// Its SQL, which gives the same rows in any session.
    pub sql: String,
}

/// A colour of a legend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// The class that colours it.
    pub class: String,
    /// What it stands for.
    pub name: String,
}

/// Rows as text.
#[derive(Debug, Default, Serialize)]
pub struct Table {
    /// Their names, and whether they hold numbers.
    pub columns: Vec<Column>,
    /// Cells in the order of the columns.
    pub rows: Vec<Vec<String>>,
    /// Rows that are not shown.
    pub more: usize,
}

/// A column of a table.
#[derive(Debug, Serialize)]
pub struct Column {
    /// As people write it.
    pub name: String,
    /// Numbers are set flush right, and so is the name above them.
    pub is_number: bool,
}

/// Stands for a value that is not known.
const UNKNOWN: &str = "–";

/// Rows that a table on the page shows; the SQL gives the others.
const ROWS_SHOWN: usize = 100;

/// Every chapter with its figures.
///
/// # Errors
/// Those of the statements.
pub async fn chapters(facts: &Facts) -> Result<Vec<Chapter>> {
    Ok(vec![
        overview::rounds(facts).await?,
        elimination::quality(facts).await?,
        texts::complexity(facts).await?,
        tail::long_tail(facts).await?,
        overview::mix(facts).await?,
        overview::cost(facts).await?,
    ])
}

/// The rows of a section, at hand to draw from.
struct Source {
    section: &'static Section,
    rows: Vec<Value>,
    sql: String,
}

impl Source {
    async fn of(facts: &Facts, name: &str) -> Result<Source> {
        let section = section(name)?;
        Ok(Source { section, rows: facts.rows(section.text()).await?, sql: facts.selection().over(section.text()) })
    }

    fn typed<T: serde::de::DeserializeOwned>(&self) -> Result<Vec<T>> {
        super::facts::typed(&self.rows)
    }

    /// The rows alone.
    fn listed(&self, caption: impl Into<String>) -> Figure {
        Figure {
            id: self.section.name().to_owned(),
            title: self.section.title.to_owned(),
            caption: caption.into(),
            legend: Vec::new(),
            picture: None,
            absent: self.rows.is_empty().then_some(self.section.absent),
            table: Table::of(&self.rows),
            file: self.section.file(),
            sql: self.sql.clone(),
        }
    }

    /// The rows with a picture of them, unless there are none.
    fn drawn(&self, caption: impl Into<String>, draw: impl FnOnce() -> (Vec<Key>, Svg)) -> Figure {
        self.drawn_as(self.section.name(), self.section.title, caption, draw)
    }

    /// The same, under another name: for several pictures of the same rows.
    fn drawn_as(&self, id: &str, title: &str, caption: impl Into<String>, draw: impl FnOnce() -> (Vec<Key>, Svg)) -> Figure {
        let mut figure = Figure { id: id.to_owned(), title: title.to_owned(), ..self.listed(caption) };
        if figure.absent.is_none() {
            let (legend, picture) = draw();
            figure.picture = Some(picture.finish(&figure.id, &figure.title, &figure.description()));
            figure.legend = legend;
        }
        figure
    }
}

impl Figure {
    /// For those who do not see the picture.
    fn description(&self) -> String {
        format!("{} The rows are in the table below the picture.", self.caption)
    }
}

impl Table {
    fn of(rows: &[Value]) -> Table {
        let Some(first) = rows.first().and_then(Value::as_object) else { return Table::default() };
        let shown: Vec<_> = rows.iter().take(ROWS_SHOWN).filter_map(Value::as_object).collect();
        let column = |name: &String| {
            let mut known = shown.iter().filter_map(|row| row.get(name)).filter(|value| !value.is_null()).peekable();
            Column { name: name.replace('_', " "), is_number: known.peek().is_some() && known.all(Value::is_number) }
        };
        Table {
            columns: first.keys().map(column).collect(),
            rows: shown.iter().map(|row| row.values().map(shown_value).collect()).collect(),
            more: rows.len().saturating_sub(ROWS_SHOWN),
        }
    }
}

fn shown_value(value: &Value) -> String {
    match value {
        Value::Null => UNKNOWN.to_owned(),
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.to_string(), grouped),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(shown_value).collect::<Vec<_>>().join(", "),
        Value::Object(_) => value.to_string(),
    }
}

/// What a round is called.
pub(super) fn round_name(round: i64) -> String {
    if round == 0 { "seed".to_owned() } else { format!("round {round}") }
}

/// The class of a round's colour.
fn round_class(round: i64) -> String {
    format!("c-r{}", round.clamp(0, 6))
}

/// The class of an operator's, or a state's, colour.
fn class_of(name: &str) -> &'static str {
    match name {
        "fine_grained_perception" => "c-fine",
        "cognitive_reasoning" => "c-cognitive",
        "interaction" => "c-interaction",
        "kept" => "c-kept",
        "eliminated" => "c-eliminated",
        "unjudged" => "c-unjudged",
        "failed" => "c-failed",
        "seed" => "c-r0",
        _ => "c-other",
    }
}

/// A name of the tables as people write it.
pub(super) fn spoken(name: &str) -> String {
    name.replace('_', " ")
}

fn key(class: impl Into<String>, name: impl Into<String>) -> Key {
    Key { class: class.into(), name: name.into() }
}

fn keys_of(series: &[Series]) -> Vec<Key> {
    series.iter().map(|series| key(&series.class, &series.name)).collect()
}

/// Rows by the value of a column, in its order.
fn by_key<T, K: Ord>(rows: Vec<T>, key: impl Fn(&T) -> K) -> BTreeMap<K, Vec<T>> {
    let mut groups: BTreeMap<K, Vec<T>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_stand_under_their_name_and_what_is_unknown_is_a_dash() {
        let rows = [json!({ "round": 1, "mean_score": null, "note": null }), json!({ "round": 1234, "mean_score": 0.5, "note": null })];
        let table = Table::of(&rows);
        let columns: Vec<(&str, bool)> = table.columns.iter().map(|column| (column.name.as_str(), column.is_number)).collect();
        assert_eq!(columns, [("round", true), ("mean score", true), ("note", false)]);
        assert_eq!(table.rows, [["1", "–", "–"], ["1,234", "0.5", "–"]]);
    }
}
