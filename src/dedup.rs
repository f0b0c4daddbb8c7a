//! Marks of duplicates: which items say the same, written down beside them. Nothing is deleted.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::Serialize;

use crate::duplicates::{GroupRow, Groups, Method};
use crate::error::{Error, Result};
use crate::query::Session;
use crate::query::duplicates::{DuplicateSearch, FoundDuplicates, SearchProgress, group_id};
use crate::store::{Snapshot, Store, Table, Writer};

/// Groups of a report that are shown as examples, the largest.
const GROUPS_SHOWN: usize = 5;

/// Members of each that are shown, the representative included.
const MEMBERS_SHOWN: usize = 3;

/// Rows that are written at a time.
const BATCH_ROWS: usize = 8192;

/// Finds duplicates by one method and marks them in table `duplicates`.
#[derive(Debug, Clone)]
pub struct Dedup {
    search: DuplicateSearch,
    progress: SearchProgress,
}

/// What a search found, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct DedupReport {
    /// The name of the method.
    pub method: &'static str,
    /// The least similarity of duplicates.
    pub threshold: f64,
    /// Whose embeddings were compared; `None` for methods that compare none.
    pub model: Option<String>,
    /// Items, or images, that were compared.
    pub compared: u64,
    /// Groups of two or more.
    pub groups: u64,
    /// Members that are not the representative of their group: what there is too much.
    pub duplicates: u64,
    /// Images that cannot be decoded, or items without an embedding: they were compared with nothing.
    pub left_out: u64,
    /// Earlier marks of the method that these took the place of.
    pub unmarked: u64,
    /// The run that marked them; `None` where nothing was written: a dry run, or the marks were there already.
    pub run_id: Option<String>,
    /// Members of the largest groups, each representative first.
    pub examples: Vec<Example>,
}

/// A member of a group, shown as an example.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// The group's id.
    pub group_id: String,
    /// How many members the group has.
    pub members: u64,
    /// The item, or image.
    pub member_id: String,
    /// Whether this is the one that stays.
    pub is_representative: bool,
    /// How like the representative it is.
    pub similarity: f64,
    /// The item's question, or the image's path.
    pub text: String,
}

/// A row of table `duplicates`.
#[derive(Debug, Serialize)]
struct Mark<'a> {
    method: &'static str,
    threshold: f64,
    model: Option<&'a str>,
    group_id: String,
    member_id: String,
    representative_id: String,
    similarity: f64,
    run_id: &'a str,
    created_at: DateTime<Utc>,
}

impl Dedup {
    /// Marks what `search` finds.
    pub fn new(search: DuplicateSearch) -> Dedup {
        Dedup { search, progress: SearchProgress::default() }
    }

    /// How far the search is, to be watched while it runs.
    pub fn progress(&self) -> SearchProgress {
        self.progress.clone()
    }

    /// What [`Dedup::run`] would mark in the state of the store called `at`, by default the present one. Writes nothing.
    ///
    /// # Errors
    /// Those of the store, of the predicate, and [`crate::store::Catalog::state`]'s.
    pub async fn plan(&self, store: &Store, at: Option<&str>) -> Result<DedupReport> {
        let snapshot = store.snapshot_of(at).await?;
        let found = self.search(&snapshot).await?;
        self.report(&snapshot, &found).await
    }

    /// Marks the duplicates, as one run: the marks of an earlier search by the same method are replaced, those of other methods stay. Where the marks
    /// are what they would become, nothing is written. Memory is that of [`DuplicateSearch`].
    ///
    /// # Errors
    /// Those of the store and of the predicate.
    pub async fn run(&self, store: &Store) -> Result<DedupReport> {
        let mut writer = store.writer("dedup", self.search.settings()).await?;
        let snapshot = writer.snapshot().clone();
        let found = self.search(&snapshot).await?;
        let mut report = self.report(&snapshot, &found).await?;
        if self.are_marked(&snapshot, &found).await? {
            return Ok(report);
        }
        report.unmarked = delete_marks(&mut writer, self.search.method()).await?;
        report.run_id = Some(writer.run_id().to_owned());
        self.mark(&mut writer, found).await?;
        let DedupReport { compared, groups, duplicates, .. } = report;
        writer.publish(serde_json::json!({ "compared": compared, "groups": groups, "duplicates": duplicates })).await?;
        Ok(report)
    }

    async fn search(&self, snapshot: &Snapshot) -> Result<FoundDuplicates> {
        let session = Session::builder().snapshot(snapshot.clone()).build().await?;
        Box::pin(self.search.run(&session, snapshot, &self.progress)).await
    }

    /// What was found, with examples.
    async fn report(&self, snapshot: &Snapshot, found: &FoundDuplicates) -> Result<DedupReport> {
        let FoundDuplicates { groups, left_out, model } = found;
        Ok(DedupReport {
            method: self.search.method().name(),
            threshold: self.search.least_similarity(),
            model: model.clone(),
            compared: groups.compared(),
            groups: groups.len(),
            duplicates: groups.duplicates(),
            left_out: *left_out,
            unmarked: 0,
            run_id: None,
            examples: self.examples(snapshot, groups).await?,
        })
    }

    async fn examples(&self, snapshot: &Snapshot, groups: &Groups) -> Result<Vec<Example>> {
        let members: Vec<GroupRow> = groups.rows().collect();
        let mut largest: Vec<&[GroupRow]> = members.chunk_by(|a, b| a.representative_id == b.representative_id).collect();
        // Stable: groups of one size stay in the order of their representatives.
        largest.sort_by_key(|group| std::cmp::Reverse(group.len()));
        largest.truncate(GROUPS_SHOWN);
        let shown: Vec<&str> = largest.iter().flat_map(|group| group.iter().take(MEMBERS_SHOWN)).map(|row| row.member_id).collect();
        let texts = self.texts(snapshot, &shown).await?;
        let example = |group: &[GroupRow], row: &GroupRow| Example {
            group_id: group_id(self.search.method(), row.representative_id),
            members: group.len() as u64,
            member_id: row.member_id.to_owned(),
            is_representative: row.is_representative(),
            similarity: row.similarity,
            text: texts.get(row.member_id).cloned().unwrap_or_default(),
        };
        Ok(largest.iter().flat_map(|group| group.iter().take(MEMBERS_SHOWN).map(|row| example(group, row))).collect())
    }

    /// What is shown of some items or images, by id.
    async fn texts(&self, snapshot: &Snapshot, ids: &[&str]) -> Result<HashMap<String, String>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let (table, columns) = match self.search.method() {
            Method::Image => (Table::Images, ["image_id", "uri"]),
            _ => (Table::Instructions, ["instruction_id", "question"]),
        };
        let chosen = col(columns[0]).in_list(ids.iter().map(|id| lit(*id)).collect(), false);
        let mut texts = HashMap::new();
        for batch in snapshot.select(table, &columns, chosen).await? {
            let (ids, shown) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            texts.extend(ids.iter().zip(shown).filter_map(|(id, text)| Some((id?.to_owned(), text?.to_owned()))));
        }
        Ok(texts)
    }

    async fn mark(&self, writer: &mut Writer, found: FoundDuplicates) -> Result<()> {
        let FoundDuplicates { groups, model, .. } = found;
        let (method, threshold) = (self.search.method(), self.search.least_similarity());
        let (run_id, created_at) = (writer.run_id().to_owned(), writer.started_at());
        let schema = Table::Duplicates.schema();
        let columns = Arc::clone(&schema);
        let starts = (0..groups.rows().len()).step_by(BATCH_ROWS);
        let batches = futures::stream::iter(starts).map(move |start| {
            let mark = |row: GroupRow<'_>| Mark {
                method: method.name(),
                threshold,
                model: model.as_deref(),
                group_id: group_id(method, row.representative_id),
                member_id: row.member_id.to_owned(),
                representative_id: row.representative_id.to_owned(),
                similarity: row.similarity,
                run_id: &run_id,
                created_at,
            };
            let rows: Vec<Mark> = groups.rows().skip(start).take(BATCH_ROWS).map(mark).collect();
            let batch = serde_arrow::to_record_batch(columns.fields(), &rows).map_err(Error::from);
            batch.map_err(DataFusionError::from)
        });
        let batches: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(schema, batches));
        writer.append(Table::Duplicates, batches).await.map(drop)
    }

    /// Whether exactly these groups are marked, with this threshold.
    async fn are_marked(&self, snapshot: &Snapshot, now: &FoundDuplicates) -> Result<bool> {
        const COLUMNS: [&str; 5] = ["member_id", "representative_id", "similarity", "threshold", "model"];
        let found: HashMap<&str, (&str, f64)> =
            now.groups.rows().map(|row| (row.member_id, (row.representative_id, row.similarity))).collect();
        let mut marked = 0;
        for batch in snapshot.select(Table::Duplicates, &COLUMNS, of_method(self.search.method())).await? {
            let (members, representatives) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            let (similarities, thresholds) = (batch.column(2).as_primitive::<Float64Type>(), batch.column(3).as_primitive::<Float64Type>());
            let models = batch.column(4).as_string::<i32>();
            let is_same = |row: usize| {
                let mark = (representatives.value(row), similarities.value(row));
                let model = models.is_valid(row).then(|| models.value(row));
                thresholds.value(row) == self.search.least_similarity()
                    && model == now.model.as_deref()
                    && found.get(members.value(row)) == Some(&mark)
            };
            if !(0..batch.num_rows()).all(is_same) {
                return Ok(false);
            }
            marked += batch.num_rows();
        }
        Ok(marked == found.len())
    }
}

/// Takes back the marks of a method, as one run. Returns how many rows there were; without any nothing is written. Earlier states of the store keep
/// them.
///
/// # Errors
/// Those of the store.
pub async fn unmark(store: &Store, method: Method) -> Result<u64> {
    let mut writer = store.writer("dedup", serde_json::json!({ "unmark": method.name() })).await?;
    let marks = delete_marks(&mut writer, method).await?;
    if marks > 0 {
        writer.publish(serde_json::json!({ "unmarked": marks })).await?;
    }
    Ok(marks)
}

async fn delete_marks(writer: &mut Writer, method: Method) -> Result<u64> {
    let marked = writer.snapshot().select(Table::Duplicates, &["method"], of_method(method)).await?;
    match marked.iter().any(|batch| batch.num_rows() > 0) {
        true => writer.delete(Table::Duplicates, &format!("method = '{method}'")).await,
        // A deletion of nothing would be a new version of the table.
        false => Ok(0),
    }
}

fn of_method(method: Method) -> Expr {
    col("method").eq(lit(method.name()))
}
