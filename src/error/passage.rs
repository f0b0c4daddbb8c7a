//! Errors on their way through the engine: ours come back as they were, and its own become ours.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use datafusion::error::DataFusionError;

use super::Error;

/// An [`Error`] on its way through a foreign library, which may copy and wrap it.
#[derive(Clone)]
struct Passenger(Arc<std::sync::Mutex<Option<Error>>>, Arc<str>);

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
pub(crate) fn unwrap_passenger(error: &(dyn StdError + 'static)) -> Option<Error> {
    let passenger = chain(error).find_map(|link| link.downcast_ref::<Passenger>())?;
    passenger.0.lock().ok()?.take()
}

/// An error and what is under it, layer by layer, down to the first cause.
pub(crate) fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&current| {
        // These two hide their cause from `source()` or box it more than once.
        match current.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Context(_, inner)) | Some(DataFusionError::Diagnostic(_, inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Collection(errors)) => errors.first().map(|first| first as &(dyn StdError + 'static)),
            Some(DataFusionError::ArrowError(inner, _)) => Some(inner.as_ref()),
            _ => match current.downcast_ref::<arrow::error::ArrowError>() {
                Some(arrow::error::ArrowError::ExternalError(inner)) => Some(inner.as_ref()),
                _ => current.source(),
            },
        }
    })
}

/// What the system says of a disk on which nothing more can be written.
const FULL_DISK: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// Whether an error says that nothing more can be written on a disk, be it in words alone: libraries pass this cause on as a text.
pub(super) fn speaks_of_full_disk(error: &(dyn StdError + 'static)) -> bool {
    let speaks_of_it = |message: &str| FULL_DISK.iter().any(|text| message.contains(text));
    chain(error).any(|link| speaks_of_it(&link.to_string()))
}

/// Whether a disk on which nothing more can be written is at the bottom of an error.
pub(crate) fn is_of_full_disk(error: &(dyn StdError + 'static)) -> bool {
    use std::io::{Error, ErrorKind};

    let mut system = chain(error).filter_map(|link| link.downcast_ref::<Error>());
    system.any(|cause| matches!(cause.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}

/// A message without the places in their own sources that some libraries end it with, each a part such as `/home/x/src/file.rs:12:34`.
pub(crate) fn without_places(message: &str) -> String {
    let parts: Vec<&str> = message.split(", ").filter(|part| !is_place(part)).collect();
    parts.join(", ")
}

fn is_place(part: &str) -> bool {
    let mut ends = part.strip_prefix("location: ").unwrap_or(part).rsplitn(3, ':');
    let is_number = |end: Option<&str>| end.is_some_and(|end| !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit()));
    is_number(ends.next()) && is_number(ends.next()) && ends.next().is_some_and(|path| path.ends_with(".rs"))
}

impl From<DataFusionError> for Error {
    /// Gives back our own error where there is one underneath. The engine's own is the statement's fault or the engine's.
    fn from(error: DataFusionError) -> Self {
        if let Some(ours) = unwrap_passenger(&error) {
            return ours;
        }
        let message = without_places(&error.strip_backtrace());
        if is_of_full_disk(&error) {
            let folder = std::env::temp_dir();
            let context = format!("the query engine failed to write, perhaps to the temporary folder '{}'", folder.display());
            return Error::internal(context, message);
        }
        match error.find_root() {
            DataFusionError::Plan(_) | DataFusionError::SQL(..) | DataFusionError::SchemaError(..) | DataFusionError::Execution(_) => {
                Error::sql(message)
            }
            _ => Error::internal("the query engine failed", message),
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
    use crate::error::ErrorKind;

    #[test]
    fn an_error_crosses_the_engine_and_comes_back() {
        let there = DataFusionError::from(Error::NoStore { path: "a".into() });
        let wrapped = DataFusionError::Context("while planning".into(), Box::new(DataFusionError::Shared(Arc::new(there))));
        let external = arrow::error::ArrowError::ExternalError(Box::new(wrapped));
        assert!(matches!(Error::from(external), Error::NoStore { .. }));
    }

    #[test]
    fn messages_lose_the_places_of_libraries_and_nothing_else() {
        let inner = "Not found: a/1.manifest, /root/.cargo/registry/src/x/lance-io-14.0.2/src/local.rs:273:40";
        let message = format!("Dataset at path a was not found: {inner}, /rustc/59807616/library/core/src/ops/function.rs:250:5");
        assert_eq!(without_places(&message), "Dataset at path a was not found: Not found: a/1.manifest");
        for kept in ["", "a, b, 1:2", "in a.rs, line 3", "SELECT x, y (line 1, column 8)"] {
            assert_eq!(without_places(kept), kept);
        }
    }

    #[test]
    fn a_full_disk_is_told_from_under_the_engine() {
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let arrow = arrow::error::ArrowError::IoError("written".into(), full());
        let wrapped = DataFusionError::Context("while spilling".into(), Box::new(DataFusionError::from(arrow)));
        assert!(is_of_full_disk(&wrapped));
        assert_eq!(Error::from(wrapped).kind(), ErrorKind::Failure);
        let system = std::io::Error::from_raw_os_error(28);
        assert!(Error::io("write", "a", system).hints().iter().any(|hint| hint.starts_with("free space")));
    }
}
