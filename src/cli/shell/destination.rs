//! Where results go: standard output, or the file of `.output`.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::formats::target::{behind_links, folder_of};

/// Takes whole results: what a failed statement wrote to a file is taken back.
pub(super) enum Destination {
    Stdout(io::Stdout),
    /// A device or a pipe, from which nothing can be taken back.
    Device {
        device: File,
        path: PathBuf,
    },
    File(ResultFile),
}

impl Destination {
    pub(super) fn stdout() -> Self {
        Self::Stdout(io::stdout())
    }

    /// The results of the statements that follow, one after the other. A file that exists is replaced when the first result
    /// is complete, not before; until a statement is done, it reads there what those before it have left.
    ///
    /// # Errors
    /// The file or its folder cannot be written.
    pub(super) fn file(path: &Path) -> io::Result<Self> {
        let is_device = path.metadata().is_ok_and(|metadata| !metadata.is_file());
        if is_device {
            let device = File::options().write(true).open(path)?;
            return Ok(Self::Device { device, path: path.to_owned() });
        }
        ResultFile::create(path).map(Self::File)
    }

    pub(super) fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stdout(stdout) => stdout,
            Self::Device { device, .. } => device,
            Self::File(file) => &mut file.result,
        }
    }

    /// Keeps what was written since the last call.
    pub(super) fn keep(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::Device { device, .. } => device.flush(),
            Self::File(file) => file.keep(),
        }
    }

    /// Takes back what was written since the last call of `keep`, where that is possible.
    pub(super) fn take_back(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::Device { device, .. } => device.flush(),
            Self::File(file) => file.take_back(),
        }
    }

    /// The file's path, if it is one.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout(_) => None,
            Self::Device { path, .. } => Some(path),
            Self::File(file) => Some(&file.path),
        }
    }
}

pub(super) struct ResultFile {
    path: PathBuf,
    /// What was written since the last call of `keep`. It has no name: whatever ends the shell, nothing of it stays behind.
    result: File,
    /// Whether the file at `path` holds results of ours.
    is_begun: bool,
}

impl ResultFile {
    fn create(path: &Path) -> io::Result<Self> {
        // A link stays a link; what it leads to is replaced.
        let path = behind_links(path)?;
        let result = tempfile::tempfile_in(folder_of(&path))?;
        Ok(Self { path, result, is_begun: false })
    }

    fn keep(&mut self) -> io::Result<()> {
        let kept = self.hand_on();
        // What could not be kept once is no part of the next result.
        self.take_back()?;
        kept
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.result.rewind()?;
        if self.is_begun {
            let mut file = File::options().append(true).create(true).open(&self.path)?;
            let length = file.metadata()?.len();
            return io::copy(&mut self.result, &mut file).map(drop).or_else(|cause| file.set_len(length).and(Err(cause)));
        }
        let mut file = unfinished(&self.path)?;
        io::copy(&mut self.result, &mut file)?;
        file.persist(&self.path).map_err(|failed| failed.error)?;
        self.is_begun = true;
        Ok(())
    }

    fn take_back(&mut self) -> io::Result<()> {
        self.result.set_len(0)?;
        self.result.rewind()
    }
}

/// A file beside `path` on its way to its place; removed where it does not get there.
fn unfinished(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".output-");
    // Results are an ordinary file; without this it would be readable by its owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder_of(path))
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

    /// Read while it was written, a result would hold itself over and over.
    #[test]
    fn what_is_being_written_is_not_there_yet() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (path, neighbour) = (folder.path().join("result.csv"), folder.path().join("result.csv.partial"));
        std::fs::write(&neighbour, "of somebody else")?;
        let mut destination = Destination::file(&path)?;
        for (result, before) in [("first\n", ""), ("second\n", "first\n"), ("third\n", "first\nsecond\n")] {
            destination.writer().write_all(result.as_bytes())?;
            assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), before);
            destination.keep()?;
        }
        assert_eq!(std::fs::read_to_string(&path)?, "first\nsecond\nthird\n");
        assert_eq!(std::fs::read_to_string(&neighbour)?, "of somebody else");
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
