//! The rule that takes the first rows before it asks about them: `SELECT llm_complete(...) FROM t ORDER BY id LIMIT 10` asks ten times.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::logical_plan::{Limit, Sort};
use datafusion::logical_expr::{LogicalPlan, SortExpr, UserDefinedLogicalNodeCore};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::below::{aliased, below, projected, sources};
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

/// The sort's keys over what the columns of its input are made of; `None` when one is made of what is another value each time.
fn keys_below(sort: &Sort) -> Result<Option<Vec<SortExpr>>> {
    let sources = sources(&sort.input);
    sort.expr.iter().map(|by| below(&by.expr, &sources).map(|key| key.map(|key| by.with_expr(key)))).collect()
}
