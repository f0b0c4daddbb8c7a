//! The rule that takes the first rows before it asks about them: `SELECT llm_complete(...) FROM t ORDER BY id LIMIT 10` asks ten times.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr_rewriter::replace_col;
use datafusion::logical_expr::logical_plan::{Projection, Sort};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
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
        match plan {
            LogicalPlan::Sort(sort) if sort.fetch.is_some() => match below(&sort)? {
                Some(plan) => Ok(Transformed::yes(plan)),
                None => Ok(Transformed::no(LogicalPlan::Sort(sort))),
            },
            other => Ok(Transformed::no(other)),
        }
    }
}

/// The plan with the sort below the calls, which keep its order; `None` when it needs their answers, or stands elsewhere.
fn below(sort: &Sort) -> Result<Option<LogicalPlan>> {
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
            let Some(by) = sort
                .expr
                .iter()
                .map(|by| {
                    let expr = before(&by.expr, projection)?;
                    Some(by.with_expr(expr))
                })
                .collect::<Option<Vec<_>>>()
            else {
                return Ok(None);
            };
            let Some(input) = below(&Sort { expr: by, input: Arc::clone(&projection.input), fetch: sort.fetch })? else { return Ok(None) };
            let projection = Projection::try_new_with_schema(projection.expr.clone(), Arc::new(input), Arc::clone(&projection.schema))?;
            Ok(Some(LogicalPlan::Projection(projection)))
        }
        _ => Ok(None),
    }
}

/// A sort key over the columns of a projection as one over those of its input.
fn before(key: &Expr, projection: &Projection) -> Option<Expr> {
    let mut columns = std::collections::HashMap::new();
    let schema = &projection.schema;
    let named: Vec<(Column, Expr)> =
        schema.columns().into_iter().zip(projection.expr.iter().map(|expression| expression.clone().unalias())).collect();
    for (column, expression) in &named {
        if expression.is_volatile() {
            return None;
        }
        if let Expr::Column(source) = expression {
            columns.insert(column, source);
        }
    }
    key.column_refs().iter().all(|column| columns.contains_key(*column)).then(|| replace_col(key.clone(), &columns).ok()).flatten()
}
