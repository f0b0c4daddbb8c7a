//! The crate's one error: what went wrong, with what, why, and the way out.

mod near_miss;
mod passage;

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::formats::FormatError;
use crate::image::ImageError;
use crate::model::ChatError;
use crate::prompt::PromptError;
pub(crate) use near_miss::{LEAST_LIKENESS, likeness, nearest, suggest};
use passage::speaks_of_full_disk;
pub(crate) use passage::{chain, is_of_full_disk, unwrap_passenger, without_places};

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong. The message names the thing and the cause; [`Error::hints`] name the way out.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant says what its fields are")]
pub enum Error {
    /// A command that reads was pointed at nothing.
    #[error("there is no store at '{}'", path.display())]
    NoStore { path: PathBuf },

    /// A directory of something else, or a file.
    #[error("'{}' is not an mmevol store: {reason}", path.display())]
    NotAStore { path: PathBuf, reason: String },

    /// The tables of a store are there, but not the file that says which of their versions count.
    #[error("the store '{}' is damaged: {reason}", path.display())]
    LostCatalog { path: PathBuf, reason: String },

    /// Written by a later mmevol.
    #[error("the store '{}' has format version {found}; this mmevol reads up to version {supported}", path.display())]
    NewerStore { path: PathBuf, found: u32, supported: u32 },

    /// The system refuses to write there.
    #[error("the store '{}' cannot be written: {cause}", path.display())]
    ReadOnlyStore { path: PathBuf, cause: std::io::Error },

    /// One writer at a time; the holder is named where the lock says who it is.
    #[error("the store '{}' is in use by another writer{}", path.display(), holder.as_deref().map(|h| format!(" ({h})")).unwrap_or_default())]
    StoreInUse { path: PathBuf, holder: Option<String> },

    /// Lance failed on one of the tables.
    #[error("failed to {action} table '{table}': {cause}")]
    Table { action: &'static str, table: String, cause: Box<dyn StdError + Send + Sync> },

    /// A file of a table is gone or damaged, told by the engine, which does not name the table.
    #[error("failed to read a table of the store: {reason}")]
    Unreadable { reason: String },

    /// The system refused an operation on a file or folder.
    #[error("failed to {action} '{}': {cause}", path.display())]
    Io { action: &'static str, path: PathBuf, cause: std::io::Error },

    /// One record of a seed file cannot be imported.
    #[error("record {number}{} of '{}': {message}", source_id.as_deref().map(|id| format!(" ('{id}')")).unwrap_or_default(), path.display())]
    Record { path: PathBuf, number: u64, source_id: Option<String>, message: String, hint: Option<String> },

    /// A file that cannot be read or written in its format.
    #[error(transparent)]
    Format(#[from] FormatError),

    /// An image, or a folder of images, that cannot be used.
    #[error(transparent)]
    Image(#[from] ImageError),

    /// A prompt that cannot be loaded or rendered.
    #[error(transparent)]
    Prompt(#[from] PromptError),

    /// A model that cannot answer any request: wrong key, wrong name, endpoint down.
    #[error("model '{model}' at {endpoint}: {cause}")]
    Model { model: String, endpoint: String, cause: ChatError },

    /// A model that answered, and answers no more.
    #[error("stopped in round {round}, where the endpoint answers no more: {cause}")]
    EndpointLost { round: u32, cause: String },

    /// Statements from standard input or a terminal that ended at an error; the message has its place.
    #[error("{message}")]
    Shell { message: String, hints: Vec<String>, kind: ErrorKind },

    /// Something that must always hold of a store does not.
    #[error("{broken} of {checks} checks found something broken")]
    BrokenStore { broken: usize, checks: usize },

    /// A statement that does not parse, plan or run; the position is the one in the statement, where it is known.
    #[error("{message}{}", position.map(|position| format!(" ({position})")).unwrap_or_default())]
    Sql { message: String, position: Option<Position>, hints: Vec<String> },

    /// A value the user gave that cannot be used.
    #[error("{name}: {message}")]
    Argument { name: String, message: String, hints: Vec<String> },

    /// A signal stopped the command; what it had done by then stays done.
    #[error("stopped by {by}")]
    Interrupted { by: &'static str, exit_code: u8 },

    /// An id that names nothing, in full or abbreviated.
    #[error("no {what} has the id '{id}'")]
    UnknownId { what: &'static str, id: String },

    /// A fault of mmevol itself, or of a library under it.
    #[error("{context}: {cause}")]
    Internal { context: String, cause: Box<dyn StdError + Send + Sync> },
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: u64,
    /// From 1, in characters.
    pub column: u64,
}

impl Position {
    /// The place of the byte `offset` of `text`.
    pub fn of(offset: usize, text: &str) -> Position {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or(before);
        Position { line: before.matches('\n').count() as u64 + 1, column: line.chars().count() as u64 + 1 }
    }

    /// The same place, seen from a text in which the text it belongs to begins at `start`.
    pub fn within(self, start: Position) -> Position {
        match self.line {
            1 => Position { line: start.line, column: start.column + self.column - 1 },
            line => Position { line: start.line + line - 1, column: self.column },
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Who can do something about an error; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The user can fix it: a wrong path, name, key, query or record. Exit code 1.
    User,
    /// The machine, a library or mmevol failed. Exit code 2.
    Failure,
}

impl Error {
    /// An unusable value for a flag or an option.
    pub fn argument(name: impl Into<String>, message: impl Into<String>) -> Self {
        Error::Argument { name: name.into(), message: message.into(), hints: Vec::new() }
    }

    /// A statement that fails, at no place in particular.
    pub fn sql(message: impl Into<String>) -> Self {
        Error::Sql { message: message.into(), position: None, hints: Vec::new() }
    }

    /// A failed operation on a file or folder.
    pub fn io(action: &'static str, path: impl Into<PathBuf>, cause: std::io::Error) -> Self {
        Error::Io { action, path: path.into(), cause }
    }

    /// A failure that no user caused.
    pub fn internal(context: impl Into<String>, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Error::Internal { context: context.into(), cause: cause.into() }
    }

    /// A task whose result nobody will get: it panicked, or the runtime is shutting down. `work` is what it does: "reads images".
    pub(crate) fn task_ended(work: &str, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Error::internal(format!("the task that {work} ended early"), cause)
    }

    /// Who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        use std::io::ErrorKind::{AlreadyExists, InvalidData, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied};

        match self {
            Error::Table { .. } | Error::Unreadable { .. } | Error::Internal { .. } => ErrorKind::Failure,
            Error::Shell { kind, .. } => *kind,
            Error::Io { path, cause, .. } => match cause.kind() {
                InvalidData if is_journal(path) => ErrorKind::Failure,
                NotFound | PermissionDenied | AlreadyExists | IsADirectory | NotADirectory | InvalidData | InvalidInput => ErrorKind::User,
                _ => ErrorKind::Failure,
            },
            _ => ErrorKind::User,
        }
    }

    /// What the user can do, one sentence each; empty when the message says it all.
    pub fn hints(&self) -> Vec<String> {
        use std::io::ErrorKind::{InvalidData, IsADirectory, NotADirectory, Other};

        if speaks_of_full_disk(self) {
            return vec!["free space on that disk, and run the same command again: answers that came are kept".into()];
        }
        match self {
            Error::NoStore { .. } => vec!["create one with 'mmevol import PATH', or name another with --store DIR or MMEVOL_STORE".into()],
            Error::NotAStore { .. } => vec!["name a store's own directory, or one that does not exist yet, with --store".into()],
            Error::LostCatalog { .. } => vec!["its tables are still there: bring catalog.json back from a copy of the store".into()],
            Error::NewerStore { .. } => vec!["install a newer mmevol".into()],
            Error::ReadOnlyStore { .. } => {
                vec!["check the directory's owner and permissions, or copy the store to a place that can be written".into()]
            }
            Error::StoreInUse { .. } => {
                vec!["wait for the other command to finish; what only reads works meanwhile, such as 'mmevol sql' without --model".into()]
            }
            Error::Unreadable { .. } | Error::Table { action: "open" | "open an earlier version of" | "list versions of" | "read", .. } => {
                vec!["find out what is damaged with 'mmevol check', and bring it back from a copy of the store".into()]
            }
            Error::Table { action: "restore", .. } => {
                vec!["bring it back from a copy of the store, or restore another state: 'mmevol check' says what is damaged".into()]
            }
            Error::Record { hint: Some(hint), .. } => vec![hint.clone(), "or go on without such records: --on-bad-record skip".into()],
            Error::Record { hint: None, .. } => vec!["correct the record, or go on without such records: --on-bad-record skip".into()],
            Error::Interrupted { .. } => vec!["go on with the same command: what was answered is not asked again".into()],
            Error::EndpointLost { .. } => {
                vec!["when it answers again, go on with the same command: what came back is kept, and is not asked again".into()]
            }
            Error::UnknownId { .. } => vec!["list ids with: mmevol sql \"SELECT sample_id, source_id FROM samples LIMIT 10\"".into()],
            Error::Io { path, cause, .. } if is_journal(path) && matches!(cause.kind(), Other | InvalidData) => {
                vec!["the file is damaged: bring it back from a copy of the store, or move it away; only answers that were not published are lost"
                    .into()]
            }
            Error::Io { action: "read", cause, .. } if cause.kind() == InvalidData => {
                vec!["convert it to UTF-8, for example with iconv".into()]
            }
            Error::Io { cause, .. } if cause.kind() == IsADirectory => vec!["it is a directory: name a file in it".into()],
            Error::Io { cause, .. } if cause.kind() == NotADirectory => vec!["check the path: a folder that it names is a file".into()],
            Error::Sql { hints, .. } | Error::Argument { hints, .. } | Error::Shell { hints, .. } => hints.clone(),
            _ => Vec::new(),
        }
    }
}

/// Whether it is the file of the answers that are not published yet, whose content is no user's.
fn is_journal(path: &Path) -> bool {
    path.ends_with("journal.redb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_the_user_can_mend_is_told_from_one_that_nobody_wrote() {
        let error = |path: &str, kind: std::io::ErrorKind| Error::io("read", path, kind.into());
        for kind in [std::io::ErrorKind::IsADirectory, std::io::ErrorKind::NotADirectory, std::io::ErrorKind::InvalidData] {
            let error = error("queries.sql", kind);
            assert_eq!((error.kind(), error.hints().len()), (ErrorKind::User, 1), "{error}");
        }
        let damaged = error("store/journal.redb", std::io::ErrorKind::InvalidData);
        assert_eq!(damaged.kind(), ErrorKind::Failure);
        assert!(damaged.hints()[0].contains("move it away"));
        assert_eq!(error("queries.sql", std::io::ErrorKind::StorageFull).kind(), ErrorKind::Failure);
    }

    #[test]
    fn a_position_in_a_statement_is_one_in_its_file() {
        let file = "-- é\nSELECT 1; SELECT 2,\n  x";
        let statement = Position::of(file.find("SELECT 2").unwrap(), file);
        assert_eq!(statement, Position { line: 2, column: 11 });
        assert_eq!(Position { line: 1, column: 8 }.within(statement), Position { line: 2, column: 18 });
        assert_eq!(Position { line: 2, column: 3 }.within(statement), Position::of(file.len() - 1, file));
    }
}
