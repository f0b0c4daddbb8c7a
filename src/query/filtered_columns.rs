//! The columns that the condition of a query names.

use std::collections::BTreeSet;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};

/// The columns in the outermost WHERE of a plan that is not optimised yet, by name; also those that its subqueries refer to. Empty where there
/// is no WHERE.
pub fn filtered_columns(plan: &LogicalPlan) -> Result<BTreeSet<String>> {
    let mut columns = BTreeSet::new();
    plan.apply(|node| {
        let LogicalPlan::Filter(filter) = node else { return Ok(TreeNodeRecursion::Continue) };
        collect(&filter.predicate, &mut columns)?;
        Ok(TreeNodeRecursion::Stop)
    })?;
    Ok(columns)
}

fn collect(condition: &Expr, columns: &mut BTreeSet<String>) -> Result<()> {
    condition.apply(|expression| {
        match expression {
            Expr::Column(column) => {
                columns.insert(column.name.clone());
            }
            Expr::OuterReferenceColumn(_, column) => {
                columns.insert(column.name.clone());
            }
            Expr::Exists(exists) => of_subquery(&exists.subquery, columns)?,
            Expr::InSubquery(membership) => of_subquery(&membership.subquery, columns)?,
            Expr::ScalarSubquery(subquery) => of_subquery(subquery, columns)?,
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

fn of_subquery(subquery: &Subquery, columns: &mut BTreeSet<String>) -> Result<()> {
    subquery.outer_ref_columns.iter().try_for_each(|column| collect(column, columns))
}
