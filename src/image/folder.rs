//! A folder of image files that paths from a seed file are looked up in, and never leave.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{ImageError, ImageProblem};

/// Folders remembered at once; datasets with a folder per image must not fill the memory.
const MAX_KNOWN_FOLDERS: usize = 1024;

/// What is longer is no path on Linux, nor on most systems.
const LONGEST_PATH_BYTES: usize = 4096;

/// Shorter paths tried for the hint about a missing file.
const MAX_SHORTER_PATHS: usize = 16;

/// Other endings tried for the hint about a missing file.
const OTHER_ENDINGS: &[&str] = &["jpg", "jpeg", "png", "webp", "gif", "bmp", "tiff", "JPG", "JPEG", "PNG"];

/// A folder of image files. Paths resolved in it lead to files inside it.
#[derive(Debug)]
pub struct ImageFolder {
    root: PathBuf,
    /// What paths may begin with in place of the folder itself.
    name: Option<&'static str>,
    /// Parent folders as written, with where they really are. Nearly all images of a dataset share a few.
    known_folders: Mutex<HashMap<PathBuf, PathBuf>>,
}

impl ImageFolder {
    /// # Errors
    /// The folder does not exist, is a file, or cannot be opened.
    pub fn open(folder: impl AsRef<Path>) -> Result<ImageFolder, ImageError> {
        let folder = folder.as_ref();
        let fail = |problem| ImageError::of_folder(folder.to_owned(), problem);
        let root = fs::canonicalize(folder).map_err(|error| fail(ImageProblem::Io { cause: error.to_string() }))?;
        if !root.is_dir() {
            return Err(fail(ImageProblem::NotAFolder));
        }
        Ok(ImageFolder { root, name: None, known_folders: Mutex::default() })
    }

    /// The same folder, in which `name/x.jpg` means `x.jpg` unless there is a folder of that name in it.
    pub fn named(self, name: &'static str) -> ImageFolder {
        let name = Some(name).filter(|name| !self.root.join(name).exists());
        ImageFolder { name, ..self }
    }

    /// The folder itself, as an absolute path without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file that a seed file's relative path means. The path is taken literally: no `%20`, no backslash is another way to write
    /// something. Links are followed as long as they stay in the folder.
    ///
    /// Costs one look at the file, and one at its parent folder the first time that is seen.
    ///
    /// # Errors
    /// The path is too long to be one, is absolute or leads outside of the folder, or there is no file at it. A missing file that is there under
    /// another ending, or in the folder under fewer leading folders, is named in the error's hint; it is never taken instead.
    pub fn resolve(&self, relative: &str) -> Result<PathBuf, ImageError> {
        self.find(relative).map_err(|problem| ImageError::from(problem).named(relative))
    }

    fn find(&self, relative: &str) -> Result<PathBuf, ImageProblem> {
        if relative.len() > LONGEST_PATH_BYTES {
            return Err(ImageProblem::NoPath { length: relative.chars().count() });
        }
        let path = Path::new(relative);
        let path = self.name.and_then(|name| path.strip_prefix(name).ok()).unwrap_or(path);
        if leaves(path) {
            return Err(self.outside());
        }
        let Some(name) = path.file_name() else { return Err(ImageProblem::IsFolder) };
        let parent = path.parent().unwrap_or(Path::new(""));
        let file = self.parent_folder(parent, path)?.join(name);

        let kind = fs::symlink_metadata(&file).map_err(|error| self.unopened(&error, path))?.file_type();
        if kind.is_file() {
            Ok(file)
        } else if kind.is_symlink() {
            self.follow(&file, path)
        } else if kind.is_dir() {
            Err(ImageProblem::IsFolder)
        } else {
            Err(ImageProblem::Io { cause: "it is not a regular file".to_owned() })
        }
    }

    /// Where `parent` really is, which must be in the root.
    fn parent_folder(&self, parent: &Path, path: &Path) -> Result<PathBuf, ImageProblem> {
        // The map is consistent even if a thread panicked while it held the lock.
        let mut known = self.known_folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = known.get(parent) {
            return Ok(folder.clone());
        }
        let folder = fs::canonicalize(self.root.join(parent)).map_err(|error| self.unopened(&error, path))?;
        if !folder.starts_with(&self.root) {
            return Err(self.outside());
        }
        if known.len() >= MAX_KNOWN_FOLDERS {
            known.clear();
        }
        known.insert(parent.to_owned(), folder.clone());
        Ok(folder)
    }

    fn follow(&self, link: &Path, path: &Path) -> Result<PathBuf, ImageProblem> {
        let target = fs::canonicalize(link).map_err(|error| self.unopened(&error, path))?;
        if !target.starts_with(&self.root) {
            Err(self.outside())
        } else if target.is_dir() {
            Err(ImageProblem::IsFolder)
        } else {
            Ok(target)
        }
    }

    fn outside(&self) -> ImageProblem {
        ImageProblem::Outside { folder: self.root.clone() }
    }

    fn unopened(&self, error: &std::io::Error, path: &Path) -> ImageProblem {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => {
                ImageProblem::Missing { folder: self.root.clone(), near_miss: self.near_miss(path) }
            }
            _ => ImageProblem::Io { cause: error.to_string() },
        }
    }

    /// Where the missing file may be instead. Only looks at a handful of paths: a listing of a large folder for each of many missing
    /// files would take hours.
    fn near_miss(&self, path: &Path) -> Option<String> {
        if let Some(other) = OTHER_ENDINGS.iter().map(|ending| path.with_extension(ending)).find(|other| self.has(other)) {
            return Some(format!("there is '{}'", other.display()));
        }
        let mut shorter = path.components();
        for _ in 0..MAX_SHORTER_PATHS {
            shorter.next()?;
            let found = shorter.as_path();
            if found.as_os_str().is_empty() {
                return None;
            }
            if self.has(found) {
                return Some(self.too_deep(path, found));
            }
        }
        None
    }

    /// `found`, the end of `path`, is in the folder: the leading folders of `path` are what does not fit.
    fn too_deep(&self, path: &Path, found: &Path) -> String {
        let kept = found.components().count();
        let leading: PathBuf = path.components().take(path.components().count() - kept).collect();
        let above = self.root.ends_with(&leading).then(|| self.root.ancestors().nth(leading.components().count())).flatten();
        match above {
            Some(above) => format!("the path already begins with '{}': pass --images '{}'", leading.display(), above.display()),
            None => format!("there is '{}': pass the folder that holds '{}' as --images", found.display(), leading.display()),
        }
    }

    fn has(&self, path: &Path) -> bool {
        self.root.join(path).is_file()
    }
}

/// Whether a path is absolute or climbs above where it starts, going by its text alone.
fn leaves(path: &Path) -> bool {
    let mut depth = 0_usize;
    for component in path.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return true,
        }
    }
    false
}
