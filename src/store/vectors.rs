//! Vectors: how table `embeddings` keeps them, and the search for those nearest to one.
//!
//! SQL sees one column `vector`, a list of any length. Only vectors of one length make an index, so the table has a column of fixed-size lists
//! for each model, added when its first vectors are, and NULL in the rows of other models. All vectors of a model have the same length.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, Float32Array, ListArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Float32Type, Schema, SchemaRef};
use datafusion::common::{Result as EngineResult, ScalarValue};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, Operator};
use datafusion::physical_expr::expressions::{CaseExpr, CastExpr, Column, IsNotNullExpr};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};

use super::columns::column;
use super::conform::conform;
use super::schema::Table;
use crate::error::{Error, Result};
use crate::ids::stable_id;

/// The column as SQL sees it.
pub(super) const VECTOR: &str = "vector";

/// Key of a stored column's metadata that holds the name of its model.
const MODEL: &str = "mmevol:model";

/// The vectors of one model: what they are called, how long they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorColumn {
    /// The model that made them, as in `embeddings.model`.
    pub model: String,
    /// Their length.
    pub dimensions: usize,
}

impl VectorColumn {
    /// The column that a stored field is, if it holds vectors.
    pub(super) fn of(field: &Field) -> Option<VectorColumn> {
        match field.data_type() {
            DataType::FixedSizeList(_, length) => {
                Some(VectorColumn { model: field.metadata().get(MODEL)?.clone(), dimensions: usize::try_from(*length).ok()? })
            }
            _ => None,
        }
    }

    /// Its name inside the table. It says which model it is of where that is a plain word, and always differs from those of others.
    pub(super) fn name(&self) -> String {
        let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' };
        let word: String = self.model.chars().map(plain).collect();
        match word == self.model {
            true => format!("vector_{word}"),
            false => format!("vector_{word}_{}", &stable_id([Some(self.model.as_str())])[..8]),
        }
    }

    /// As the table keeps it.
    pub(super) fn field(&self) -> Result<Field> {
        let length = self.length()?;
        let field = Field::new(self.name(), DataType::new_fixed_size_list(DataType::Float32, length, true), true);
        Ok(field.with_metadata(HashMap::from([(MODEL.to_owned(), self.model.clone())])))
    }

    /// The columns of a batch of table `embeddings` as the table keeps them.
    ///
    /// # Errors
    /// When a row is of another model, or its vector has another length or is none.
    pub(super) fn pack(&self, batch: &RecordBatch, packed: &SchemaRef) -> Result<RecordBatch> {
        let models = column(batch, "model")?.as_string::<i32>();
        if let Some(other) = models.iter().flatten().find(|model| *model != self.model) {
            let message = format!("'{other}' after '{}': one statement adds the vectors of one model", self.model);
            return Err(Error::argument("embeddings.model", message));
        }
        let vectors = column(batch, VECTOR)?.as_list::<i32>();
        let mut values = Vec::with_capacity(vectors.len() * self.dimensions);
        for row in 0..vectors.len() {
            values.extend_from_slice(self.checked(vectors, row)?.values());
        }
        let length = self.length()?;
        let item = Arc::new(Field::new_list_field(DataType::Float32, true));
        let vectors = FixedSizeListArray::try_new(item, length, Arc::new(Float32Array::from(values)), None::<NullBuffer>)?;
        let columns = packed.fields().iter().map(|field| match VectorColumn::of(field) {
            Some(_) => Ok(Arc::new(vectors.clone()) as ArrayRef),
            None => column(batch, field.name()).cloned(),
        });
        let columns = columns.collect::<Result<_>>()?;
        Ok(RecordBatch::try_new(Arc::clone(packed), columns)?)
    }

    fn length(&self) -> Result<i32> {
        match i32::try_from(self.dimensions) {
            Ok(0) => Err(self.unusable("it is NULL or empty")),
            Ok(length) => Ok(length),
            Err(_) => Err(self.unusable("it is too long")),
        }
    }

    fn checked(&self, vectors: &ListArray, row: usize) -> Result<Float32Array> {
        if vectors.is_null(row) {
            return Err(self.unusable("it is NULL"));
        }
        let vector = vectors.value(row).as_primitive::<Float32Type>().clone();
        if vector.null_count() > 0 {
            return Err(self.unusable("one of its numbers is NULL"));
        }
        if vector.len() != self.dimensions {
            return Err(self.other_length(vector.len()));
        }
        match defect(vector.values()) {
            Some(defect) => Err(self.unusable(defect)),
            None => Ok(vector),
        }
    }

    /// Checks a vector that is to be compared with these.
    ///
    /// # Errors
    /// When it has another length, is all zeros, or has a number that is not finite.
    pub fn check_query(&self, query: &[f32]) -> Result<()> {
        if query.len() != self.dimensions {
            return Err(self.other_length(query.len()));
        }
        match defect(query) {
            Some(defect) => Err(Error::argument("vector", format!("it cannot be compared: {defect}"))),
            None => Ok(()),
        }
    }

    /// The error of a vector whose length is not that of the model's others.
    pub(super) fn other_length(&self, length: usize) -> Error {
        let VectorColumn { model, dimensions } = self;
        Error::argument("vector", format!("it has {length} numbers, and the vectors of '{model}' have {dimensions}"))
    }

    fn unusable(&self, why: &str) -> Error {
        Error::argument("embeddings.vector", format!("a vector of '{}' cannot be stored: {why}", self.model))
    }
}

/// What makes a vector useless for distances, if anything: it is empty, not all of its numbers are finite, or all of them are 0.
pub(crate) fn defect(vector: &[f32]) -> Option<&'static str> {
    match vector {
        [] => Some("it is empty"),
        _ if vector.iter().any(|number| !number.is_finite()) => Some("one of its numbers is not finite"),
        _ if vector.iter().all(|number| *number == 0.0) => Some("all of its numbers are 0"),
        _ => None,
    }
}

/// The columns that hold vectors.
pub(super) fn stored(schema: &Schema) -> impl Iterator<Item = (&Field, VectorColumn)> {
    schema.fields().iter().filter_map(|field| Some((field.as_ref(), VectorColumn::of(field)?)))
}

/// The rows as the logical table has them, and which vectors they hold: what the first row says. `None` without any row.
pub(super) async fn begin(rows: SendableRecordBatchStream) -> Result<Option<(VectorColumn, SendableRecordBatchStream)>> {
    let table = Table::Embeddings;
    let schema = table.schema();
    let logical = Arc::clone(&schema);
    let mut rows = rows.map(move |batch| conform(&batch?, table, &logical)).boxed();
    while let Some(first) = rows.try_next().await? {
        if first.num_rows() == 0 {
            continue;
        }
        let model = column(&first, "model")?.as_string::<i32>().value(0).to_owned();
        let vectors = column(&first, VECTOR)?.as_list::<i32>();
        let dimensions = if vectors.is_null(0) { 0 } else { vectors.value(0).len() };
        let rows = futures::stream::once(async move { Ok(first) }).chain(rows);
        return Ok(Some((VectorColumn { model, dimensions }, Box::pin(RecordBatchStreamAdapter::new(schema, rows)))));
    }
    Ok(None)
}

/// Which of the stored columns hold the vectors of the rows for which the filters hold: that of one model, where they name it.
pub(super) fn needed<'a>(schema: &'a Schema, filters: &[Expr]) -> Vec<&'a str> {
    let model = filters.iter().find_map(|filter| match filter {
        Expr::BinaryExpr(comparison) if comparison.op == Operator::Eq => match (comparison.left.as_ref(), comparison.right.as_ref()) {
            (Expr::Column(column), Expr::Literal(ScalarValue::Utf8(Some(model)), _)) if column.name == "model" => Some(model),
            _ => None,
        },
        _ => None,
    });
    stored(schema).filter(|(_, column)| model.is_none_or(|model| column.model == *model)).map(|(field, _)| field.name().as_str()).collect()
}

/// `vector` from the stored columns that a scan read; `None` where it read none.
pub(super) fn expression(scanned: &SchemaRef) -> EngineResult<Option<Arc<dyn PhysicalExpr>>> {
    // Named, so that it is taken as it is: without the metadata of the column that is cast.
    let list = Arc::new(Field::new(VECTOR, DataType::new_list(DataType::Float32, true), true));
    let mut cases: Vec<(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)> = Vec::new();
    for (index, field) in scanned.fields().iter().enumerate() {
        if field.name().starts_with(VECTOR) && matches!(field.data_type(), DataType::FixedSizeList(..)) {
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), index));
            let vector = Arc::new(CastExpr::new_with_target_field(Arc::clone(&column), Arc::clone(&list), None));
            cases.push((Arc::new(IsNotNullExpr::new(column)), vector));
        }
    }
    match cases.len() {
        0 => Ok(None),
        1 => Ok(cases.pop().map(|(_, vector)| vector)),
        _ => Ok(Some(Arc::new(CaseExpr::try_new(None, cases, None)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_differ_where_models_do() {
        let name = |model: &str| VectorColumn { model: model.to_owned(), dimensions: 3 }.name();
        assert_eq!(name("lexical"), "vector_lexical");
        assert!(name("text-embedding-3-small").starts_with("vector_text_embedding_3_small_"));
        let names = ["a-b", "a_b", "a.b", "A_B", "a/b", "é"].map(name);
        let distinct: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')), "{names:?}");
    }

    #[test]
    fn useless_vectors_are_told() {
        assert_eq!(defect(&[0.0, -0.5]), None);
        for useless in [&[][..], &[0.0, -0.0], &[1.0, f32::NAN], &[f32::INFINITY]] {
            assert!(defect(useless).is_some(), "{useless:?}");
        }
    }
}
