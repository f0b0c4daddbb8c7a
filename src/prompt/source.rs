//! Where prompt files come from: the program itself, and a directory of the user's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::error::PromptError;
use crate::error::nearest;

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/prompts");

/// The folder of the files that prompts share.
const PARTS: &str = "parts/";

/// The text files that prompts are made from, by path inside the prompt folder, `/` between folder and file.
pub(super) struct Sources {
    files: BTreeMap<String, Source>,
}

/// One file.
pub(super) struct Source {
    /// The path as error messages show it.
    pub shown_path: String,
    /// With `\n` at the ends of lines and no byte order mark, so that a prompt's id does not depend on the editor.
    pub text: String,
    /// Where an addition of the user's own is; it must be used by some prompt.
    added: Option<PathBuf>,
}

impl Sources {
    pub(super) fn embedded() -> Self {
        let parts = EMBEDDED.get_dir("parts").into_iter().flat_map(Dir::files);
        let files = EMBEDDED.files().chain(parts).filter_map(|file| {
            let path = file.path().to_str()?.replace('\\', "/");
            let text = normalized(file.contents_utf8()?);
            Some((path.clone(), Source { shown_path: format!("prompts/{path}"), text, added: None }))
        });
        Sources { files: files.collect() }
    }

    pub(super) fn with_directory(directory: &Path) -> Result<Self, PromptError> {
        let mut sources = Sources::embedded();
        for (name, path) in files_below(directory)? {
            sources.add(name, path)?;
        }
        Ok(sources)
    }

    fn add(&mut self, name: String, path: PathBuf) -> Result<(), PromptError> {
        let bytes = fs::read(&path).map_err(|source| PromptError::Read { path: path.clone(), source })?;
        // A copy of the whole folder, schemas included, is a good start for prompts of one's own.
        if EMBEDDED.get_file(&name).is_some_and(|file| file.contents() == bytes) {
            return Ok(());
        }
        let known = self.files.contains_key(&name);
        let is_part = name.starts_with(PARTS) && name.ends_with(".md");
        if !known && !is_part {
            return Err(self.unknown_file(&name, path));
        }
        let text = String::from_utf8(bytes).map_err(|cause| PromptError::Read {
            path: path.clone(),
            source: std::io::Error::new(std::io::ErrorKind::InvalidData, cause.utf8_error()),
        })?;
        let source = Source { shown_path: path.display().to_string(), text: normalized(&text), added: (!known).then_some(path) };
        self.files.insert(name, source);
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Source> {
        self.files.get(name)
    }

    /// Every file, prompts and parts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.files.iter().map(|(name, source)| (name.as_str(), source))
    }

    /// The prompts with the name each must have: the file's without its ending.
    pub(super) fn prompts(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.iter().filter(|(name, _)| !name.contains('/')).filter_map(|(name, source)| Some((name.strip_suffix(".md")?, source)))
    }

    /// What is no prompt of its own, by path: the parts, and the schemas of the answers.
    pub(super) fn shared_files(&self) -> BTreeMap<String, String> {
        let parts = self.iter().filter(|(name, _)| name.contains('/')).map(|(name, source)| (name.to_owned(), source.text.clone()));
        let schemas = EMBEDDED.get_dir("schemas").into_iter().flat_map(Dir::files);
        let schemas = schemas.filter_map(|file| Some((file.path().to_str()?.replace('\\', "/"), normalized(file.contents_utf8()?))));
        parts.chain(schemas).collect()
    }

    /// The name in this set that is most like `name`.
    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.files.iter().filter(|(_, source)| source.added.is_none()).map(|(name, _)| name.as_str()))
    }

    /// The error for the first added part that is not among `used`.
    pub(super) fn check_all_used(&self, used: impl Fn(&str) -> bool) -> Result<(), PromptError> {
        match self.iter().find_map(|(name, source)| Some((name, source.added.as_ref()?)).filter(|(name, _)| !used(name))) {
            Some((name, path)) => Err(self.unknown_file(name, path.clone())),
            None => Ok(()),
        }
    }

    fn unknown_file(&self, name: &str, path: PathBuf) -> PromptError {
        PromptError::UnknownFile { nearest: self.nearest(name).map(str::to_owned), path }
    }
}

/// The files in a directory and in its folders, by path inside it, sorted; one level of folders, which is all that prompts have.
fn files_below(directory: &Path) -> Result<BTreeMap<String, PathBuf>, PromptError> {
    let mut files = BTreeMap::new();
    for (name, path) in entries(directory)? {
        if !path.is_dir() {
            files.insert(name, path);
            continue;
        }
        for (inner, path) in entries(&path)? {
            files.insert(format!("{name}/{inner}"), path);
        }
    }
    Ok(files)
}

fn entries(directory: &Path) -> Result<Vec<(String, PathBuf)>, PromptError> {
    let unreadable = |source| PromptError::Read { path: directory.to_owned(), source };
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            entries.push((name, entry.path()));
        }
    }
    Ok(entries)
}

fn normalized(text: &str) -> String {
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n")
}
