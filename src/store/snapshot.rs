//! One consistent state of all tables, to read from.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::Expr;
use futures::TryStreamExt;
use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;
use lance::session::Session;
use lance::table::format::MAGIC;
use url::Url;

use super::catalog::Catalog;
use super::lookup::Indices;
use super::schema::Table;
use crate::error::{Error, Result, chain, unwrap_passenger, without_places};

/// Every table at the versions of one catalog. Cheap to clone; stays what it is while writers go on.
#[derive(Debug, Clone)]
pub struct Snapshot {
    root: Arc<Path>,
    catalog: Arc<Catalog>,
    /// Without the tables that were never written.
    datasets: HashMap<Table, Arc<Dataset>>,
    /// Shared by all clones, and theirs alone.
    indices: Arc<Indices>,
}

impl Snapshot {
    /// Opens the tables at the versions that `catalog` names. Reads manifests, no data.
    pub(super) async fn open(root: &Path, catalog: Catalog, session: &Arc<Session>) -> Result<Snapshot> {
        let mut datasets = HashMap::new();
        for table in Table::ALL {
            if let Some(version) = catalog.version(table)? {
                datasets.insert(table, Arc::new(open_dataset(root, table, Some(version), session).await?));
            }
        }
        Ok(Snapshot { root: root.into(), catalog: Arc::new(catalog), datasets, indices: Arc::default() })
    }

    /// The state this snapshot shows.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Whether `other` is a clone of this one, or this one a clone of it.
    pub fn is_same(&self, other: &Snapshot) -> bool {
        Arc::ptr_eq(&self.indices, &other.indices)
    }

    /// The number of rows of a table, from its metadata.
    pub async fn count_rows(&self, table: Table) -> Result<u64> {
        let Some(dataset) = self.dataset(table) else { return Ok(0) };
        let count = dataset.count_rows(None).await.map_err(|cause| table_error("count rows of", table, cause))?;
        Ok(count as u64)
    }

    /// Streams some columns of a table through `each`, batch by batch.
    pub async fn for_each(&self, table: Table, columns: &[&str], mut each: impl FnMut(&RecordBatch)) -> Result<()> {
        let failed = |cause| table_error("read", table, cause);
        let Some(dataset) = self.dataset(table) else { return Ok(()) };
        let mut scan = dataset.scan();
        scan.project(columns).map_err(failed)?;
        let mut batches = scan.try_into_stream().await.map_err(failed)?;
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            each(&batch);
        }
        Ok(())
    }

    /// Some columns of the rows for which `filter` holds, in the order of the table. The columns of the filter are read whole, the others only
    /// where it holds.
    pub async fn select(&self, table: Table, columns: &[&str], filter: Expr) -> Result<Vec<RecordBatch>> {
        let failed = |cause| table_error("read", table, cause);
        let Some(dataset) = self.dataset(table) else { return Ok(Vec::new()) };
        let mut scan = dataset.scan();
        scan.project(columns).map_err(failed)?.filter_expr(filter);
        let batches = scan.try_into_stream().await.map_err(failed)?;
        batches.try_collect().await.map_err(failed)
    }

    /// The number of rows that a version of a table has, from its metadata; `None` for a version that cannot be opened any more.
    pub async fn count_rows_at(&self, table: Table, version: u64) -> Result<Option<u64>> {
        let Some(present) = self.dataset(table) else { return Ok(Some(0)) };
        let Ok(dataset) = present.checkout_version(version).await else { return Ok(None) };
        let count = dataset.count_rows(None).await.map_err(|cause| table_error("count rows of", table, cause))?;
        Ok(Some(count as u64))
    }

    /// The directory of the store.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// `None` for a table that was never written, which has no rows.
    pub(super) fn dataset(&self, table: Table) -> Option<&Arc<Dataset>> {
        self.datasets.get(&table)
    }

    /// The version of each table that was ever written.
    pub(super) fn versions(&self) -> impl Iterator<Item = (Table, u64)> + '_ {
        self.datasets.iter().map(|(table, dataset)| (*table, dataset.version().version))
    }

    pub(super) fn with_dataset(&self, table: Table, dataset: Arc<Dataset>) -> Snapshot {
        let mut changed = self.clone();
        changed.datasets.insert(table, dataset);
        changed.indices = Arc::default();
        changed
    }

    pub(super) fn indices(&self) -> &Indices {
        &self.indices
    }
}

/// The directory of a table.
pub(super) fn table_path(root: &Path, table: Table) -> PathBuf {
    root.join(format!("{table}.lance"))
}

/// Opens a table at a version, or at its newest one.
pub(super) async fn open_dataset(root: &Path, table: Table, version: Option<u64>, session: &Arc<Session>) -> Result<Dataset> {
    let mut builder = DatasetBuilder::from_uri(table_path(root, table).to_string_lossy()).with_session(Arc::clone(session));
    if let Some(version) = version {
        refuse_cut_manifest(root, table, version)?;
        builder = builder.with_version(version);
    }
    builder.load().await.map_err(|cause| table_error("open", table, cause))
}

/// Refuses a manifest that does not end as manifests do: Lance takes its last bytes for a place in it, and may panic. One that is gone is left to
/// Lance, which says so.
fn refuse_cut_manifest(root: &Path, table: Table, version: u64) -> Result<()> {
    let name = format!("_versions/{:020}.manifest", u64::MAX - version);
    let path = table_path(root, table).join(&name);
    let Ok(mut manifest) = File::open(path) else { return Ok(()) };
    let mut end = MAGIC.map(|_| 0);
    let read = manifest.seek(SeekFrom::End(-4)).and_then(|_| manifest.read_exact(&mut end));
    if read.is_ok() && end == *MAGIC {
        return Ok(());
    }
    Err(Error::Table { action: "open", table: table.name().into(), cause: format!("{table}.lance/{name} is damaged").into() })
}

/// Opens a table to write blobs to it.
///
/// At a plain path Lance hands every blob to another thread and waits for it. Through its interface for object stores, which takes local
/// paths as well, it writes parts of some megabytes.
pub(super) async fn open_for_blobs(root: &Path, table: Table, version: u64, session: &Arc<Session>) -> Result<Dataset> {
    let path = table_path(root, table);
    let absolute = std::path::absolute(&path).map_err(|cause| Error::io("find", &path, cause))?;
    let url =
        Url::from_file_path(&absolute).map_err(|()| Error::io("find", &path, std::io::Error::from(std::io::ErrorKind::InvalidFilename)))?;
    DatasetBuilder::from_uri(format!("file-object-store://{}", url.path()))
        .with_session(Arc::clone(session))
        .with_version(version)
        .load()
        .await
        .map_err(|cause| table_error("open", table, cause))
}

/// Gives back our own error where Lance carried one, else says what failed.
pub(super) fn table_error(action: &'static str, table: Table, cause: lance::Error) -> Error {
    let carried = || unwrap_passenger(cause.external_source()?.as_ref());
    let ours = unwrap_passenger(&cause).or_else(carried);
    ours.unwrap_or_else(|| Error::Table { action, table: table.name().into(), cause: reason(&cause).into() })
}

/// What is wrong with a file of a table, where that is why a statement failed.
pub(crate) fn read_failure(error: &(dyn StdError + 'static)) -> Option<String> {
    let cause = chain(error).find_map(|link| link.downcast_ref::<lance::Error>())?;
    is_about_files(cause).then(|| reason(cause))
}

fn is_about_files(cause: &lance::Error) -> bool {
    match cause {
        lance::Error::Shared { source } => is_about_files(source),
        other => matches!(
            other,
            lance::Error::IO { .. }
                | lance::Error::NotFound { .. }
                | lance::Error::DatasetNotFound { .. }
                | lance::Error::CorruptFile { .. }
        ),
    }
}

/// What Lance says, without what means something only to who wrote it.
pub(super) fn reason(cause: &lance::Error) -> String {
    match cause {
        lance::Error::Shared { source } => reason(source),
        lance::Error::NotFound { uri: path, .. } | lance::Error::DatasetNotFound { path, .. } => format!("{} is gone", within_store(path)),
        _ if ends_early(cause) => "a file ends too early".to_owned(),
        lance::Error::IO { source, .. } => without_places(&source.to_string()),
        other => without_places(&other.to_string()),
    }
}

fn ends_early(cause: &lance::Error) -> bool {
    let mut system = chain(cause).filter_map(|link| link.downcast_ref::<std::io::Error>());
    system.any(|cause| cause.kind() == std::io::ErrorKind::UnexpectedEof)
}

/// A path from the table's directory on, if it leads through one.
fn within_store(path: &str) -> &str {
    let table = path.rfind(".lance/").unwrap_or_default();
    path[..table].rfind('/').map_or(path, |slash| &path[slash + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_from_its_table_on() {
        for (path, shown) in [
            ("tmp/a.lance/store/calls.lance/_versions/3.manifest", "calls.lance/_versions/3.manifest"),
            ("calls.lance/data/1.lance", "calls.lance/data/1.lance"),
            ("tmp/elsewhere", "tmp/elsewhere"),
        ] {
            assert_eq!(within_store(path), shown);
        }
    }
}
