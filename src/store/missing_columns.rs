//! Columns that a version of a table does not store: those that came later are NULL in every row, vectors are stored by model.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use super::schema::Table;
use super::vectors::{self, VECTOR};

/// The columns that are stored, then those that the table has had since, where a writer will add them.
pub(super) fn with_missing(table: Table, stored: Vec<Field>) -> SchemaRef {
    let schema = table.schema();
    let missing = schema.fields().iter().filter(|field| !stored.iter().any(|known| known.name() == field.name()));
    let missing: Vec<Field> = missing.map(|field| field.as_ref().clone()).collect();
    Arc::new(Schema::new([stored, missing].concat()))
}

/// A scan of a version that does not store some columns: they are made before the filters that are about them see them.
pub(super) struct Completion<'a> {
    /// About stored columns alone: for the scan.
    pub(super) pushed: Vec<Expr>,
    /// The stored columns to read.
    pub(super) read: Vec<String>,
    filter: Option<Expr>,
    /// The columns that are wanted or that the filter is about.
    needed: SchemaRef,
    wanted: &'a [usize],
    schema: &'a SchemaRef,
}

impl<'a> Completion<'a> {
    /// For the columns `wanted` of `schema`, of a version that stores `stored`.
    pub(super) fn new(schema: &'a SchemaRef, wanted: &'a [usize], filters: &[Expr], stored: &Schema) -> Result<Completion<'a>> {
        let is_stored = |filter: &&Expr| filter.column_refs().iter().all(|column| stored.index_of(&column.name).is_ok());
        let (pushed, others): (Vec<&Expr>, Vec<&Expr>) = filters.iter().partition(is_stored);
        let filtered = others.iter().flat_map(|filter| filter.column_refs()).filter_map(|column| schema.index_of(&column.name).ok());
        let mut needed: Vec<usize> = wanted.iter().copied().chain(filtered).collect();
        needed.sort_unstable();
        needed.dedup();
        let needed = Arc::new(schema.project(&needed)?);
        let pushed: Vec<Expr> = pushed.into_iter().cloned().collect();
        let mut read = Vec::new();
        for field in needed.fields() {
            match field.name().as_str() {
                name if stored.index_of(name).is_ok() => read.push(name.to_owned()),
                VECTOR => read.extend(vectors::needed(stored, &pushed).into_iter().map(str::to_owned)),
                _ => {}
            }
        }
        let filter = others.into_iter().cloned().reduce(Expr::and);
        Ok(Completion { pushed, read, filter, needed, wanted, schema })
    }

    /// How many rows the scan needs to give: all, where they are still filtered.
    pub(super) fn limit(&self, limit: Option<usize>) -> Option<usize> {
        limit.filter(|_| self.filter.is_none())
    }

    /// The wanted columns of the rows that pass the filter.
    pub(super) fn complete(&self, state: &dyn Session, rows: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let stored = rows.schema();
        let columns = self.needed.fields().iter().map(|field| {
            let made = if field.name() == VECTOR { vectors::expression(&stored)? } else { None };
            let expr: Arc<dyn PhysicalExpr> = match (stored.index_of(field.name()), made) {
                (Ok(index), _) => Arc::new(Column::new(field.name(), index)),
                (Err(_), Some(made)) => made,
                (Err(_), None) => Arc::new(Literal::new(ScalarValue::try_new_null(field.data_type())?)),
            };
            Ok(ProjectionExpr::new(expr, field.name().clone()))
        });
        let mut plan: Arc<dyn ExecutionPlan> = Arc::new(ProjectionExec::try_new(columns.collect::<Result<Vec<_>>>()?, rows)?);
        if let Some(filter) = &self.filter {
            let filter = state.create_physical_expr(filter.clone(), &DFSchema::try_from(Arc::clone(&self.needed))?)?;
            plan = Arc::new(FilterExec::try_new(filter, plan)?);
        }
        let columns = self.wanted.iter().map(|index| {
            let name = self.schema.field(*index).name();
            Ok(ProjectionExpr::new(Arc::new(Column::new_with_schema(name, &self.needed)?), name.clone()))
        });
        Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Result<Vec<_>>>()?, plan)?))
    }
}
