//! Tables come into being: empty, and of no state of the store until something is published.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use lance::Dataset;
use lance::dataset::{InsertBuilder, WriteMode};
use lance::session::Session;

use super::Store;
use super::catalog::Catalog;
use super::disk::{Disk, DurableFiles};
use super::schema::Table;
use super::snapshot::{open_dataset, table_error, table_path};
use super::writer::write_parameters;
use crate::error::{Error, Result};

/// Makes the tables that every store has, empty, in place of whatever an unfinished attempt left. Their files are not durable yet.
pub(super) async fn create_tables(store: &Store) -> Result<(Catalog, HashMap<Table, DurableFiles>)> {
    let Store { root, disk, session, .. } = store;
    let (mut created, mut files) = (Vec::new(), HashMap::new());
    for table in Table::ALL {
        remove_table(root, disk, table)?;
        if table.format_version() == 1 {
            let (dataset, none) = create_table(root, disk, session, table).await?;
            created.push((table, dataset.version().version));
            files.insert(table, none);
        }
    }
    let empty = Catalog { format_version: 1, generation: 0, next_run: 1, tables: BTreeMap::new(), tags: BTreeMap::new(), journaled: 0 };
    Ok((empty.with_tables(created), files))
}

/// Makes an empty table that no state of the store has yet, in place of whatever an unfinished attempt left. None of its files is durable yet.
pub(super) async fn create_table(root: &Path, disk: &Disk, session: &Arc<Session>, table: Table) -> Result<(Dataset, DurableFiles)> {
    remove_table(root, disk, table)?;
    let path = table_path(root, table);
    let none = DurableFiles::found(disk, path.clone()).await?;
    let schema = table.created_schema();
    let empty = RecordBatchStreamAdapter::new(schema, futures::stream::empty());
    let stream: SendableRecordBatchStream = Box::pin(empty);
    let mut parameters = write_parameters(WriteMode::Create);
    parameters.session = Some(Arc::clone(session));
    InsertBuilder::new(path.to_string_lossy().as_ref())
        .with_params(&parameters)
        .execute_stream(stream)
        .await
        .map_err(|cause| table_error("create", table, cause))?;
    Ok((open_dataset(root, table, None, session).await?, none))
}

/// Removes a table's directory, if there is one. Only for tables that no state of the store has.
pub(super) fn remove_table(root: &Path, disk: &Disk, table: Table) -> Result<()> {
    let path = table_path(root, table);
    if !path.exists() {
        return Ok(());
    }
    disk.remove_directory(&path).map_err(|cause| Error::io("remove", path, cause))
}
