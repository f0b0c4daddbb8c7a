//! The views that statements created. The engine plans such a view once, over the tables as they are then: so they are planned again when the store
//! has another state, or they would go on giving its old rows.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::{ResolvedTableReference, Result, TableReference};
use datafusion::datasource::ViewTable;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;

use crate::error::Error;

/// A view as the statement has it that created it.
struct CreatedView {
    name: ResolvedTableReference,
    statement: String,
    /// The tables and views that it reads; none if the statement cannot be read any more.
    reads: Vec<ResolvedTableReference>,
}

/// Plans the views that statements created over the tables that the session has now, each in one step: others may be reading it. One that cannot be
/// planned any more, such as over a table that was dropped, is gone, and a warning says so. One that was made of an earlier view of its name stays
/// what it is, after a warning.
pub(super) async fn plan_again(context: &SessionContext) -> Result<()> {
    let mut due = created(context).await?;
    while !due.is_empty() {
        let names: HashSet<ResolvedTableReference> = due.iter().map(|view| view.name.clone()).collect();
        // One that reads another has to wait for it.
        let (waiting, ready): (Vec<_>, Vec<_>) = due.into_iter().partition(|view| view.reads.iter().any(|read| names.contains(read)));
        if ready.is_empty() {
            return waiting.into_iter().try_for_each(|view| keep_as_it_is(context, view.name));
        }
        for view in ready {
            if let Err(cause) = Box::pin(create_again(context, &view.statement)).await {
                tracing::warn!("view '{}' is gone, as it cannot be planned any more: {}", view.name.table, Error::from(cause));
                context.deregister_table(view.name)?;
            }
        }
        due = waiting;
    }
    Ok(())
}

async fn create_again(context: &SessionContext, statement: &str) -> Result<()> {
    let state = context.state();
    let mut plan = state.statement_to_plan(parsed(&state, statement)?).await?;
    if let LogicalPlan::Ddl(DdlStatement::CreateView(view)) = &mut plan {
        view.or_replace = true;
    }
    context.execute_logical_plan(plan).await?;
    Ok(())
}

/// Makes it a view without a statement, which is not planned again.
fn keep_as_it_is(context: &SessionContext, name: ResolvedTableReference) -> Result<()> {
    let table = context.deregister_table(name.clone())?;
    if let Some(view) = table.as_ref().and_then(|table| table.downcast_ref::<ViewTable>()) {
        let cause = "it, or a view that it reads, is made of an earlier view of its name";
        tracing::warn!("view '{}' does not see what is added to the store from now on: {cause}", name.table);
        context.register_table(name, Arc::new(ViewTable::new(view.logical_plan().clone(), None)))?;
    }
    Ok(())
}

async fn created(context: &SessionContext) -> Result<Vec<CreatedView>> {
    let state = context.state();
    let mut views = Vec::new();
    for catalog_name in context.catalog_names() {
        let Some(catalog) = context.catalog(&catalog_name) else { continue };
        for schema_name in catalog.schema_names() {
            let Some(schema) = catalog.schema(&schema_name) else { continue };
            for name in schema.table_names() {
                let table = schema.table(&name).await?;
                // Our own views, and those of a round, say no statement.
                let statement = table.as_ref().and_then(|table| table.downcast_ref::<ViewTable>()).and_then(ViewTable::definition).cloned();
                if let Some(statement) = statement {
                    let name = TableReference::full(catalog_name.as_str(), schema_name.as_str(), name.as_str());
                    let reads = read_by(&state, &statement).unwrap_or_default();
                    views.push(CreatedView { name: resolved(&state, name), statement, reads });
                }
            }
        }
    }
    Ok(views)
}

/// The tables and views that a statement reads.
fn read_by(state: &SessionState, statement: &str) -> Result<Vec<ResolvedTableReference>> {
    let references = state.resolve_table_references(&parsed(state, statement)?)?;
    Ok(references.into_iter().map(|reference| resolved(state, reference)).collect())
}

fn resolved(state: &SessionState, reference: TableReference) -> ResolvedTableReference {
    let catalog = &state.config_options().catalog;
    reference.resolve(&catalog.default_catalog, &catalog.default_schema)
}

fn parsed(state: &SessionState, statement: &str) -> Result<Statement> {
    state.sql_to_statement(statement, &state.config_options().sql_parser.dialect)
}
