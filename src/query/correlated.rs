//! Subqueries that name columns of the query around them.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::logical_plan::Projection;
use datafusion::logical_expr::{Aggregate, Cast, Expr, Filter, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// Whether a plan names columns of a query around it. What a LATERAL subquery inside of it names is its own.
pub(super) fn is_correlated(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        Ok(match node {
            LogicalPlan::Subquery(_) => TreeNodeRecursion::Jump,
            _ if node.contains_outer_reference() => {
                found = true;
                TreeNodeRecursion::Stop
            }
            _ => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(found)
}

/// The rule that gives the aggregates of a correlated subquery their types once more. Where the engine makes a join of it, it computes what stands
/// for a group without rows from a NULL of no type in place of each aggregate, and text functions panic or fail over that.
#[derive(Debug)]
pub(super) struct TypedEmptyGroups;

impl OptimizerRule for TypedEmptyGroups {
    fn name(&self) -> &str {
        "typed_empty_groups"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let typed = match &plan {
            LogicalPlan::Projection(projection) => typed_projection(projection)?,
            LogicalPlan::Filter(filter) => typed_filter(filter)?,
            _ => None,
        };
        Ok(typed.map_or_else(|| Transformed::no(plan), Transformed::yes))
    }
}

fn typed_projection(projection: &Projection) -> Result<Option<LogicalPlan>> {
    let Some(aggregate) = correlated_aggregate(&projection.input)? else { return Ok(None) };
    let preserver = NamePreserver::new_for_projection();
    let mut changed = false;
    let mut expressions = Vec::with_capacity(projection.expr.len());
    for expression in &projection.expr {
        let name = preserver.save(expression);
        let typed = with_types(expression.clone(), aggregate)?;
        changed |= typed.transformed;
        expressions.push(name.restore(typed.data));
    }
    if !changed {
        return Ok(None);
    }
    let typed = Projection::try_new_with_schema(expressions, Arc::clone(&projection.input), Arc::clone(&projection.schema))?;
    Ok(Some(LogicalPlan::Projection(typed)))
}

fn typed_filter(filter: &Filter) -> Result<Option<LogicalPlan>> {
    let Some(aggregate) = correlated_aggregate(&filter.input)? else { return Ok(None) };
    let predicate = with_types(filter.predicate.clone(), aggregate)?;
    if !predicate.transformed {
        return Ok(None);
    }
    Filter::try_new(predicate.data, Arc::clone(&filter.input)).map(LogicalPlan::Filter).map(Some)
}

/// The aggregation that a SELECT or HAVING is computed from.
fn correlated_aggregate(plan: &LogicalPlan) -> Result<Option<&Aggregate>> {
    match plan {
        LogicalPlan::Filter(having) => correlated_aggregate(&having.input),
        LogicalPlan::Aggregate(aggregate) => Ok(is_correlated(&aggregate.input)?.then_some(aggregate)),
        _ => Ok(None),
    }
}

/// The expression with a cast around each aggregate. One that stands alone needs none.
fn with_types(expression: Expr, aggregate: &Aggregate) -> Result<Transformed<Expr>> {
    if matches!(expression, Expr::Column(_)) {
        return Ok(Transformed::no(expression));
    }
    let groups = aggregate.group_expr_len()?;
    expression.transform_down(|inner| {
        if matches!(&inner, Expr::Cast(cast) if matches!(*cast.expr, Expr::Column(_))) {
            return Ok(Transformed::new(inner, false, TreeNodeRecursion::Jump));
        }
        let Expr::Column(column) = &inner else { return Ok(Transformed::no(inner)) };
        let Some(index) = aggregate.schema.maybe_index_of_column(column).filter(|index| *index >= groups) else {
            return Ok(Transformed::no(inner));
        };
        let data_type = aggregate.schema.field(index).data_type().clone();
        Ok(Transformed::new(Expr::Cast(Cast::new(Box::new(inner), data_type)), true, TreeNodeRecursion::Jump))
    })
}
