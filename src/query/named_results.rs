//! Queries under a name, so that the next statement is plain SQL over it: run whenever it is used, or once, with the rows kept on disk, where any
//! number of them needs little memory.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use arrow::compute::BatchCoalescer;
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;
use datafusion::datasource::file_format::options::ArrowReadOptions;
use futures::TryStreamExt;
use tempfile::TempDir;

use super::files::location;
use super::session::Session;
use crate::error::{Error, Result};

/// Rows of a batch on disk. Model calls give out each row as its answer comes, and every batch costs its reader as much as some hundred rows.
const ROWS_PER_BATCH: usize = 1024;

/// A folder that goes away with its value, such as for [`Session::keep`].
///
/// # Errors
/// Where the system's temporary folder cannot be written.
pub(crate) fn temporary_folder() -> Result<TempDir> {
    tempfile::tempdir().map_err(|cause| Error::io("create a folder in", std::env::temp_dir(), cause))
}

fn kept_file(name: &str, folder: &Path) -> PathBuf {
    folder.join(format!("{name}.arrow"))
}

impl Session {
    /// Gives a query a name, in place of any table or view of that name; the query runs whenever the name is used.
    ///
    /// # Errors
    /// Those of planning the query.
    pub async fn view(&self, name: &str, sql: &str) -> Result<()> {
        let view = self.sql(sql).await?.into_view();
        self.context().deregister_table(name)?;
        self.context().register_table(name, view)?;
        Ok(())
    }

    /// Runs a query and keeps its rows as table `name`, in the file `<name>.arrow` of a folder of the caller's, in place of any table or view
    /// of that name. Returns how many rows there are. The table lasts as long as the session and the file do.
    ///
    /// # Errors
    /// Those of the query, and of writing the file.
    pub async fn keep(&self, name: &str, sql: &str, folder: &Path) -> Result<u64> {
        let path = kept_file(name, folder);
        let failed = |cause: ArrowError| match cause {
            ArrowError::IoError(_, cause) => Error::io("write", &path, cause),
            other => other.into(),
        };
        let mut batches = self.stream(sql).await?;
        let file = File::create(&path).map_err(|cause| Error::io("write", &path, cause))?;
        let mut writer = FileWriter::try_new(BufWriter::new(file), &batches.schema()).map_err(failed)?;
        let mut coalescer = BatchCoalescer::new(batches.schema(), ROWS_PER_BATCH);
        let mut rows = 0;
        while let Some(batch) = batches.try_next().await.map_err(|cause| self.explain(cause, sql))? {
            rows += batch.num_rows() as u64;
            coalescer.push_batch(batch)?;
            while let Some(batch) = coalescer.next_completed_batch() {
                writer.write(&batch).map_err(failed)?;
            }
        }
        coalescer.finish_buffered_batch()?;
        while let Some(batch) = coalescer.next_completed_batch() {
            writer.write(&batch).map_err(failed)?;
        }
        writer.finish().map_err(failed)?;
        self.show_kept(name, name, folder).await?;
        Ok(rows)
    }

    /// Shows what a session, this one or another, has [kept](Session::keep) in a folder as table `kept`, as table `name`, in place of any table or
    /// view of that name.
    ///
    /// # Errors
    /// Where there is no such file.
    pub async fn show_kept(&self, name: &str, kept: &str, folder: &Path) -> Result<()> {
        let location = location(name, &kept_file(kept, folder))?;
        self.context().deregister_table(name)?;
        self.context().register_arrow(name, location, ArrowReadOptions::default()).await?;
        Ok(())
    }
}
