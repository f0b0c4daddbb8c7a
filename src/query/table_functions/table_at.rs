//! `table_at(table, state)`: a table as it was.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::TableFunction;
use super::call::Call;
use crate::error::Result;
use crate::store::PastTable;

pub(super) static TABLE_AT: TableFunction = TableFunction {
    name: "table_at",
    parameters: &["table", "state"],
    optional: 0,
    summary: "The table as it was in a state of the store: 'before-run-7', 'after-run-7', 'run-7' (after it), 'now', or a version of the table \
              as versions() lists them. Columns that came later are NULL. Costs what the present table costs.",
    example: "SELECT round, count(*) AS items FROM table_at('instructions', 'run-2') GROUP BY round ORDER BY round",
    make: table_at,
};

fn table_at(call: &Call) -> Result<Arc<dyn TableProvider>> {
    let table = call.table(0)?;
    Ok(Arc::new(PastTable::new(table, call.version(1, table)?, call.snapshot)))
}
