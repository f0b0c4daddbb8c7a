//! The views that statements created. The engine plans such a view once, over the tables as they are then: so they are planned again when the store
//! has another state, or they would go on giving its old rows.

use datafusion::common::{Result, TableReference};
use datafusion::datasource::ViewTable;
use datafusion::prelude::SessionContext;

use super::named_arguments;
use crate::error::Error;

/// A view as the statement has it that created it.
struct CreatedView {
    name: TableReference,
    statement: String,
}

/// Plans the views that statements created over the tables that the session has now. One that cannot be planned any more, such as over a table that
/// was dropped, is gone, and a warning says so.
pub(super) async fn plan_again(context: &SessionContext) -> Result<()> {
    let mut due = created(context).await?;
    for view in &due {
        context.deregister_table(view.name.clone())?;
    }
    while !due.is_empty() {
        let before = due.len();
        let mut failed = Vec::new();
        for view in due {
            if let Err(cause) = Box::pin(named_arguments::plan(context, &view.statement)).await {
                failed.push((view, cause));
            }
        }
        if failed.len() == before {
            for (view, cause) in failed {
                tracing::warn!("view '{}' is gone, as it cannot be planned any more: {}", view.name.table(), Error::from(cause));
            }
            return Ok(());
        }
        // One that reads another has to wait for it.
        due = failed.into_iter().map(|(view, _)| view).collect();
    }
    Ok(())
}

async fn created(context: &SessionContext) -> Result<Vec<CreatedView>> {
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
                    views.push(CreatedView { name, statement });
                }
            }
        }
    }
    Ok(views)
}
