//! Lineage: the tree of a sample or of one instruction, from seed to leaf.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::query::Session;

/// A sample with its items of every round, as a tree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lineage {
    pub sample_id: String,
    pub source: String,
    pub source_id: Option<String>,
    /// Seeds, and items whose parent is not known.
    pub roots: Vec<LineageNode>,
    /// Attempts that brought no item.
    pub failures: Vec<FailedEvolution>,
}

/// One item and what was made from it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineageNode {
    #[serde(flatten)]
    pub item: LineageItem,
    pub children: Vec<LineageNode>,
}

/// What a tree shows of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineageItem {
    pub instruction_id: String,
    pub parent_id: Option<String>,
    pub round: i32,
    pub operator: Option<String>,
    pub status: String,
    pub score: Option<i64>,
    pub faults: Option<Vec<String>>,
    pub reason: Option<String>,
    pub question: String,
    pub answer: String,
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedEvolution {
    pub evolution_id: String,
    pub round: i32,
    pub operator: Option<String>,
    pub status: String,
    pub error_kind: Option<String>,
    pub error: Option<String>,
}

#[derive(Deserialize)]
struct SampleRow {
    sample_id: String,
    source: String,
    source_id: Option<String>,
}

/// Ids shorter than this name too many things.
const SHORTEST_PREFIX: usize = 4;

/// The tree of a sample, or of an instruction with its ancestors and descendants. `id` is an id or the beginning of one, or a sample's own key in its
/// seed file or a part of that key.
///
/// # Errors
/// [`Error::UnknownId`]; an [`Error::Argument`] for a beginning that several ids share.
pub async fn lineage(session: &Session, id: &str) -> Result<Lineage> {
    let quoted = id.replace('\'', "''");
    let mut found: HashSet<(String, Option<String>)> = HashSet::new();
    let mut queries =
        vec![format!("SELECT sample_id, NULL AS instruction_id FROM samples WHERE sample_id = '{quoted}' OR source_id = '{quoted}'")];
    if id.len() >= SHORTEST_PREFIX {
        if id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            queries.push(format!(
                "SELECT sample_id, NULL AS instruction_id FROM samples WHERE sample_id LIKE '{quoted}%' \
                 UNION ALL SELECT sample_id, instruction_id FROM instructions WHERE instruction_id LIKE '{quoted}%'"
            ));
        }
        // A seed file's own key is often its id with a list index before and an image name behind it.
        queries.push(format!("SELECT sample_id, NULL AS instruction_id FROM samples WHERE strpos(source_id, '{quoted}') > 0"));
    }
    for sql in queries {
        if found.is_empty() {
            found.extend(rows::<Found>(session, &sql).await?.into_iter().map(|found| (found.sample_id, found.instruction_id)));
        }
    }
    let mut found = found.into_iter();
    let (sample_id, instruction_id) = match (found.next(), found.next()) {
        (Some(only), None) => only,
        (None, _) => return Err(Error::UnknownId { what: "sample or instruction", id: id.to_owned() }),
        (Some(_), Some(_)) => return Err(Error::argument("ID", format!("several ids match '{id}'; give more of it, or the whole id"))),
    };
    tree(session, &sample_id, instruction_id.as_deref()).await
}

#[derive(Deserialize)]
struct Found {
    sample_id: String,
    instruction_id: Option<String>,
}

async fn tree(session: &Session, sample_id: &str, instruction_id: Option<&str>) -> Result<Lineage> {
    let sql = format!("SELECT sample_id, source, source_id FROM samples WHERE sample_id = '{sample_id}'");
    let sample = rows::<SampleRow>(session, &sql).await?.into_iter().next();
    let sample = sample.ok_or_else(|| Error::UnknownId { what: "sample", id: sample_id.to_owned() })?;
    let sql = format!(
        "SELECT instruction_id, parent_id, round, operator, status, score, faults, reason, question, answer FROM instructions \
         WHERE sample_id = '{sample_id}' ORDER BY round, evolution_id, position"
    );
    let mut items = rows::<LineageItem>(session, &sql).await?;
    if let Some(instruction_id) = instruction_id {
        let line = line_of(&items, instruction_id);
        items.retain(|item| line.contains(&item.instruction_id));
    }
    let sql = format!(
        "SELECT evolution_id, round, operator, status, error_kind, error FROM evolutions \
         WHERE sample_id = '{sample_id}' AND error_kind IS NOT NULL ORDER BY round, part, attempt"
    );
    let failures = if instruction_id.is_none() { rows::<FailedEvolution>(session, &sql).await? } else { Vec::new() };
    Ok(Lineage { sample_id: sample.sample_id, source: sample.source, source_id: sample.source_id, roots: grow(items), failures })
}

/// An instruction's ancestors, itself and its descendants.
fn line_of(items: &[LineageItem], instruction_id: &str) -> HashSet<String> {
    let parents: HashMap<&str, &str> =
        items.iter().filter_map(|item| Some((item.instruction_id.as_str(), item.parent_id.as_deref()?))).collect();
    let mut line = HashSet::new();
    let mut current = Some(instruction_id);
    while let Some(id) = current {
        // A cycle cannot be made by evolving, but rows can be inserted by hand.
        if !line.insert(id.to_owned()) {
            break;
        }
        current = parents.get(id).copied();
    }
    let mut descendants = HashSet::from([instruction_id.to_owned()]);
    // Items come round by round, so a parent is seen before its children.
    for item in items {
        if item.parent_id.as_ref().is_some_and(|parent| descendants.contains(parent)) {
            descendants.insert(item.instruction_id.clone());
        }
    }
    line.extend(descendants);
    line
}

fn grow(items: Vec<LineageItem>) -> Vec<LineageNode> {
    let known: HashSet<String> = items.iter().map(|item| item.instruction_id.clone()).collect();
    let mut children: HashMap<Option<String>, Vec<LineageItem>> = HashMap::new();
    for item in items {
        let parent = item.parent_id.clone().filter(|parent| known.contains(parent) && *parent != item.instruction_id);
        children.entry(parent).or_default().push(item);
    }
    let roots = children.remove(&None).unwrap_or_default();
    roots.into_iter().map(|root| attach(root, &mut children)).collect()
}

/// As deep as there are rounds, which no store has thousands of.
fn attach(item: LineageItem, children: &mut HashMap<Option<String>, Vec<LineageItem>>) -> LineageNode {
    let own = children.remove(&Some(item.instruction_id.clone())).unwrap_or_default();
    LineageNode { item, children: own.into_iter().map(|child| attach(child, children)).collect() }
}

async fn rows<T: serde::de::DeserializeOwned>(session: &Session, sql: &str) -> Result<Vec<T>> {
    let mut rows = Vec::new();
    for batch in session.collect(sql).await? {
        rows.extend(serde_arrow::from_record_batch::<Vec<T>>(&batch)?);
    }
    Ok(rows)
}
