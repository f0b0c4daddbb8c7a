//! Upkeep between publications: small files of a table become large ones, and versions that nobody can name are removed.
//!
//! Every publication adds a file to each table it changes, and every change of a table a version. After thousands of small runs a table would
//! be slow to open and to scan. What states of the store name is never touched: compaction makes a new version and leaves the files of the
//! old ones, and only versions that no state names are removed.

use std::collections::HashSet;
use std::sync::Arc;

use lance::Dataset;
use lance::dataset::cleanup::CleanupPolicy;
use lance::dataset::optimize::{CompactionOptions, compact_files};

use super::catalog::Catalog;
use super::schema::Table;
use super::snapshot::{Snapshot, table_error};
use crate::error::Result;

/// The tables that grow with every run. Images come with few imports, and whether a blob's file is used is told by rows that no manifest lists;
/// a vector index would have to be rewritten with its table.
const KEPT_UP: [Table; 6] = [Table::Samples, Table::Instructions, Table::Evolutions, Table::Calls, Table::Prompts, Table::Runs];

/// A file with fewer rows is small. A row is written again with at most so many others, whatever the size of the table.
const SMALL_FILE_ROWS: usize = 16_384;

/// Small files that a table may have. The cost of putting them together is shared by as many publications.
const SMALL_FILES: usize = 64;

/// Versions without a name that a table may have: finding out what only they hold reads all manifests of the table.
const UNNAMED_VERSIONS: usize = 64;

/// Share of deleted rows from which a file that is compacted anyway is freed of them.
const DELETED_SHARE: f32 = 0.5;

/// Compacts the tables that a writer has changed, before it publishes them. What cannot be done now is left to a later publication: nothing rests
/// on it.
pub(super) async fn compact(snapshot: &mut Snapshot, changed: impl Iterator<Item = Table>) {
    let kept_up: Vec<Table> = changed.filter(|table| KEPT_UP.contains(table)).collect();
    for table in kept_up {
        let Some(dataset) = snapshot.dataset(table) else { continue };
        match compacted(dataset, table).await {
            Ok(Some(compacted)) => *snapshot = snapshot.with_dataset(table, Arc::new(compacted)),
            Ok(None) => {}
            // A version that it may have left on top is dealt with like any other that was never published.
            Err(error) => tracing::warn!("{error}; the table stays as it is"),
        }
    }
}

/// Cleans up the tables that a writer has changed, after it published them as `catalog`; as [`compact`] does, if it can be done.
pub(super) async fn clean_up(snapshot: &Snapshot, changed: impl Iterator<Item = Table>, catalog: &Catalog) {
    let kept_up: Vec<Table> = changed.filter(|table| KEPT_UP.contains(table)).collect();
    for table in kept_up {
        let Some(dataset) = snapshot.dataset(table) else { continue };
        if let Err(error) = remove_unnamed(dataset, table, catalog).await {
            tracing::warn!("{error}; its old versions are removed another time");
        }
    }
}

/// Puts the small files of a table together when there are many, as a new version. Rows keep their order. `None` when there is nothing to do.
async fn compacted(dataset: &Dataset, table: Table) -> Result<Option<Dataset>> {
    let is_small = |rows: Option<usize>| rows.is_some_and(|rows| rows < SMALL_FILE_ROWS);
    let small = dataset.fragments().iter().filter(|fragment| is_small(fragment.physical_rows)).count();
    if small < SMALL_FILES {
        return Ok(None);
    }
    let options = CompactionOptions {
        target_rows_per_fragment: SMALL_FILE_ROWS,
        materialize_deletions_threshold: DELETED_SHARE,
        ..CompactionOptions::default()
    };
    let mut compacted = dataset.clone();
    let metrics = compact_files(&mut compacted, options, None).await.map_err(|cause| table_error("compact", table, cause))?;
    Ok((metrics.fragments_removed > 0).then_some(compacted))
}

/// Removes the versions of a table that no state of `catalog`, which is published, names, when there are many; and the files that only they
/// use. Readers open named versions alone, and a state never loses its name: so nobody holds one of these but a writer, and this is the only
/// one. Cut off in the middle, it leaves versions that were of no use to anybody.
async fn remove_unnamed(dataset: &Dataset, table: Table, catalog: &Catalog) -> Result<()> {
    let failed = |cause| table_error("clean up", table, cause);
    let versions = dataset.version_refs().await.map_err(failed)?;
    let named: HashSet<u64> =
        catalog.tags.values().chain([&catalog.tables]).filter_map(|versions| versions.get(table.name()).copied()).collect();
    let unnamed: HashSet<u64> = versions.into_iter().map(|version| version.version).filter(|version| !named.contains(version)).collect();
    if unnamed.len() < UNNAMED_VERSIONS {
        return Ok(());
    }
    let policy = CleanupPolicy { versions: Some(unnamed), error_if_tagged_old_versions: false, ..CleanupPolicy::default() };
    dataset.cleanup_with_policy(policy).await.map_err(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use chrono::{DateTime, Utc};
    use serde::Serialize;

    use super::*;
    use crate::error::Error;
    use crate::ids::stable_id;
    use crate::store::{CallRecord, NOW, Store, StoredCalls, Writer};

    #[derive(Serialize)]
    struct Prompt {
        prompt_id: String,
        name: String,
        template: String,
        created_at: DateTime<Utc>,
    }

    async fn writer(store: &Store) -> Writer {
        store.writer("test", serde_json::json!({})).await.unwrap()
    }

    fn call(request: u64, response: String) -> CallRecord {
        CallRecord {
            request_id: stable_id([Some(request.to_string().as_str())]),
            kind: "complete".into(),
            model: "m".into(),
            endpoint: "e".into(),
            max_tokens: Some(10),
            response: Some(response),
            finish_reason: Some("stop".into()),
            prompt_tokens: None,
            completion_tokens: None,
            cost_usd: None,
            latency_ms: None,
            attempts: 1,
            http_status: None,
            error: None,
            run_id: "run".into(),
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    async fn names(snapshot: &Snapshot) -> Vec<String> {
        use arrow::array::AsArray;

        let mut names = Vec::new();
        let read = snapshot.for_each(Table::Prompts, &["name"], |batch| {
            names.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
        });
        read.await.unwrap();
        names
    }

    async fn versions(store: &Store, table: Table) -> usize {
        store.snapshot().await.unwrap().dataset(table).unwrap().version_refs().await.unwrap().len()
    }

    /// One publication: a prompt, renamed often on the way, and an answer to one of ten requests.
    async fn publish(writer: &mut Writer, number: u64, renames: u64) {
        let prompt =
            Prompt { prompt_id: format!("p{number:03}"), name: "draft".into(), template: String::new(), created_at: DateTime::UNIX_EPOCH };
        writer.append_rows(Table::Prompts, &[prompt]).await.unwrap();
        let chosen = format!("prompt_id = 'p{number:03}'");
        for rename in 0..renames {
            writer.update(Table::Prompts, &chosen, "name", &format!("'name {number:03}.{rename}'")).await.unwrap();
        }
        writer.journal().unwrap().append(call(number % 10, format!("answer {number}"))).await.unwrap();
        writer.checkpoint(serde_json::json!({})).await.unwrap();
    }

    #[tokio::test]
    async fn many_small_publications_leave_tables_of_few_files_and_every_state_as_it_was() {
        const PUBLICATIONS: u64 = 70;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path().join("store")).await.unwrap();
        let mut writing = writer(&store).await;
        for number in 0..PUBLICATIONS {
            publish(&mut writing, number, 1).await;
        }
        drop(writing);
        let now = store.snapshot().await.unwrap();
        for table in [Table::Prompts, Table::Calls, Table::Runs] {
            let files = now.dataset(table).unwrap().count_fragments();
            assert!(files < SMALL_FILES, "{table}: {files} files");
            assert_eq!(now.count_rows(table).await.unwrap(), PUBLICATIONS, "{table}");
        }
        let expected = |count: u64| (0..count).map(|number| format!("name {number:03}.0")).collect::<Vec<_>>();
        assert_eq!(names(&now).await, expected(PUBLICATIONS), "in the order in which they came");
        for run in [1, 10, 63, 64, 65, PUBLICATIONS] {
            let then = store.snapshot_at(&format!("run-{run}")).await.unwrap();
            assert_eq!(names(&then).await, expected(run), "after run {run}");
        }
        assert_eq!(store.lost_versions().await.unwrap(), []);
        assert!(now.damaged_files().await.is_empty());
        assert!(store.left_over().await.unwrap().unpublished.is_empty());
        // The last answer to a request counts, also where compaction moved its rows.
        let calls = StoredCalls::new(&now);
        let answers: HashMap<u64, String> = (0..PUBLICATIONS).map(|number| (number % 10, format!("answer {number}"))).collect();
        for (request, expected) in answers {
            let found = calls.get(&call(request, String::new()).request_id).await.unwrap();
            assert_eq!(found.map(|call| call.response), Some(expected));
        }
    }

    #[tokio::test]
    async fn versions_that_no_state_names_are_removed_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path().join("store")).await.unwrap();
        let mut writing = writer(&store).await;
        publish(&mut writing, 0, 10).await;
        let first = store.snapshot().await.unwrap();
        assert!(versions(&store, Table::Prompts).await > 10, "few are not worth the trouble");
        publish(&mut writing, 1, UNNAMED_VERSIONS as u64).await;
        // The empty table, and one version for each publication.
        assert_eq!(versions(&store, Table::Prompts).await, 3);
        assert_eq!(names(&first).await, ["name 000.9"], "a reader keeps what it holds");
        assert_eq!(names(&store.snapshot_at("run-1").await.unwrap()).await, ["name 000.9"]);
        assert_eq!(names(&store.snapshot_at(NOW).await.unwrap()).await.len(), 2);
        publish(&mut writing, 2, 1).await;
        drop(writing);
        assert_eq!(store.lost_versions().await.unwrap(), []);
        assert!(store.snapshot().await.unwrap().damaged_files().await.is_empty());
        let restored = store.restore("run-1").await;
        assert!(restored.is_ok_and(|(plan, _)| !plan.has_changes()), "prompts only ever grow");
    }

    /// What was compacted and not published is one more version that nobody names.
    #[tokio::test]
    async fn a_writer_that_ends_between_compaction_and_publication_leaves_the_old_state() -> Result<(), Error> {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path().join("store")).await?;
        let mut writing = writer(&store).await;
        for number in 0..SMALL_FILES as u64 - 1 {
            publish(&mut writing, number, 0).await;
        }
        let compacted_too_early = {
            let prompt =
                Prompt { prompt_id: "last".into(), name: "last".into(), template: String::new(), created_at: DateTime::UNIX_EPOCH };
            writing.append_rows(Table::Prompts, &[prompt]).await?;
            compacted(writing.snapshot().dataset(Table::Prompts).unwrap(), Table::Prompts).await?
        };
        assert!(compacted_too_early.is_some());
        drop(writing);
        assert_eq!(store.snapshot().await?.count_rows(Table::Prompts).await?, SMALL_FILES as u64 - 1);
        let mut writing = writer(&store).await;
        publish(&mut writing, 99, 0).await;
        assert_eq!(store.snapshot().await?.count_rows(Table::Prompts).await?, SMALL_FILES as u64);
        Ok(())
    }
}
