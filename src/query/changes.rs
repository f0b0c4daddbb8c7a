//! DELETE and UPDATE of a table in memory. The engine optimises the statement first and then hands the conditions that are left to the table:
//! one that became a join, a limit or no rows at all is none any more, and every row is hit. So the statement is kept as it was written.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::MemTable;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchemaRef, Result};
use datafusion::datasource::DefaultTableSource;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    DmlStatement, Expr, Extension, LogicalPlan, PlanType, ToStringifiedPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore, WriteOp,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::explain::ExplainExec;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

use crate::error::Error;

/// The rule that takes the statement out of the optimiser's sight. It comes when expressions are simplified, without which some cannot be
/// computed, and before anything else moves a condition.
#[derive(Debug, Default)]
pub(super) struct KeepChanges;

impl OptimizerRule for KeepChanges {
    fn name(&self) -> &str {
        "keep_changes"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Dml(change) = &plan else { return Ok(Transformed::no(plan)) };
        if !is_in_memory(change) {
            return Ok(Transformed::no(plan));
        }
        refuse_other_rows(change)?;
        Ok(Transformed::yes(LogicalPlan::Extension(Extension { node: Arc::new(Change { statement: plan }) })))
    }
}

fn is_in_memory(change: &DmlStatement) -> bool {
    let source = change.target.downcast_ref::<DefaultTableSource>();
    matches!(change.op, WriteOp::Delete | WriteOp::Update) && source.is_some_and(|source| source.table_provider.is::<MemTable>())
}

/// Refuses what depends on more than a row of the table itself: the table could not decide it.
fn refuse_other_rows(change: &DmlStatement) -> Result<()> {
    let depends_on_others = change.input.exists(|node| {
        let is_of_one_row =
            matches!(node, LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::TableScan(_));
        Ok(!is_of_one_row || node.expressions().iter().any(has_subquery))
    })?;
    if !depends_on_others {
        return Ok(());
    }
    let table = change.table_name.table();
    Err(Error::Sql {
        message: format!("{} can depend on columns of '{table}' alone, not on a subquery, a join or a LIMIT", change.name().to_uppercase()),
        position: None,
        hints: vec![format!("build the table anew: {}", build_anew(table))],
    }
    .into())
}

/// The statement that makes a table anew, for hints where it cannot be changed.
pub(super) fn build_anew(table: &str) -> String {
    format!("CREATE OR REPLACE TABLE {table} AS SELECT ... FROM {table} WHERE ...")
}

fn has_subquery(expression: &Expr) -> bool {
    let is_subquery =
        |inner: &Expr| matches!(inner, Expr::InSubquery(_) | Expr::Exists(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_));
    expression.exists(|inner| Ok(is_subquery(inner))).unwrap_or(false)
}

/// A statement that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Hash)]
struct Change {
    statement: LogicalPlan,
}

impl UserDefinedLogicalNodeCore for Change {
    fn name(&self) -> &str {
        "Change"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        Vec::new()
    }

    fn schema(&self) -> &DFSchemaRef {
        self.statement.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.statement.display())
    }

    fn with_exprs_and_inputs(&self, _expressions: Vec<Expr>, _inputs: Vec<LogicalPlan>) -> Result<Self> {
        Ok(self.clone())
    }
}

/// Plans the statement as the engine does, which carries it out.
pub(super) struct ChangePlanner;

#[async_trait]
impl ExtensionPlanner for ChangePlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        _physical_inputs: &[Arc<dyn ExecutionPlan>],
        state: &SessionState,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        match node.as_any().downcast_ref::<Change>() {
            Some(change) => planner.create_physical_plan(&change.statement, state).await.map(Some),
            None => Ok(None),
        }
    }
}

/// What EXPLAIN shows of a change: no physical plan, since the engine would carry the statement out to make one. `None` for another plan.
pub(super) fn explained(plan: &LogicalPlan) -> Option<Arc<dyn ExecutionPlan>> {
    let LogicalPlan::Explain(explain) = plan else { return None };
    let LogicalPlan::Extension(extension) = explain.plan.as_ref() else { return None };
    let change = extension.node.as_any().downcast_ref::<Change>()?;
    let shown = vec![change.statement.to_stringified(PlanType::FinalLogicalPlan)];
    Some(Arc::new(ExplainExec::new(Arc::clone(explain.schema.inner()), shown, false)))
}
