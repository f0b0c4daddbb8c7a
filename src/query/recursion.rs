//! The rule that reads no more columns inside a recursive query than it names. The engine's own leaves a recursion alone as soon as it has a
//! subquery or a view in it, and then every column of every table in it is read, the texts among them, in each step.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{LogicalPlan, RecursiveQuery};
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct NarrowRecursion;

impl OptimizerRule for NarrowRecursion {
    fn name(&self) -> &str {
        "narrow_recursion"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    /// Each of the two terms is treated as a query of its own, all of whose columns are read.
    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::RecursiveQuery(query) = plan else { return Ok(Transformed::no(plan)) };
        let narrowed = |term| OptimizeProjections::new().rewrite(Arc::unwrap_or_clone(term), config);
        let (first, step) = (narrowed(query.static_term)?, narrowed(query.recursive_term)?);
        let changed = first.transformed || step.transformed;
        let (static_term, recursive_term) = (Arc::new(first.data), Arc::new(step.data));
        let query = LogicalPlan::RecursiveQuery(RecursiveQuery { static_term, recursive_term, ..query });
        Ok(Transformed::new_transformed(query, changed))
    }
}
