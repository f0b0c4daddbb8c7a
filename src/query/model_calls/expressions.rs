//! Taking model calls out of expressions: which calls there are, which rows need them, and what stands in their place.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, Case, ScalarFunction, WindowFunction};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, LogicalPlan, Operator, binary_expr, lit};

use super::guards::{and, check_guard, is_within};
use super::node::{HoistedCall, ModelCalls};
use crate::error::Error;
use crate::functions::llm::function::model_call;
use crate::query::correlated::is_correlated;

/// Names of the columns that calls become: unique within a statement.
#[derive(Debug, Default)]
pub struct ColumnNames {
    used: usize,
}

impl ColumnNames {
    fn next(&mut self, schema: &DFSchema) -> String {
        loop {
            self.used += 1;
            let name = format!("__model_{}", self.used);
            if schema.fields().iter().all(|field| *field.name() != name) {
                return name;
            }
        }
    }
}

/// Whether an expression is a call of a function that asks a model.
pub fn is_call(expression: &Expr) -> bool {
    matches!(expression, Expr::ScalarFunction(ScalarFunction { func, .. }) if model_call(func).is_some())
}

/// Whether there is a call in an expression; subqueries inside of it have plans of their own and do not count.
pub fn has_call(expression: &Expr) -> bool {
    expression.exists(|inner| Ok(is_call(inner))).unwrap_or(false)
}

/// Takes the calls out of the expressions of one plan node.
pub struct Hoist<'a> {
    schema: &'a DFSchema,
    names: &'a mut ColumnNames,
    /// Columns of the input that hold the answers of calls already.
    available: &'a [(Expr, Column)],
    /// Calls that some expression needs for every row: where others need fewer rows, they share the column.
    unconditional: HashSet<Expr>,
    /// The rows that count; `None` means all.
    rows: Option<Expr>,
    hoisted: Vec<HoistedCall>,
}

impl<'a> Hoist<'a> {
    /// For expressions over `schema`. All expressions must be known, since a call that one of them needs for every row is made for every row.
    pub fn new<'e>(
        schema: &'a DFSchema,
        available: &'a [(Expr, Column)],
        names: &'a mut ColumnNames,
        expressions: impl IntoIterator<Item = &'e Expr>,
    ) -> Result<Self> {
        let mut unconditional = HashSet::new();
        for expression in expressions {
            collect_unconditional(expression, &mut unconditional)?;
        }
        Ok(Hoist { schema, names, available, unconditional, rows: None, hoisted: Vec::new() })
    }

    /// The same for the rows alone for which the condition, if there is one, is true.
    pub fn over_rows(self, rows: Option<Expr>) -> Self {
        Hoist { rows, ..self }
    }

    /// The expression with a column in place of each call.
    ///
    /// # Errors
    /// Places in which a call cannot be made, with what to write instead.
    pub fn rewrite(&mut self, expression: Expr, guard: Option<&Expr>) -> Result<Expr> {
        if !has_call(&expression) {
            return Ok(expression);
        }
        match expression {
            Expr::ScalarFunction(function) if model_call(&function.func).is_some() => self.call(function, guard),
            Expr::Case(case) => self.case(case, guard),
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
                self.connective(*left, op, *right, guard)
            }
            Expr::ScalarFunction(function) if matches!(function.name(), "coalesce" | "nvl" | "ifnull") => self.coalesce(function, guard),
            Expr::ScalarFunction(function) if function.name() == "nvl2" && function.args.len() == 3 => {
                let ScalarFunction { mut args, .. } = function;
                let (otherwise, then, tested) = (args.pop(), args.pop(), args.pop());
                let case = Case::new(
                    None,
                    vec![(Box::new(tested.unwrap_or(lit(true)).is_not_null()), Box::new(then.unwrap_or(lit(true))))],
                    otherwise.map(Box::new),
                );
                self.case(case, guard)
            }
            Expr::AggregateFunction(aggregate) => self.aggregate(aggregate, guard),
            Expr::WindowFunction(window) => self.window(*window, guard),
            Expr::HigherOrderFunction(_) | Expr::Lambda(_) => {
                Err(refusal("a model cannot be asked inside a lambda", "unnest the list in a subquery, ask for each row, and aggregate"))
            }
            other => Ok(other.map_children(|child| self.rewrite(child, guard).map(Transformed::yes))?.data),
        }
    }

    /// The nodes that make the calls, on top of `input`, those that need the answers of others above them. Also the answers that are now
    /// available for every row.
    pub fn finish(self, input: LogicalPlan) -> Result<(LogicalPlan, Vec<(Expr, Column)>)> {
        let mut plan = input;
        let mut left = self.hoisted;
        let available = left
            .iter()
            .filter(|call| call.guard.is_none())
            .map(|call| (call.call.clone(), Column::new_unqualified(&call.column)))
            .collect();
        while !left.is_empty() {
            let later: HashSet<String> = left.iter().map(|call| call.column.clone()).collect();
            let waits = |expression: &Expr| expression.column_refs().iter().any(|column| later.contains(&column.name));
            let (waiting, ready): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|HoistedCall { call, guard, .. }| waits(call) || guard.as_ref().is_some_and(waits));
            plan = below_correlated(plan, ready)?;
            left = waiting;
        }
        Ok((plan, available))
    }

    fn call(&mut self, function: ScalarFunction, guard: Option<&Expr>) -> Result<Expr> {
        let original = Expr::ScalarFunction(function.clone());
        let is_shared = !draws(&original)?;
        if is_shared && let Some((_, column)) = self.available.iter().find(|(call, _)| *call == original) {
            return Ok(Expr::Column(column.clone()));
        }
        let rows = self.rows.clone();
        let guard = if is_shared && self.unconditional.contains(&original) { rows.as_ref() } else { guard };
        let mut args = Vec::with_capacity(function.args.len());
        for argument in function.args {
            args.push(self.rewrite(argument, guard)?);
        }
        let call = Expr::ScalarFunction(ScalarFunction { func: function.func, args });
        check_arguments(&call)?;
        let is_same = |known: &&HoistedCall| known.call == call && is_within(guard, known.guard.as_ref());
        if is_shared && let Some(known) = self.hoisted.iter().find(is_same) {
            return Ok(column(&known.column));
        }
        if let Some(guard) = guard {
            check_guard(guard)?;
        }
        let name = self.names.next(self.schema);
        let made = column(&name);
        self.hoisted.push(HoistedCall { call, guard: guard.cloned(), column: name });
        Ok(made)
    }

    /// A branch is needed where its condition holds and none before it does.
    fn case(&mut self, case: Case, guard: Option<&Expr>) -> Result<Expr> {
        let base = case.expr.map(|base| self.rewrite(*base, guard)).transpose()?;
        let mut reached = guard.cloned();
        let mut branches = Vec::with_capacity(case.when_then_expr.len());
        for (when, then) in case.when_then_expr {
            let when = self.rewrite(*when, reached.as_ref())?;
            let condition = match &base {
                Some(base) => base.clone().eq(when.clone()),
                None => when.clone(),
            };
            let then = self.rewrite(*then, Some(&and(reached.clone(), condition.clone().is_true())))?;
            reached = Some(and(reached, condition.is_not_true()));
            branches.push((Box::new(when), Box::new(then)));
        }
        let otherwise = case.else_expr.map(|otherwise| self.rewrite(*otherwise, reached.as_ref())).transpose()?;
        Ok(Expr::Case(Case { expr: base.map(Box::new), when_then_expr: branches, else_expr: otherwise.map(Box::new) }))
    }

    /// The arguments are needed for the rows that its FILTER lets through.
    fn aggregate(&mut self, mut aggregate: AggregateFunction, guard: Option<&Expr>) -> Result<Expr> {
        let mut reached = guard.cloned();
        if let Some(filter) = aggregate.params.filter.take() {
            let filter = self.rewrite(*filter, guard)?;
            reached = Some(and(reached, filter.clone().is_true()));
            aggregate.params.filter = Some(Box::new(filter));
        }
        let args = std::mem::take(&mut aggregate.params.args);
        for argument in args {
            aggregate.params.args.push(self.rewrite(argument, reached.as_ref())?);
        }
        for sort in &mut aggregate.params.order_by {
            sort.expr = self.rewrite(std::mem::take(&mut sort.expr), reached.as_ref())?;
        }
        Ok(Expr::AggregateFunction(aggregate))
    }

    /// The arguments are needed for the rows that its FILTER lets through, what divides and orders the rows for all of them.
    fn window(&mut self, mut window: WindowFunction, guard: Option<&Expr>) -> Result<Expr> {
        let mut reached = guard.cloned();
        if let Some(filter) = window.params.filter.take() {
            let filter = self.rewrite(*filter, guard)?;
            reached = Some(and(reached, filter.clone().is_true()));
            window.params.filter = Some(Box::new(filter));
        }
        for argument in &mut window.params.args {
            *argument = self.rewrite(std::mem::take(argument), reached.as_ref())?;
        }
        for by in &mut window.params.partition_by {
            *by = self.rewrite(std::mem::take(by), guard)?;
        }
        for sort in &mut window.params.order_by {
            sort.expr = self.rewrite(std::mem::take(&mut sort.expr), guard)?;
        }
        Ok(Expr::WindowFunction(Box::new(window)))
    }

    /// An argument is needed where all before it are NULL.
    fn coalesce(&mut self, function: ScalarFunction, guard: Option<&Expr>) -> Result<Expr> {
        let mut reached = guard.cloned();
        let mut args = Vec::with_capacity(function.args.len());
        for argument in function.args {
            let argument = self.rewrite(argument, reached.as_ref())?;
            reached = Some(and(reached, argument.clone().is_null()));
            args.push(argument);
        }
        Ok(Expr::ScalarFunction(ScalarFunction { func: function.func, args }))
    }

    /// What costs nothing is decided first; a call is needed where that decides nothing.
    fn connective(&mut self, left: Expr, operator: Operator, right: Expr, guard: Option<&Expr>) -> Result<Expr> {
        let mut terms = Vec::new();
        flatten(left, operator, &mut terms);
        flatten(right, operator, &mut terms);
        let (asking, free): (Vec<Expr>, Vec<Expr>) = terms.into_iter().partition(has_call);
        let mut reached = guard.cloned();
        let mut rewritten: Vec<Expr> = Vec::new();
        for term in free.into_iter().chain(asking) {
            let term = self.rewrite(term, reached.as_ref())?;
            let undecided = match operator {
                Operator::And => term.clone().is_not_false(),
                _ => term.clone().is_not_true(),
            };
            reached = Some(and(reached, undecided));
            rewritten.push(term);
        }
        let joined = rewritten.into_iter().reduce(|left, right| binary_expr(left, operator, right));
        Ok(joined.unwrap_or(lit(true)))
    }
}

/// The conjuncts of a predicate.
pub struct Conjuncts {
    /// Those without calls.
    pub free: Option<Expr>,
    /// Those without calls that name columns of a query around this one.
    pub correlated: Option<Expr>,
    /// Those with calls, in the order in which they are written.
    pub asking: Vec<Expr>,
}

/// Splits a predicate.
pub fn split_predicate(predicate: Expr) -> Conjuncts {
    let (asking, free): (Vec<Expr>, Vec<Expr>) = split_conjunction_owned(predicate).into_iter().partition(has_call);
    let (correlated, free): (Vec<Expr>, Vec<Expr>) = free.into_iter().partition(Expr::contains_outer);
    Conjuncts { free: conjunction(free), correlated: conjunction(correlated), asking }
}

/// The calls on top of the input, but below conditions that name columns of a query around it: those become conditions of a join, and the
/// engine can lift them out of the subquery from no deeper than here.
fn below_correlated(input: LogicalPlan, calls: Vec<HoistedCall>) -> Result<LogicalPlan> {
    match input {
        LogicalPlan::Filter(Filter { predicate, input, .. }) if predicate.contains_outer() => {
            let input = below_correlated(Arc::unwrap_or_clone(input), calls)?;
            Filter::try_new(predicate, Arc::new(input)).map(LogicalPlan::Filter)
        }
        input if is_correlated(&input)? => Err(refusal(
            "a subquery asks a model about a result, such as an aggregate, of rows that it picks by a column of the query around it",
            "compute the result in a subquery, and ask about its column outside of it: \
             SELECT id, llm_complete(m) FROM (SELECT id, (SELECT max(u.q) FROM u WHERE u.id = t.id) AS m FROM t)",
        )),
        input => ModelCalls::plan(input, calls),
    }
}

/// An error at plan time that says what to write instead.
pub fn refusal(message: impl Into<String>, hint: impl Into<String>) -> datafusion::error::DataFusionError {
    Error::Sql { message: message.into(), position: None, hints: vec![hint.into()] }.into()
}

fn collect_unconditional(expression: &Expr, calls: &mut HashSet<Expr>) -> Result<()> {
    expression.apply(|inner| {
        Ok(match inner {
            Expr::Case(Case { expr: Some(base), .. }) => {
                collect_unconditional(base, calls)?;
                TreeNodeRecursion::Jump
            }
            Expr::Case(case) => {
                if let Some((first, _)) = case.when_then_expr.first() {
                    collect_unconditional(first, calls)?;
                }
                TreeNodeRecursion::Jump
            }
            Expr::BinaryExpr(BinaryExpr { op: operator @ (Operator::And | Operator::Or), .. }) => {
                let mut terms = Vec::new();
                flatten(inner.clone(), *operator, &mut terms);
                // A term that costs nothing comes before the first that asks.
                if let Some(first) = terms.first()
                    && terms.iter().all(has_call)
                {
                    collect_unconditional(first, calls)?;
                }
                TreeNodeRecursion::Jump
            }
            Expr::ScalarFunction(function) if matches!(function.name(), "coalesce" | "nvl" | "ifnull" | "nvl2") => {
                if let Some(first) = function.args.first() {
                    collect_unconditional(first, calls)?;
                }
                TreeNodeRecursion::Jump
            }
            Expr::AggregateFunction(AggregateFunction { params: AggregateFunctionParams { filter: Some(filter), .. }, .. }) => {
                collect_unconditional(filter, calls)?;
                TreeNodeRecursion::Jump
            }
            Expr::WindowFunction(window) if window.params.filter.is_some() => {
                let filter = window.params.filter.as_deref().into_iter();
                let order = window.params.order_by.iter().map(|sort| &sort.expr);
                for needed in filter.chain(&window.params.partition_by).chain(order) {
                    collect_unconditional(needed, calls)?;
                }
                TreeNodeRecursion::Jump
            }
            call if is_call(call) => {
                calls.insert(call.clone());
                TreeNodeRecursion::Continue
            }
            _ => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(())
}

fn check_arguments(call: &Expr) -> Result<()> {
    match call.contains_outer() {
        true => Err(refusal(
            "a subquery asks a model about a column of the query around it",
            "join the two tables instead, and ask in the SELECT of the join",
        )),
        false => Ok(()),
    }
}

/// Whether an expression has something in it that is another value each time, but for what models say: two of them are two questions.
fn draws(expression: &Expr) -> Result<bool> {
    expression.exists(|inner| Ok(inner.is_volatile_node() && !is_call(inner)))
}

fn flatten(expression: Expr, operator: Operator, terms: &mut Vec<Expr>) {
    match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op == operator => {
            flatten(*left, operator, terms);
            flatten(*right, operator, terms);
        }
        other => terms.push(other),
    }
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
