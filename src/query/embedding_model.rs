//! Whose embeddings are compared.

use crate::error::{Error, Result, suggest};
use crate::model::lexical::LexicalModel;
use crate::store::{Snapshot, VectorColumn};

/// The model that is `named`. Without a name it is the lexical one, or where that has no vectors, the one whose vectors came first; in a store
/// without vectors again the lexical one, as comparing nothing is no error to statements that run over any store.
///
/// # Errors
/// Those of [`vectors_of`], for a name.
pub(super) fn compared_model(snapshot: &Snapshot, named: Option<&str>, asked_by: &str) -> Result<String> {
    if let Some(model) = named {
        return Ok(vectors_of(snapshot, model, asked_by)?.model);
    }
    let models: Vec<String> = snapshot.vector_columns().into_iter().map(|column| column.model).collect();
    let usual = || LexicalModel::NAME.to_owned();
    match models.iter().any(|model| model == LexicalModel::NAME) {
        true => Ok(usual()),
        false => Ok(models.into_iter().next().unwrap_or_else(usual)),
    }
}

/// The vectors of a model.
///
/// # Errors
/// An [`Error::Argument`] of `asked_by`, a flag or a function, when there are none: whoever names a model expects some.
pub(super) fn vectors_of(snapshot: &Snapshot, model: &str, asked_by: &str) -> Result<VectorColumn> {
    let columns = snapshot.vector_columns();
    if let Some(found) = columns.iter().find(|column| column.model == model) {
        return Ok(found.clone());
    }
    let models: Vec<&str> = columns.iter().map(|column| column.model.as_str()).collect();
    let mut hints = suggest(model, models.iter().copied());
    hints.push(match models.is_empty() {
        true => format!("there are no vectors yet; make some with: mmevol embed --model '{model}'"),
        false => format!("there are vectors of {}; make others with: mmevol embed --model '{model}'", models.join(", ")),
    });
    Err(Error::Argument { name: asked_by.to_owned(), message: format!("no instruction has a vector of model '{model}'"), hints })
}
