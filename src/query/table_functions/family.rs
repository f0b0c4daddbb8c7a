//! The items of one sample and how they descend from each other.
//!
//! Evolving never leaves a sample, so an item's ancestors and descendants are among its sample's items. Finding them costs a scan of one id
//! column to find the sample, one of the column of sample ids to find its items, one more to find its evolutions, and reading these; whatever else the store holds, its texts
//! are not read. From there on it is a walk, of any depth. A session that asks more than once scans no more, see
//! [`Snapshot::select_by_id`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::{col, lit};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ids::SHORTEST_PREFIX;
use crate::store::{Snapshot, Table};

/// The columns of `instructions` that are read; all but `position`, which orders them, are shown.
const COLUMNS: [&str; 12] = [
    "instruction_id",
    "parent_id",
    "root_id",
    "sample_id",
    "evolution_id",
    "round",
    "operator",
    "status",
    "score",
    "question",
    "answer",
    "position",
];

/// The columns of `lineage`, `ancestors` and `descendants`.
pub(super) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let stored = Table::Instructions.schema();
    let shown = COLUMNS.iter().filter_map(|name| stored.fields().find(name)).map(|(_, field)| field.as_ref().clone());
    let mut fields: Vec<Field> = shown.filter(|field| field.name() != "position").collect();
    fields.insert(fields.len() - 2, Field::new("depth", DataType::Int32, true));
    let status = fields.iter().position(|field| field.name() == "status").map_or(fields.len(), |place| place + 1);
    fields.insert(status, Field::new("superseded", DataType::Boolean, false));
    Arc::new(Schema::new(fields))
});

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) instruction_id: String,
    parent_id: Option<String>,
    root_id: Option<String>,
    sample_id: String,
    evolution_id: Option<String>,
    round: i32,
    operator: Option<String>,
    status: String,
    #[serde(default)]
    superseded: bool,
    score: Option<i32>,
    #[serde(default)]
    depth: Option<i32>,
    question: String,
    answer: String,
    #[serde(skip_serializing)]
    position: i32,
}

#[derive(Deserialize)]
struct EvolutionStatus {
    evolution_id: String,
    status: String,
}

/// The items of one sample, in the order of rounds, evolutions and positions.
pub(super) struct Family {
    items: Vec<Item>,
    by_id: HashMap<String, usize>,
    children: HashMap<String, Vec<usize>>,
}

/// An item by its place in the family, and its distance.
type Place = (usize, i32);

impl Family {
    /// Reads the items of a sample.
    pub(super) async fn read(snapshot: &Snapshot, sample_id: &str) -> Result<Family> {
        let mut items: Vec<Item> = Vec::new();
        for batch in snapshot.select_by_id(Table::Instructions, "sample_id", sample_id, &COLUMNS).await? {
            items.extend(serde_arrow::from_record_batch::<Vec<Item>>(&batch)?);
        }
        let mut superseded = HashSet::new();
        for batch in snapshot.select_by_id(Table::Evolutions, "sample_id", sample_id, &["evolution_id", "status"]).await? {
            let evolutions: Vec<EvolutionStatus> = serde_arrow::from_record_batch(&batch)?;
            superseded.extend(evolutions.into_iter().filter(|row| row.status == "superseded").map(|row| row.evolution_id));
        }
        for item in &mut items {
            item.superseded = item.evolution_id.as_ref().is_some_and(|id| superseded.contains(id));
        }
        items.sort_by(|a, b| (a.round, &a.evolution_id, a.position).cmp(&(b.round, &b.evolution_id, b.position)));
        let by_id = items.iter().enumerate().map(|(place, item)| (item.instruction_id.clone(), place)).collect();
        let mut children: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, item) in items.iter().enumerate() {
            if let Some(parent) = &item.parent_id {
                children.entry(parent.clone()).or_default().push(place);
            }
        }
        Ok(Family { items, by_id, children })
    }

    /// What an item was made from, its parent first, each with its distance.
    pub(super) fn ancestors(&self, instruction_id: &str) -> Vec<Place> {
        let parent = |id: &str| self.by_id.get(id).and_then(|place| self.items[*place].parent_id.as_deref());
        // Evolving makes no circles, but rows can be inserted by hand.
        let mut seen = HashSet::from([instruction_id]);
        let line = std::iter::successors(parent(instruction_id), |id| parent(id)).take_while(|id| seen.insert(id));
        line.filter_map(|id| self.by_id.get(id).copied()).zip(1..).collect()
    }

    /// What was made from an item, its children first, each with its distance.
    pub(super) fn descendants(&self, instruction_id: &str) -> Vec<Place> {
        self.below([instruction_id]).into_iter().filter(|(_, distance)| *distance > 0).collect()
    }

    /// An item with its ancestors and descendants, or the whole family, each with its distance from its seed: NULL only in a circle.
    pub(super) fn line(&self, instruction_id: Option<&str>) -> Vec<(usize, Option<i32>)> {
        let is_root = |item: &&Item| item.parent_id.as_ref().is_none_or(|parent| !self.by_id.contains_key(parent));
        let depths: HashMap<usize, i32> =
            self.below(self.items.iter().filter(is_root).map(|item| item.instruction_id.as_str())).into_iter().collect();
        let line: Option<HashSet<usize>> = instruction_id.map(|id| {
            let own = self.by_id.get(id).copied();
            let others = self.ancestors(id).into_iter().chain(self.descendants(id));
            own.into_iter().chain(others.map(|(place, _)| place)).collect()
        });
        let places = (0..self.items.len()).filter(|place| line.as_ref().is_none_or(|line| line.contains(place)));
        places.map(|place| (place, depths.get(&place).copied())).collect()
    }

    /// The items at and below some items, level by level.
    fn below<'a>(&self, from: impl IntoIterator<Item = &'a str>) -> Vec<Place> {
        let mut waiting: VecDeque<Place> = from.into_iter().filter_map(|id| Some((*self.by_id.get(id)?, 0))).collect();
        let mut seen: HashSet<usize> = waiting.iter().map(|(place, _)| *place).collect();
        let mut found = Vec::new();
        while let Some((place, distance)) = waiting.pop_front() {
            found.push((place, distance));
            let children = self.children.get(&self.items[place].instruction_id).into_iter().flatten();
            waiting.extend(children.filter(|child| seen.insert(**child)).map(|child| (*child, distance + 1)));
        }
        found
    }

    /// Some of the items as rows.
    pub(super) fn rows(&self, places: impl IntoIterator<Item = (usize, Option<i32>)>) -> Result<RecordBatch> {
        let rows: Vec<Item> = places.into_iter().map(|(place, depth)| Item { depth, ..self.items[place].clone() }).collect();
        Ok(serde_arrow::to_record_batch(SCHEMA.fields(), &rows)?)
    }
}

/// What an id names.
pub(super) enum Named {
    Instruction { instruction_id: String, sample_id: String },
    Sample { sample_id: String },
}

/// How many of the things an ambiguous id names are listed.
const CANDIDATES_SHOWN: usize = 5;

#[derive(Deserialize)]
struct Ids {
    instruction_id: Option<String>,
    sample_id: String,
}

/// The instruction with this id, or with the only one that begins so.
///
/// # Errors
/// [`Error::UnknownId`]; an [`Error::Sql`] that lists what an ambiguous beginning fits.
pub(super) async fn instruction(snapshot: &Snapshot, id: &str) -> Result<(String, String)> {
    let tables = [Table::Instructions];
    let found = match whole(snapshot, id, &tables).await? {
        None => beginning(snapshot, id, &tables).await?,
        whole => whole,
    };
    match found {
        Some(Named::Instruction { instruction_id, sample_id }) => Ok((instruction_id, sample_id)),
        _ => Err(Error::UnknownId { what: "instruction", id: id.to_owned() }),
    }
}

/// The instruction or sample with this id, or with the only one that begins so; or the sample with this key of its own in its seed file.
///
/// # Errors
/// As [`instruction`].
pub(super) async fn instruction_or_sample(snapshot: &Snapshot, id: &str) -> Result<Named> {
    let tables = [Table::Instructions, Table::Samples];
    let mut found = whole(snapshot, id, &tables).await?;
    if found.is_none() {
        found = only(id, named(snapshot.select(Table::Samples, &["sample_id"], col("source_id").eq(lit(id))).await?)?)?;
    }
    if found.is_none() {
        found = beginning(snapshot, id, &tables).await?;
    }
    found.ok_or_else(|| Error::UnknownId { what: "sample or instruction", id: id.to_owned() })
}

/// What has this very id. A whole id names one thing: the tables after it are not looked at.
async fn whole(snapshot: &Snapshot, id: &str, tables: &[Table]) -> Result<Option<Named>> {
    for table in tables {
        let (own_id, columns) = id_columns(*table);
        let found = named(snapshot.select_by_id(*table, own_id, id, columns).await?)?;
        if let Some(named) = found.into_iter().next() {
            return Ok(Some(named));
        }
    }
    Ok(None)
}

/// What has the only id that begins so.
async fn beginning(snapshot: &Snapshot, id: &str, tables: &[Table]) -> Result<Option<Named>> {
    let mut found = Vec::new();
    if id.len() >= SHORTEST_PREFIX {
        let after = format!("{id}{}", char::MAX);
        for table in tables {
            let (own_id, columns) = id_columns(*table);
            let begins_so = col(own_id).gt_eq(lit(id)).and(col(own_id).lt(lit(&after)));
            found.extend(named(snapshot.select(*table, columns, begins_so).await?)?);
        }
    }
    only(id, found)
}

/// What an id names, if it names one thing or none.
fn only(id: &str, mut found: Vec<Named>) -> Result<Option<Named>> {
    match found.len() {
        0 | 1 => Ok(found.pop()),
        several => {
            let listed: Vec<String> = found.iter().take(CANDIDATES_SHOWN).map(Named::to_string).collect();
            let more = if several > listed.len() { ", ..." } else { "" };
            Err(Error::sql(format!("'{id}' fits {several} ids: {}{more}", listed.join(", "))))
        }
    }
}

/// The column of a table's own ids, and the columns that say what such an id names.
fn id_columns(table: Table) -> (&'static str, &'static [&'static str]) {
    match table {
        Table::Samples => ("sample_id", &["sample_id"]),
        _ => ("instruction_id", &["instruction_id", "sample_id"]),
    }
}

fn named(batches: Vec<RecordBatch>) -> Result<Vec<Named>> {
    let mut found = Vec::new();
    for batch in batches {
        let ids: Vec<Ids> = serde_arrow::from_record_batch(&batch)?;
        found.extend(ids.into_iter().map(|Ids { instruction_id, sample_id }| match instruction_id {
            Some(instruction_id) => Named::Instruction { instruction_id, sample_id },
            None => Named::Sample { sample_id },
        }));
    }
    Ok(found)
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Named::Instruction { instruction_id, .. } => write!(f, "instruction {instruction_id}"),
            Named::Sample { sample_id } => write!(f, "sample {sample_id}"),
        }
    }
}
