//! The arguments of one call.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Schema};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::{ColumnarValue, Expr};
use datafusion::physical_expr::create_physical_expr;
use futures::future::Either;

use super::TableFunction;
use crate::error::{Error, Result, suggest};
use crate::functions::llm::ModelSession;
use crate::query::embedding_model::{compared_model, vectors_of};
use crate::store::{Snapshot, Table, VectorColumn};

/// A call of a function over a state of the store.
pub(super) struct Call<'a> {
    function: &'static TableFunction,
    arguments: &'a [Expr],
    pub(super) snapshot: &'a Snapshot,
    /// The models of the session, where it was given any.
    pub(super) models: Option<&'a Arc<ModelSession>>,
}

impl<'a> Call<'a> {
    /// # Errors
    /// When there are too many arguments, or too few.
    pub(super) fn new(
        function: &'static TableFunction,
        arguments: &'a [Expr],
        snapshot: &'a Snapshot,
        models: Option<&'a Arc<ModelSession>>,
    ) -> Result<Call<'a>> {
        let call = Call { function, arguments, snapshot, models };
        let most = function.parameters.len();
        match (most - function.optional..=most).contains(&arguments.len()) {
            true => Ok(call),
            false => Err(Error::sql(format!("{}: wrong number of arguments; write {}", function.name, function.syntax()))),
        }
    }

    /// A text, such as an id.
    pub(super) fn text(&self, index: usize) -> Result<&'a str> {
        match &self.arguments[index] {
            Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => {
                Ok(text)
            }
            other => Err(self.expected(index, "a text", other)),
        }
    }

    /// A text; `None` where it is left out.
    pub(super) fn optional_text(&self, index: usize) -> Result<Option<&'a str>> {
        self.arguments.get(index).map(|_| self.text(index)).transpose()
    }

    /// A number; `None` where it is left out.
    pub(super) fn number(&self, index: usize) -> Result<Option<f64>> {
        match self.arguments.get(index) {
            None => Ok(None),
            Some(Expr::Literal(ScalarValue::Float64(Some(number)), _)) => Ok(Some(*number)),
            Some(Expr::Literal(ScalarValue::Int64(Some(number)), _)) => Ok(Some(*number as f64)),
            Some(other) => Err(self.expected(index, "a number", other)),
        }
    }

    /// A table of the store, by its name.
    pub(super) fn table(&self, index: usize) -> Result<Table> {
        let name = self.text(index)?;
        Table::from_name(name).ok_or_else(|| Error::Sql {
            message: format!("{}: the store has no table '{name}'", self.function.name),
            position: None,
            hints: match suggest(name, Table::ALL.map(Table::name)) {
                none if none.is_empty() => vec![format!("its tables are {}", Table::ALL.map(Table::name).join(", "))],
                some => some,
            },
        })
    }

    /// The version that a table has in a state of the store, given by the state's name or as the version itself; `None` in a state in which the
    /// table had not been written.
    pub(super) fn version(&self, index: usize, table: Table) -> Result<Option<u64>> {
        let catalog = self.snapshot.catalog();
        let Expr::Literal(ScalarValue::Int64(Some(version)), _) = self.arguments[index] else {
            let name = self.text(index).map_err(|_| self.expected(index, "a tag or a version number", &self.arguments[index]))?;
            return Ok(catalog.state(name)?.tables.get(table.name()).copied());
        };
        let published = u64::try_from(version).ok().filter(|version| catalog.is_published(table, *version));
        published.map(Some).ok_or_else(|| Error::Sql {
            message: format!("{}: no state of the store has version {version} of table '{table}'", self.function.name),
            position: None,
            hints: vec![format!("list versions with: SELECT tag, version FROM versions('{table}')")],
        })
    }

    /// The vectors of an embedding model.
    ///
    /// # Errors
    /// When there are none of it.
    pub(super) fn vectors_of(&self, model: &str) -> Result<VectorColumn> {
        vectors_of(self.snapshot, model, self.function.name)
    }

    /// The model whose embeddings are compared where this one, or none, is named.
    ///
    /// # Errors
    /// When there are none of the named one.
    pub(super) fn compared_model(&self, named: Option<&str>) -> Result<String> {
        compared_model(self.snapshot, named, self.function.name)
    }

    /// A number of rows.
    pub(super) fn count(&self, index: usize) -> Result<usize> {
        let expected = || self.expected(index, "a whole number from 0", &self.arguments[index]);
        match self.constant(index)? {
            ScalarValue::Int64(Some(count)) => usize::try_from(count).map_err(|_| expected()),
            _ => Err(expected()),
        }
    }

    /// A text (left) or a vector (right), as any expression of constants.
    pub(super) fn text_or_vector(&self, index: usize) -> Result<Either<String, Vec<f32>>> {
        let expected = || self.expected(index, "a text or a list of numbers", &self.arguments[index]);
        let value = self.constant(index)?;
        if let Some(Some(text)) = value.try_as_str() {
            return Ok(Either::Left(text.to_owned()));
        }
        let array = value.to_array()?;
        let is_list = matches!(array.data_type(), DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..));
        if !is_list || array.is_null(0) {
            return Err(expected());
        }
        let list = cast(&array, &DataType::new_list(DataType::Float32, true)).map_err(|_| expected())?;
        let vector = list.as_list::<i32>().value(0).as_primitive::<Float32Type>().clone();
        match vector.null_count() {
            0 => Ok(Either::Right(vector.values().to_vec())),
            _ => Err(expected()),
        }
    }

    /// The value of an argument made of constants.
    fn constant(&self, index: usize) -> Result<ScalarValue> {
        let argument = &self.arguments[index];
        let expression = create_physical_expr(argument, &DFSchema::empty(), &ExecutionProps::new())
            .map_err(|_| self.expected(index, "a constant", argument))?;
        let nowhere =
            RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &RecordBatchOptions::new().with_row_count(Some(1)))?;
        match expression.evaluate(&nowhere)? {
            ColumnarValue::Scalar(value) => Ok(value),
            ColumnarValue::Array(values) => Ok(ScalarValue::try_from_array(&values, 0)?),
        }
    }

    fn expected(&self, index: usize, what: &str, got: &Expr) -> Error {
        let TableFunction { name, parameters, .. } = self.function;
        Error::sql(format!("{name}: argument {} ({}) must be {what}, not {got}", index + 1, parameters[index]))
    }
}

/// As it stands in the statement.
impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<String> = self.arguments.iter().map(|argument| argument.human_display().to_string()).collect();
        write!(f, "{}({})", self.function.name, arguments.join(", "))
    }
}
