//! Expressions over what is below the calls, for the rules that move a node there through projections and aliases.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::logical_plan::{Projection, SubqueryAlias};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// What the columns of a projection or an alias are made of, over the columns of its input. Empty for another node.
pub(super) fn sources(plan: &LogicalPlan) -> HashMap<Column, Expr> {
    let made: Vec<Expr> = match plan {
        LogicalPlan::Projection(projection) => projection.expr.iter().map(|expression| expression.clone().unalias()).collect(),
        LogicalPlan::SubqueryAlias(alias) => alias.input.schema().columns().into_iter().map(Expr::Column).collect(),
        _ => Vec::new(),
    };
    plan.schema().columns().into_iter().zip(made).collect()
}

/// An expression over `sources` in place of the columns that are made of them. `None` when one of these is another value each time: it would
/// be evaluated here and there. What the expression itself has of that kind is evaluated once in either place.
pub(super) fn below(expression: &Expr, sources: &HashMap<Column, Expr>) -> Result<Option<Expr>> {
    if expression.column_refs().into_iter().filter_map(|column| sources.get(column)).any(Expr::is_volatile) {
        return Ok(None);
    }
    let source = |part: Expr| match &part {
        Expr::Column(column) => {
            Ok(sources.get(column).map_or_else(|| Transformed::no(part.clone()), |made| Transformed::yes(made.clone())))
        }
        _ => Ok(Transformed::no(part)),
    };
    // Up, so that what takes a column's place is not looked through again.
    Ok(Some(expression.clone().transform_up(source)?.data))
}

/// The projection over another input of the same columns, or more.
pub(super) fn projected(projection: &Projection, input: LogicalPlan) -> Result<LogicalPlan> {
    let moved = Projection::try_new_with_schema(projection.expr.clone(), Arc::new(input), Arc::clone(&projection.schema));
    moved.map(LogicalPlan::Projection)
}

/// The alias over another input.
pub(super) fn aliased(alias: &SubqueryAlias, input: LogicalPlan) -> Result<LogicalPlan> {
    SubqueryAlias::try_new(Arc::new(input), alias.alias.clone()).map(LogicalPlan::SubqueryAlias)
}
