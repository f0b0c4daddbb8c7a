//! Where a file is written that the user names.

use std::io;
use std::path::{Path, PathBuf};

/// As many links in a row as Linux follows.
const MOST_LINKS: usize = 40;

/// The folder that holds what has this path.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where a file of that path is written so that a symbolic link stays one: at the end of its links, be something there or not.
///
/// # Errors
/// When the links lead in a circle, or the path is a name of the system for what a process has open, such as `/dev/stdout`: whatever file is behind
/// it is being written by somebody else.
pub(crate) fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_owned();
    for _ in 0..MOST_LINKS {
        if is_of_the_system(&place) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it stands for what a process has open; name a file"));
        }
        match std::fs::read_link(&place) {
            Ok(target) => place = folder_of(&place).join(target),
            // No link, or nothing at all.
            Err(_) => return Ok(place),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "its symbolic links lead in a circle; name a file"))
}

/// Whether the path lies in a folder of names for devices and open files. Folders in `/dev`, such as `/dev/shm`, hold files like any other.
fn is_of_the_system(path: &Path) -> bool {
    let folder = folder_of(path).canonicalize().unwrap_or_default();
    folder == Path::new("/dev") || ["/dev/fd", "/proc"].iter().any(|system| folder.starts_with(system))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_to_where_nothing_is_yet() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("real")).unwrap();
        symlink("second", path("first")).unwrap();
        symlink("real/file", path("second")).unwrap();
        for name in ["first", "second", "real/file"] {
            assert_eq!(behind_links(&path(name)).unwrap(), path("real/file"), "{name}");
        }
        assert_eq!(behind_links(Path::new("no-such-file")).unwrap(), Path::new("no-such-file"));
        symlink("circle", path("circle")).unwrap();
        assert!(behind_links(&path("circle")).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_of_what_is_open_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        symlink("/dev/stdout", &link).unwrap();
        let names = ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/self/fd/1", "/dev/new", "/dev/../dev/stdout"];
        for name in names.map(Path::new).into_iter().chain([link.as_path()]) {
            assert!(behind_links(name).is_err(), "{}", name.display());
        }
        let usual = Path::new("/proc/self/cwd/file");
        assert_eq!(behind_links(usual).unwrap(), usual);
    }
}
