//! The rule that drops calls whose answers nobody reads: `SELECT count(*) FROM (SELECT id, llm_complete(...) ...)` asks nothing.

use std::collections::HashSet;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::node::ModelCalls;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct DropUnusedCalls;

impl OptimizerRule for DropUnusedCalls {
    fn name(&self) -> &str {
        "drop_unused_model_calls"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    /// A projection or an aggregate names all it reads; what lies between it and the calls may read more.
    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if !matches!(plan, LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_)) {
            return Ok(Transformed::no(plan));
        }
        let expressions = plan.expressions();
        let Some(input) = plan.inputs().first().and_then(|input| without_unused(input, &expressions).transpose()).transpose()? else {
            return Ok(Transformed::no(plan));
        };
        Ok(Transformed::yes(plan.with_new_exprs(expressions, vec![input])?))
    }
}

/// The plan without the calls that neither `read` nor anything above them reads; `None` when every call is read.
fn without_unused(plan: &LogicalPlan, read: &[Expr]) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            let read: Vec<Expr> = read.iter().cloned().chain(plan.expressions()).collect();
            let Some(input) = plan.inputs().first().and_then(|input| without_unused(input, &read).transpose()).transpose()? else {
                return Ok(None);
            };
            plan.with_new_exprs(plan.expressions(), vec![input]).map(Some)
        }
        LogicalPlan::Extension(extension) => {
            let Some(node) = extension.node.as_any().downcast_ref::<ModelCalls>() else { return Ok(None) };
            let columns: HashSet<&Column> = read.iter().flat_map(Expr::column_refs).collect();
            if let Some(fewer) = node.keep(&columns)? {
                return Ok(Some(fewer));
            }
            let read: Vec<Expr> = read.iter().cloned().chain(plan.expressions()).collect();
            let Some(input) = without_unused(&node.input, &read)? else { return Ok(None) };
            ModelCalls::plan(input, node.calls.clone()).map(Some)
        }
        _ => Ok(None),
    }
}
