//! Checking a predicate before it becomes part of larger statements.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::config::Dialect;
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::Session;
use super::filtered_columns::filtered_columns;
use super::named_arguments;
use crate::error::{Error, Position, Result};

impl Session {
    /// Checks a predicate over the view `history`, as flag `--where` takes it, before it becomes part of larger statements: that it is one
    /// expression and nothing behind it but a comment. Gives the columns of `history` that it names.
    ///
    /// # Errors
    /// An [`Error::Argument`] that speaks of the predicate alone.
    pub async fn check_where(&self, predicate: &str) -> Result<BTreeSet<String>> {
        // On a line of its own, so that positions are those of the predicate.
        let sql = format!("SELECT 1 FROM history WHERE\n{predicate}");
        if let Err(cause) = self.check_one_expression(predicate) {
            return Err(of_predicate(self.explain(cause, predicate), 0));
        }
        let planned = Box::pin(self.sql(&sql)).await.and_then(|frame| {
            let columns = filtered_columns(frame.logical_plan());
            // Some faults show only there.
            frame.into_optimized_plan().and(columns).map_err(|cause| self.explain(cause, &sql))
        });
        planned.map_err(|error| of_predicate(error, 1))
    }

    /// Refuses a [checked](Session::check_where) predicate that chooses otherwise each time: what is asked for it was announced by an earlier
    /// evaluation, and a command that goes on with an unfinished one evaluates it once more.
    ///
    /// # Errors
    /// An [`Error::Argument`] that names the function.
    pub async fn check_repeatable(&self, predicate: &str) -> Result<()> {
        let sql = format!("SELECT 1 FROM history WHERE\n{predicate}");
        let frame = Box::pin(self.sql(&sql)).await?;
        let function = volatile_function(frame.logical_plan()).map_err(|cause| self.explain(cause, &sql))?;
        function.map_or(Ok(()), |function| {
            Err(Error::Argument {
                name: "--where".into(),
                message: format!(
                    "{function}() chooses others each time it is evaluated, and what is evolved would not be what was announced"
                ),
                hints: vec![
                    "draw by the id, which is a hash: sample_id < '4' is a quarter of the samples, and the same one each time".into(),
                ],
            })
        })
    }

    /// Refuses SQL that goes on behind its first expression: inside a larger statement that would mean something else.
    fn check_one_expression(&self, sql: &str) -> datafusion::error::Result<()> {
        let parsed = self.context().state_ref().read().sql_to_expr_with_alias(sql, &Dialect::Generic)?;
        match parsed.alias {
            None => Ok(()),
            Some(alias) => {
                let error = Error::sql(format!("the statement does not parse: Expected: end of expression, found: AS {alias}"));
                Err(named_arguments::at(&alias, error).into())
            }
        }
    }
}

/// A function in a plan, or in its subqueries, that gives something else each time.
fn volatile_function(plan: &LogicalPlan) -> datafusion::error::Result<Option<String>> {
    let mut volatile = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| match part {
                Expr::ScalarFunction(call) if part.is_volatile_node() => {
                    volatile = Some(call.name().to_owned());
                    Ok(TreeNodeRecursion::Stop)
                }
                _ => Ok(TreeNodeRecursion::Continue),
            })
        })
    })?;
    Ok(volatile)
}

/// An error of a statement as one of the predicate in it, which begins after so many lines.
fn of_predicate(error: Error, lines_before: u64) -> Error {
    match error {
        Error::Sql { message, position, hints } => {
            let place = |position: Position| Position { line: position.line.saturating_sub(lines_before), ..position };
            let place = position.map(|position| format!(" ({})", place(position))).unwrap_or_default();
            Error::Argument { name: "--where".into(), message: message + &place, hints }
        }
        other => other,
    }
}
