//! `diff(table, a, b)`: the rows that differ between two states.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, Result as EngineResult};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, col, is_null, lit, when};

use super::TableFunction;
use super::call::Call;
use super::row_digest::row_digest;
use crate::error::Result;
use crate::store::{PastTable, Table};

pub(super) static DIFF: TableFunction = TableFunction {
    name: "diff",
    parameters: &["table", "a", "b"],
    optional: 0,
    summary: "The rows that differ between two states of the store, given as in table_at: change ('added', 'removed' or 'changed') and the \
              row's columns, of b unless it was removed. Image bytes are left out. Files that both states share are not read; of the others, \
              memory holds keys and digests of one state, or the rows of the other where these are fewer.",
    example: "SELECT change, round, count(*) AS items FROM diff('instructions', 'run-1', 'now') GROUP BY change, round",
    make: diff,
};

fn diff(call: &Call) -> Result<Arc<dyn TableProvider>> {
    let table = call.table(0)?;
    let (a, b) = (call.version(1, table)?, call.version(2, table)?);
    let before = PastTable::new(table, a, call.snapshot).unlike(b);
    let after = PastTable::new(table, b, call.snapshot).unlike(a);
    let plan = plan(table, Arc::new(before), Arc::new(after))?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// Name of the column with a row's digest, which no table has.
const DIGEST: &str = "row_digest()";

/// Joins the rows of one side with keys and digests of the other, so that the texts of both need not be kept in memory.
fn plan(table: Table, before: Arc<dyn TableProvider>, after: Arc<dyn TableProvider>) -> EngineResult<LogicalPlan> {
    let schema = before.schema();
    let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).filter(|name| *name != "bytes").collect();
    let key = table.key();
    let digest = || row_digest().call(columns.iter().map(|name| col(*name)).collect()).alias(DIGEST);
    let rows = |side: &Arc<dyn TableProvider>, name: &str, kept: &[&str]| {
        let kept = kept.iter().map(|column| col(*column)).chain([digest()]);
        LogicalPlanBuilder::scan(table.name(), provider_as_source(Arc::clone(side)), None)?.project(kept)?.alias(name)
    };
    let of = |side: &str, column: &str| Expr::Column(Column::new(Some(side), column));
    let with_change = |change: Expr, side: &str| {
        let row = columns.iter().map(|name| of(side, name).alias(*name));
        std::iter::once(change.alias("change")).chain(row).collect::<Vec<_>>()
    };
    let on = |side: &str| key.iter().map(|column| Column::new(Some(side), *column)).collect::<Vec<_>>();

    let change = when(is_null(of("before", key[0])), lit("added")).otherwise(lit("changed"))?;
    let added_or_changed = rows(&before, "before", key)?
        .join(rows(&after, "after", &columns)?.build()?, JoinType::Right, (on("before"), on("after")), None)?
        .filter(binary_expr(of("before", DIGEST), Operator::IsDistinctFrom, of("after", DIGEST)))?
        .project(with_change(change, "after"))?;
    let removed = rows(&after, "after", key)?
        .join(rows(&before, "before", &columns)?.build()?, JoinType::RightAnti, (on("after"), on("before")), None)?
        .project(with_change(lit("removed"), "before"))?;
    added_or_changed.union(removed.build()?)?.build()
}
