//! The rule that decides `IN (SELECT ...)` and `EXISTS (SELECT ...)` before it asks, where they are written above the calls:
//! `SELECT * FROM v WHERE id IN (SELECT ...)`, over a view that asks, asks about the rows that are in.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{JoinType, Result};
use datafusion::logical_expr::logical_plan::Join;
use datafusion::logical_expr::{Expr, Filter, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::below::{aliased, below, projected, sources};
use super::node::ModelCalls;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct MembershipBeforeAsking;

impl OptimizerRule for MembershipBeforeAsking {
    fn name(&self) -> &str {
        "membership_before_asking_models"
    }

    /// So that of two memberships the lower one is out of the way of the upper one.
    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let moved = match &plan {
            LogicalPlan::Join(join) if matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti) => join_below(join)?,
            _ => None,
        };
        Ok(moved.map_or_else(|| Transformed::no(plan), Transformed::yes))
    }
}

/// The plan with the join, which only drops rows, below the calls on its left; `None` when it needs their answers, or there are none.
fn join_below(join: &Join) -> Result<Option<LogicalPlan>> {
    match join.left.as_ref() {
        LogicalPlan::Extension(extension) => {
            let Some(node) = extension.node.as_any().downcast_ref::<ModelCalls>() else { return Ok(None) };
            let joined = with_left(join, join.on.clone(), join.filter.clone(), Arc::new(node.input.clone()))?;
            if !is_sound(&joined) {
                return Ok(None);
            }
            let input = join_below(&joined)?.unwrap_or(LogicalPlan::Join(joined));
            ModelCalls::plan(input, node.calls.clone()).map(Some)
        }
        LogicalPlan::Filter(filter) => {
            let joined = with_left(join, join.on.clone(), join.filter.clone(), Arc::clone(&filter.input))?;
            let filtered = |input| Filter::try_new(filter.predicate.clone(), Arc::new(input)).map(LogicalPlan::Filter);
            join_below(&joined)?.map(filtered).transpose()
        }
        LogicalPlan::Projection(projection) => {
            let Some(joined) = over_sources(join, &projection.input)? else { return Ok(None) };
            join_below(&joined)?.map(|input| projected(projection, input)).transpose()
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let Some(joined) = over_sources(join, &alias.input)? else { return Ok(None) };
            join_below(&joined)?.map(|input| aliased(alias, input)).transpose()
        }
        _ => Ok(None),
    }
}

/// The join over the input of its left side; `None` when a key is made of what is another value each time.
fn over_sources(join: &Join, input: &Arc<LogicalPlan>) -> Result<Option<Join>> {
    let sources = sources(&join.left);
    let mut on = Vec::with_capacity(join.on.len());
    for (left, right) in &join.on {
        let Some(left) = below(left, &sources)? else { return Ok(None) };
        on.push((left, right.clone()));
    }
    let filter = match &join.filter {
        Some(filter) => match below(filter, &sources)? {
            Some(filter) => Some(filter),
            None => return Ok(None),
        },
        None => None,
    };
    with_left(join, on, filter, Arc::clone(input)).map(Some)
}

fn with_left(join: &Join, on: Vec<(Expr, Expr)>, filter: Option<Expr>, left: Arc<LogicalPlan>) -> Result<Join> {
    let right = Arc::clone(&join.right);
    Join::try_new(left, right, on, filter, join.join_type, join.join_constraint, join.null_equality, join.null_aware)
}

/// Whether every column that the join names is one of its two sides, and of one alone: an answer is of none any more, and what an alias kept
/// apart may now have one name.
fn is_sound(join: &Join) -> bool {
    let (left, right) = (join.left.schema(), join.right.schema());
    let has_keys = join.on.iter().all(|(key, _)| key.column_refs().into_iter().all(|column| left.has_column(column)));
    let has_rest = join.filter.iter().flat_map(Expr::column_refs).all(|column| left.has_column(column) != right.has_column(column));
    let right = right.columns();
    has_keys && has_rest && !left.columns().iter().any(|column| right.contains(column))
}
