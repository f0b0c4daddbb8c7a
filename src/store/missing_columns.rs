//! Columns that a table did not have yet when its version was written: NULL in every row.

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

/// The columns that are stored, then those that the table has had since, where a writer will add them.
pub(super) fn with_missing(table: Table, stored: Vec<Field>) -> SchemaRef {
    let schema = table.schema();
    let missing = schema.fields().iter().filter(|field| !stored.iter().any(|known| known.name() == field.name()));
    let missing: Vec<Field> = missing.map(|field| field.as_ref().clone()).collect();
    Arc::new(Schema::new([stored, missing].concat()))
}

/// A scan of a version that lacks some columns: they are added before filters see them.
pub(super) struct Completion<'a> {
    filter: Option<Expr>,
    /// The columns that are wanted or that the filter is about.
    needed: SchemaRef,
    wanted: &'a [usize],
    schema: &'a SchemaRef,
}

impl<'a> Completion<'a> {
    /// For the columns `wanted` of `schema`.
    pub(super) fn new(schema: &'a SchemaRef, wanted: &'a [usize], filters: &[Expr]) -> Result<Completion<'a>> {
        let filtered = filters.iter().flat_map(Expr::column_refs).filter_map(|column| schema.index_of(&column.name).ok());
        let mut needed: Vec<usize> = wanted.iter().copied().chain(filtered).collect();
        needed.sort_unstable();
        needed.dedup();
        let filter = filters.iter().cloned().reduce(Expr::and);
        Ok(Completion { filter, needed: Arc::new(schema.project(&needed)?), wanted, schema })
    }

    /// Which columns to read, without any filter, from a version that has those for which `is_stored` holds.
    pub(super) fn stored(&self, is_stored: impl Fn(&str) -> bool) -> Vec<&str> {
        self.needed.fields().iter().map(|field| field.name().as_str()).filter(|name| is_stored(name)).collect()
    }

    /// The wanted columns of the rows that pass the filter.
    pub(super) fn complete(&self, state: &dyn Session, rows: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let stored = rows.schema();
        let columns = self.needed.fields().iter().map(|field| {
            let expr: Arc<dyn PhysicalExpr> = match stored.index_of(field.name()) {
                Ok(index) => Arc::new(Column::new(field.name(), index)),
                Err(_) => Arc::new(Literal::new(ScalarValue::try_new_null(field.data_type())?)),
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
