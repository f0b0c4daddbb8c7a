//! Lineage: the tree of a sample or of one instruction, from seed to leaf.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ids::SHORTEST_PREFIX;
use crate::query::Session;
use crate::store::quoted;

/// A sample with its items of every round, as a tree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lineage {
    /// 32 hexadecimal digits.
    pub sample_id: String,
    /// The name of the import it came with.
    pub source: String,
    /// The seed file's own key of the sample; `None` where it had none.
    pub source_id: Option<String>,
    /// Seeds, and items whose parent is not known.
    pub roots: Vec<LineageNode>,
    /// Attempts that brought no item.
    pub failures: Vec<FailedEvolution>,
}

/// One item and what was made from it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineageNode {
    /// The item itself.
    #[serde(flatten)]
    pub item: LineageItem,
    /// What was made from it, in the order of rounds and positions; empty for a leaf.
    pub children: Vec<LineageNode>,
}

/// What a tree shows of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineageItem {
    /// 32 hexadecimal digits.
    pub instruction_id: String,
    /// The item it was made from; `None` for a seed and where it is not known.
    pub parent_id: Option<String>,
    /// 0 for a seed.
    pub round: i32,
    /// `seed`, an operator, or `None` for rounds that came finished.
    pub operator: Option<String>,
    /// `kept`, `eliminated` or `unjudged`.
    pub status: String,
    /// Whether another attempt replaced the evolution that made it: then it is in the dataset no more, whatever its status.
    pub superseded: bool,
    /// 0 to 10; `None` where the judge gave none.
    pub score: Option<i64>,
    /// Codes of the fault checks; empty where they found nothing, `None` in rows inserted without them.
    pub faults: Option<Vec<String>>,
    /// Why the judge scored it so; `None` where it was not judged.
    pub reason: Option<String>,
    /// In full.
    pub question: String,
    /// In full.
    pub answer: String,
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedEvolution {
    /// 32 hexadecimal digits.
    pub evolution_id: String,
    /// The round it was an attempt at, from 1.
    pub round: i32,
    /// `None` where it is not known.
    pub operator: Option<String>,
    /// As in `evolutions.status`.
    pub status: String,
    /// As in `evolutions.error_kind`.
    pub error_kind: Option<String>,
    /// In words.
    pub error: Option<String>,
}

/// The tree of a sample, or of an instruction with its ancestors and descendants. `id` is an id or the beginning of one, or a sample's own key in its
/// seed file or a part of that key.
///
/// # Errors
/// [`Error::UnknownId`]; an [`Error::Argument`] that lists the candidates when `id` fits several of them, or that asks for more of an `id` of fewer
/// than four characters which is no whole key.
pub async fn lineage(session: &Session, id: &str) -> Result<Lineage> {
    let key = quoted(id);
    let samples = "SELECT sample_id, source, source_id, NULL AS instruction_id FROM samples";
    let mut queries = vec![format!("{samples} WHERE sample_id = {key} OR source_id = {key}")];
    if id.len() >= SHORTEST_PREFIX {
        if id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            queries.push(format!(
                "{samples} WHERE sample_id LIKE '{id}%' UNION ALL SELECT sample_id, source, source_id, instruction_id \
                 FROM instructions JOIN samples USING (sample_id) WHERE instruction_id LIKE '{id}%'"
            ));
        }
        // A seed file's own key is often its id with a list index before and an image name behind it.
        queries.push(format!("{samples} WHERE strpos(source_id, {key}) > 0"));
    }
    let mut found: Vec<Found> = Vec::new();
    for sql in queries {
        if found.is_empty() {
            found = session.rows(&format!("{sql} ORDER BY source, source_id, sample_id, instruction_id")).await?;
        }
    }
    match found.len() {
        // Not looked for: parts that short fit too many.
        0 if id.len() < SHORTEST_PREFIX => Err(Error::Argument {
            name: "ID".to_owned(),
            message: format!("no sample has the key '{id}', and it is too short to be looked for as a part of a key or an id"),
            hints: vec![format!("give at least {SHORTEST_PREFIX} characters of it")],
        }),
        0 => Err(Error::UnknownId { what: "sample or instruction", id: id.to_owned() }),
        1 => tree(session, found.swap_remove(0)).await,
        _ => Err(ambiguous(id, &found)),
    }
}

/// How many of the things an ambiguous id names are listed.
const CANDIDATES_SHOWN: usize = 10;

fn ambiguous(id: &str, found: &[Found]) -> Error {
    let mut message = format!("'{id}' fits {} samples or instructions:", found.len());
    for candidate in found.iter().take(CANDIDATES_SHOWN) {
        message += &format!("\n  {candidate}");
    }
    if found.len() > CANDIDATES_SHOWN {
        message += &format!("\n  and {} more", found.len() - CANDIDATES_SHOWN);
    }
    let hints = found.first().map(|first| format!("choose one by its own id, such as: mmevol lineage {}", first.id()));
    Error::Argument { name: "ID".to_owned(), message, hints: hints.into_iter().collect() }
}

/// What an id may name.
#[derive(Deserialize)]
struct Found {
    sample_id: String,
    source: String,
    source_id: Option<String>,
    instruction_id: Option<String>,
}

impl Found {
    /// The id that names nothing else.
    fn id(&self) -> &str {
        self.instruction_id.as_deref().unwrap_or(&self.sample_id)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.instruction_id.is_some() { "instruction" } else { "sample" };
        let key = self.source_id.as_ref().map(|key| format!(", key '{key}'")).unwrap_or_default();
        write!(f, "{what} {} (source '{}'{key})", self.id(), self.source)
    }
}

async fn tree(session: &Session, found: Found) -> Result<Lineage> {
    let Found { sample_id, source, source_id, instruction_id } = found;
    let sql = format!(
        "SELECT instruction_id, parent_id, round, operator, status, coalesce(evolution_status = 'superseded', false) AS superseded, score, \
         faults, reason, question, answer FROM history WHERE sample_id = '{sample_id}' ORDER BY round, evolution_id, position"
    );
    let mut items = session.rows::<LineageItem>(&sql).await?;
    if let Some(instruction_id) = &instruction_id {
        let line = line_of(&items, instruction_id);
        items.retain(|item| line.contains(&item.instruction_id));
    }
    let sql = format!(
        "SELECT evolution_id, round, operator, status, error_kind, error FROM evolutions \
         WHERE sample_id = '{sample_id}' AND error_kind IS NOT NULL ORDER BY round, part, attempt"
    );
    let failures = if instruction_id.is_none() { session.rows::<FailedEvolution>(&sql).await? } else { Vec::new() };
    Ok(Lineage { sample_id, source, source_id, roots: grow(items), failures })
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
