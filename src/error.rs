//! The crate's one error: what went wrong, with what, why, and the way out.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::DataFusionError;

use crate::formats::FormatError;
use crate::image::ImageError;
use crate::model::ChatError;
use crate::prompt::PromptError;

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong. The message names the thing and the cause; [`Error::hints`] name the way out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no store at '{}'", path.display())]
    NoStore { path: PathBuf },

    #[error("'{}' is not an mmevol store: {reason}", path.display())]
    NotAStore { path: PathBuf, reason: String },

    #[error("the store '{}' has format version {found}; this mmevol reads up to version {supported}", path.display())]
    NewerStore { path: PathBuf, found: u32, supported: u32 },

    #[error("the store '{}' cannot be written: {cause}", path.display())]
    ReadOnlyStore { path: PathBuf, cause: std::io::Error },

    #[error("the store '{}' is in use by another writer{}", path.display(), holder.as_deref().map(|h| format!(" ({h})")).unwrap_or_default())]
    StoreInUse { path: PathBuf, holder: Option<String> },

    #[error("failed to {action} table '{table}': {cause}")]
    Table { action: &'static str, table: String, cause: Box<dyn StdError + Send + Sync> },

    #[error("failed to {action} '{}': {cause}", path.display())]
    Io { action: &'static str, path: PathBuf, cause: std::io::Error },

    /// One record of a seed file cannot be imported.
    #[error("record {number}{} of '{}': {message}", source_id.as_deref().map(|id| format!(" ('{id}')")).unwrap_or_default(), path.display())]
    Record { path: PathBuf, number: u64, source_id: Option<String>, message: String },

    #[error(transparent)]
    Format(#[from] FormatError),

    #[error(transparent)]
    Image(#[from] ImageError),

    #[error(transparent)]
    Prompt(#[from] PromptError),

    /// A model that cannot answer any request: wrong key, wrong name, endpoint down.
    #[error("model '{model}' at {endpoint}: {cause}")]
    Model { model: String, endpoint: String, cause: ChatError },

    /// A statement that does not parse, plan or run.
    #[error("{message}")]
    Sql { message: String, hints: Vec<String> },

    /// A value the user gave that cannot be used.
    #[error("{name}: {message}")]
    Argument { name: String, message: String, hints: Vec<String> },

    #[error("no {what} has the id '{id}'")]
    UnknownId { what: &'static str, id: String },

    /// A fault of mmevol itself, or of a library under it.
    #[error("{context}: {cause}")]
    Internal { context: String, cause: Box<dyn StdError + Send + Sync> },
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

    /// A failed operation on a file or folder.
    pub fn io(action: &'static str, path: impl Into<PathBuf>, cause: std::io::Error) -> Self {
        Error::Io { action, path: path.into(), cause }
    }

    /// A failure that no user caused.
    pub fn internal(context: impl Into<String>, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Error::Internal { context: context.into(), cause: cause.into() }
    }

    /// Who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Table { .. } | Error::Internal { .. } => ErrorKind::Failure,
            Error::Io { cause, .. } => match cause.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::AlreadyExists => ErrorKind::User,
                _ => ErrorKind::Failure,
            },
            _ => ErrorKind::User,
        }
    }

    /// What the user can do, one sentence each; empty when the message says it all.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Error::NoStore { .. } => vec!["create one with 'mmevol import PATH', or name another with --store DIR or MMEVOL_STORE".into()],
            Error::NotAStore { .. } => vec!["name a store's own directory, or one that does not exist yet, with --store".into()],
            Error::NewerStore { .. } => vec!["install a newer mmevol".into()],
            Error::ReadOnlyStore { .. } => {
                vec!["check the directory's owner and permissions, or copy the store to a place that can be written".into()]
            }
            Error::StoreInUse { .. } => vec!["wait for the other command to finish; readers such as 'mmevol sql' work meanwhile".into()],
            Error::Record { .. } => vec!["correct the record, or go on without such records: --on-bad-record skip".into()],
            Error::UnknownId { .. } => vec!["list ids with: mmevol sql \"SELECT sample_id, source_id FROM samples LIMIT 10\"".into()],
            Error::Sql { hints, .. } | Error::Argument { hints, .. } => hints.clone(),
            _ => Vec::new(),
        }
    }
}

/// An [`Error`] on its way through a foreign library, which may copy and wrap it.
#[derive(Clone)]
pub struct Passenger(Arc<std::sync::Mutex<Option<Error>>>, Arc<str>);

impl fmt::Debug for Passenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.1)
    }
}

impl fmt::Display for Passenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.1)
    }
}

impl StdError for Passenger {}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        let message: Arc<str> = error.to_string().into();
        DataFusionError::External(Box::new(Passenger(Arc::new(std::sync::Mutex::new(Some(error))), message)))
    }
}

/// Finds an [`Error`] of ours under any number of foreign wrappings and takes it out.
///
/// It can be taken once; a second look at the same chain finds nothing.
pub fn unwrap_passenger(error: &(dyn StdError + 'static)) -> Option<Error> {
    let mut link = Some(error);
    while let Some(current) = link {
        if let Some(passenger) = current.downcast_ref::<Passenger>() {
            return passenger.0.lock().ok()?.take();
        }
        // These two hide their cause from `source()` or box it more than once.
        link = match current.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Context(_, inner)) | Some(DataFusionError::Diagnostic(_, inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Collection(errors)) => errors.first().map(|first| first as &(dyn StdError + 'static)),
            Some(DataFusionError::ArrowError(inner, _)) => Some(inner.as_ref()),
            _ => match current.downcast_ref::<arrow::error::ArrowError>() {
                Some(arrow::error::ArrowError::ExternalError(inner)) => Some(inner.as_ref()),
                _ => current.source(),
            },
        };
    }
    None
}

impl From<DataFusionError> for Error {
    /// Gives back our own error where there is one underneath. The engine's own is the statement's fault or the engine's.
    fn from(error: DataFusionError) -> Self {
        if let Some(ours) = unwrap_passenger(&error) {
            return ours;
        }
        match error.find_root() {
            DataFusionError::Plan(_) | DataFusionError::SQL(..) | DataFusionError::SchemaError(..) | DataFusionError::Execution(_) => {
                Error::Sql { message: error.strip_backtrace(), hints: Vec::new() }
            }
            _ => Error::internal("the query engine failed", error.strip_backtrace()),
        }
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        DataFusionError::from(error).into()
    }
}

impl From<serde_arrow::Error> for Error {
    fn from(error: serde_arrow::Error) -> Self {
        Error::internal("failed to convert between rows and columns", error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_crosses_the_engine_and_comes_back() {
        let there = DataFusionError::from(Error::NoStore { path: "a".into() });
        let wrapped = DataFusionError::Context("while planning".into(), Box::new(DataFusionError::Shared(Arc::new(there))));
        let external = arrow::error::ArrowError::ExternalError(Box::new(wrapped));
        assert!(matches!(Error::from(external), Error::NoStore { .. }));
    }
}
