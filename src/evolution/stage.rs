//! Results between two statements of a round: on disk, so that a round of any size needs little memory, and as tables, so that the next
//! statement is plain SQL over their names.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::query::Session;

/// The scratch tables of one round. Their files are removed when it is dropped.
pub struct Stage<'a> {
    session: &'a Session,
    directory: PathBuf,
}

impl<'a> Stage<'a> {
    /// Makes `directory`, in place of whatever an earlier process left there.
    pub fn new(session: &'a Session, directory: PathBuf) -> Result<Stage<'a>> {
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).map_err(|cause| Error::io("create", &directory, cause))?;
        Ok(Stage { session, directory })
    }

    /// Runs a query and keeps its rows as table `name`. Returns how many there are.
    pub async fn table(&self, name: &str, sql: &str) -> Result<u64> {
        self.session.keep(name, sql, &self.directory).await
    }

    /// The folder with the files of the tables.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Shows rows that are in the folder as table `kept`, of whichever session, as table `name`.
    pub async fn show(&self, name: &str, kept: &str) -> Result<()> {
        self.session.show_kept(name, kept, &self.directory).await
    }

    /// Gives a query a name, in place of what had it; the query runs whenever the name is used.
    pub async fn view(&self, name: &str, sql: &str) -> Result<()> {
        self.session.view(name, sql).await
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        // What stays behind is garbage of a known name; the next run of that name removes it.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
