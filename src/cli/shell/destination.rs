//! Where results go: standard output, or the file of `.output`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::formats::target::behind_links;

/// Takes whole results: what a failed statement wrote to a file is taken back.
pub(super) enum Destination {
    Stdout(io::Stdout),
    File(ResultFile),
}

impl Destination {
    pub(super) fn stdout() -> Self {
        Self::Stdout(io::stdout())
    }

    /// The results of the statements that follow, one after the other. A file that exists is replaced when the first result
    /// is complete, not before.
    ///
    /// # Errors
    /// The file or the one beside it cannot be written.
    pub(super) fn file(path: &Path) -> io::Result<Self> {
        ResultFile::create(path).map(Self::File)
    }

    pub(super) fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stdout(stdout) => stdout,
            Self::File(file) => &mut file.file,
        }
    }

    /// Keeps what was written since the last call.
    pub(super) fn keep(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.keep(),
        }
    }

    /// Takes back what was written since the last call of `keep`, where that is possible.
    pub(super) fn take_back(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.take_back(),
        }
    }

    /// The file's path, if it is one.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout(_) => None,
            Self::File(file) => Some(&file.path),
        }
    }
}

pub(super) struct ResultFile {
    file: File,
    path: PathBuf,
    /// Where the first result is written until it is complete.
    partial: Option<PathBuf>,
    /// The length of all complete results.
    kept: u64,
}

impl ResultFile {
    fn create(path: &Path) -> io::Result<Self> {
        let is_device = path.metadata().is_ok_and(|metadata| !metadata.is_file());
        if is_device {
            let file = File::options().write(true).open(path)?;
            return Ok(Self { file, path: path.to_owned(), partial: None, kept: 0 });
        }
        // A link stays a link; what it leads to is replaced.
        let path = behind_links(path)?;
        let mut partial = OsString::from(&path);
        partial.push(".partial");
        let file = File::create(&partial)?;
        Ok(Self { file, path, partial: Some(partial.into()), kept: 0 })
    }

    fn keep(&mut self) -> io::Result<()> {
        if let Some(partial) = &self.partial {
            std::fs::rename(partial, &self.path)?;
            self.partial = None;
        }
        self.kept = self.file.metadata()?.len();
        Ok(())
    }

    fn take_back(&mut self) -> io::Result<()> {
        if self.file.metadata()?.is_file() {
            self.file.set_len(self.kept)?;
            self.file.seek(SeekFrom::Start(self.kept))?;
        }
        Ok(())
    }
}

impl Drop for ResultFile {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial {
            // Nothing was kept; a file left behind is only untidy.
            let _ = std::fs::remove_file(partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_complete_results_only() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("result.csv");
        std::fs::write(&path, "old")?;
        let mut destination = Destination::file(&path)?;
        destination.writer().write_all(b"half of the fi")?;
        destination.take_back()?;
        assert_eq!(std::fs::read_to_string(&path)?, "old");
        destination.writer().write_all(b"first\n")?;
        destination.keep()?;
        destination.writer().write_all(b"half of the sec")?;
        destination.take_back()?;
        destination.writer().write_all(b"second\n")?;
        destination.keep()?;
        drop(destination);
        assert_eq!(std::fs::read_to_string(&path)?, "first\nsecond\n");
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }

    /// Of one that led nowhere yet, a file once took the place.
    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (link, target) = (folder.path().join("link.csv"), folder.path().join("target.csv"));
        std::os::unix::fs::symlink("target.csv", &link)?;
        for content in ["first\n", "second\n"] {
            let mut destination = Destination::file(&link)?;
            destination.writer().write_all(content.as_bytes())?;
            destination.keep()?;
            assert_eq!(std::fs::read_to_string(&target)?, content);
            assert_eq!(std::fs::read_link(&link)?, Path::new("target.csv"));
        }
        Ok(())
    }

    #[test]
    fn a_file_without_results_is_not_made() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        drop(Destination::file(&folder.path().join("result.csv"))?);
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        assert!(Destination::file(folder.path()).is_err(), "a folder takes no results");
        Ok(())
    }
}
