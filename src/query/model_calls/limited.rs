//! The rule that takes the first rows before it asks about them: `SELECT llm_complete(...) FROM t ORDER BY id LIMIT 10` asks ten times.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::logical_plan::{Limit, Projection, Sort, SubqueryAlias};
use datafusion::logical_expr::{Expr, LogicalPlan, SortExpr, UserDefinedLogicalNodeCore};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::node::ModelCalls;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct LimitBeforeAsking;

impl OptimizerRule for LimitBeforeAsking {
    fn name(&self) -> &str {
        "limit_before_asking_models"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let moved = match &plan {
            LogicalPlan::Sort(sort) if sort.fetch.is_some() => sort_below(sort)?,
            // The engine would take the rows that it skips through the calls as well.
            LogicalPlan::Limit(limit) if limit.skip.is_some() => limit_below(limit)?,
            _ => None,
        };
        Ok(moved.map_or_else(|| Transformed::no(plan), Transformed::yes))
    }
}

/// The plan with the sort below the calls, which keep its order; `None` when it needs their answers, or stands elsewhere.
fn sort_below(sort: &Sort) -> Result<Option<LogicalPlan>> {
    match sort.input.as_ref() {
        LogicalPlan::Extension(extension) => {
            let Some(node) = extension.node.as_any().downcast_ref::<ModelCalls>() else { return Ok(None) };
            let answers = node.prevent_predicate_push_down_columns();
            if sort.expr.iter().flat_map(|by| by.expr.column_refs()).any(|column| answers.contains(&column.name)) {
                return Ok(None);
            }
            let sorted = LogicalPlan::Sort(Sort { input: Arc::new(node.input.clone()), ..sort.clone() });
            ModelCalls::plan(sorted, node.calls.clone()).map(Some)
        }
        LogicalPlan::Projection(projection) => {
            let Some(by) = keys_below(sort)? else { return Ok(None) };
            let input = sort_below(&Sort { expr: by, input: Arc::clone(&projection.input), fetch: sort.fetch })?;
            input.map(|input| projected(projection, input)).transpose()
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let Some(by) = keys_below(sort)? else { return Ok(None) };
            let input = sort_below(&Sort { expr: by, input: Arc::clone(&alias.input), fetch: sort.fetch })?;
            input.map(|input| aliased(alias, input)).transpose()
        }
        _ => Ok(None),
    }
}

/// The plan with the limit below the calls, which keep the order of rows; `None` when it stands elsewhere.
fn limit_below(limit: &Limit) -> Result<Option<LogicalPlan>> {
    let over = |input: &Arc<LogicalPlan>| Limit { input: Arc::clone(input), ..limit.clone() };
    match limit.input.as_ref() {
        LogicalPlan::Extension(extension) => {
            let Some(node) = extension.node.as_any().downcast_ref::<ModelCalls>() else { return Ok(None) };
            let limited = LogicalPlan::Limit(over(&Arc::new(node.input.clone())));
            ModelCalls::plan(limited, node.calls.clone()).map(Some)
        }
        LogicalPlan::Projection(projection) => limit_below(&over(&projection.input))?.map(|input| projected(projection, input)).transpose(),
        LogicalPlan::SubqueryAlias(alias) => limit_below(&over(&alias.input))?.map(|input| aliased(alias, input)).transpose(),
        // OFFSET alone: what is skipped is known when the rows are sorted.
        LogicalPlan::Sort(sort) => match sort_below(sort)? {
            Some(sorted) => limit_below(&over(&Arc::new(sorted))),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

pub(super) fn projected(projection: &Projection, input: LogicalPlan) -> Result<LogicalPlan> {
    let moved = Projection::try_new_with_schema(projection.expr.clone(), Arc::new(input), Arc::clone(&projection.schema));
    moved.map(LogicalPlan::Projection)
}

pub(super) fn aliased(alias: &SubqueryAlias, input: LogicalPlan) -> Result<LogicalPlan> {
    SubqueryAlias::try_new(Arc::new(input), alias.alias.clone()).map(LogicalPlan::SubqueryAlias)
}

/// The sort's keys over what the columns of its input are made of; `None` when one is made of what is another value each time.
fn keys_below(sort: &Sort) -> Result<Option<Vec<SortExpr>>> {
    let sources = sources(&sort.input);
    sort.expr.iter().map(|by| below(&by.expr, &sources).map(|key| key.map(|key| by.with_expr(key)))).collect()
}

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
