//! The rule that reads no columns that nobody needs, around recursive queries and inside of them: the engine's own, which takes from the first term
//! of a recursion every column that the query around it does not read, though the next steps may read it. Rows were wrong or missing then. And it
//! leaves a recursion alone as soon as it has a subquery or a view in it: every column of every table in it was read, the texts among them, in
//! each step.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, RecursiveQuery, UserDefinedLogicalNodeCore};
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// See the [module](self). It takes the place of the engine's rule, under its name.
#[derive(Debug)]
pub(super) struct NarrowRecursion;

impl OptimizerRule for NarrowRecursion {
    fn name(&self) -> &str {
        "optimize_projections"
    }

    /// It goes through the plan itself.
    fn apply_order(&self) -> Option<ApplyOrder> {
        None
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    /// Each of the two terms is treated as a query of its own, all of whose columns are read, and a recursion as a table without parts.
    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if !has_recursion(&plan)? {
            return OptimizeProjections::new().rewrite(plan, config);
        }
        let mut changed = false;
        let plan = plan.transform_down_with_subqueries(|node| {
            let LogicalPlan::RecursiveQuery(query) = node else { return Ok(Transformed::no(node)) };
            let narrowed = |term| self.rewrite(Arc::unwrap_or_clone(term), config);
            let (first, step) = (narrowed(query.static_term)?, narrowed(query.recursive_term)?);
            changed |= first.transformed || step.transformed;
            let (static_term, recursive_term) = (Arc::new(first.data), Arc::new(step.data));
            let recursion = LogicalPlan::RecursiveQuery(RecursiveQuery { static_term, recursive_term, ..query });
            Ok(Transformed::yes(LogicalPlan::Extension(Extension { node: Arc::new(Whole { recursion }) })))
        })?;
        let plan = OptimizeProjections::new().rewrite(plan.data, config)?;
        changed |= plan.transformed;
        let plan = plan.data.transform_up_with_subqueries(|node| {
            let recursion = match &node {
                LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref::<Whole>().map(|whole| whole.recursion.clone()),
                _ => None,
            };
            Ok(recursion.map_or_else(|| Transformed::no(node), Transformed::yes))
        })?;
        Ok(Transformed::new_transformed(plan.data, changed))
    }
}

fn has_recursion(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::RecursiveQuery(_));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// A recursion that gives all its columns, while the rule looks at what is around it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Hash)]
struct Whole {
    recursion: LogicalPlan,
}

impl UserDefinedLogicalNodeCore for Whole {
    fn name(&self) -> &str {
        "Whole"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        Vec::new()
    }

    fn schema(&self) -> &DFSchemaRef {
        self.recursion.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.recursion.display())
    }

    fn with_exprs_and_inputs(&self, _expressions: Vec<Expr>, _inputs: Vec<LogicalPlan>) -> Result<Self> {
        Ok(self.clone())
    }
}
