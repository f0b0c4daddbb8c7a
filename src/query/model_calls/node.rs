//! The logical node that asks models: its input's rows, each with one more column for each call.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::Field;
use datafusion::common::{Column, DFSchema, DFSchemaRef, Result, internal_err};
use datafusion::logical_expr::{Expr, ExprSchemable, Extension, InvariantLevel, LogicalPlan, UserDefinedLogicalNodeCore};

use crate::functions::llm::function::model_call;

/// One call for each row for which the guard holds; NULL for the others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd)]
pub struct HoistedCall {
    /// The function and its arguments, without calls inside of them.
    pub call: Expr,
    /// When a row needs the answer; `None` means always.
    pub guard: Option<Expr>,
    /// The column with the answers.
    pub column: String,
}

/// Calls that do not need each other's answers, made for each row of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCalls {
    pub input: LogicalPlan,
    pub calls: Vec<HoistedCall>,
    schema: DFSchemaRef,
}

impl ModelCalls {
    /// The node as a plan.
    pub fn plan(input: LogicalPlan, calls: Vec<HoistedCall>) -> Result<LogicalPlan> {
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(ModelCalls::new(input, calls)?) }))
    }

    fn new(input: LogicalPlan, calls: Vec<HoistedCall>) -> Result<ModelCalls> {
        let mut fields: Vec<_> = input.schema().iter().map(|(relation, field)| (relation.cloned(), Arc::clone(field))).collect();
        for HoistedCall { call, column, .. } in &calls {
            fields.push((None, Arc::new(Field::new(column, call.get_type(input.schema())?, true))));
        }
        let schema = DFSchema::new_with_metadata(fields, input.schema().metadata().clone())?;
        Ok(ModelCalls { input, calls, schema: Arc::new(schema) })
    }

    /// The same node without the calls that are not in `needed`; only its input when none is.
    pub fn keep(&self, needed: &HashSet<&Column>) -> Result<Option<LogicalPlan>> {
        let is_needed = |call: &&HoistedCall| needed.iter().any(|column| column.relation.is_none() && column.name == call.column);
        let calls: Vec<HoistedCall> = self.calls.iter().filter(is_needed).cloned().collect();
        match calls.len() {
            0 => Ok(Some(self.input.clone())),
            kept if kept == self.calls.len() => Ok(None),
            _ => ModelCalls::plan(self.input.clone(), calls).map(Some),
        }
    }
}

impl Hash for ModelCalls {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
        self.calls.hash(state);
    }
}

impl PartialOrd for ModelCalls {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.calls.partial_cmp(&other.calls)
    }
}

impl UserDefinedLogicalNodeCore for ModelCalls {
    fn name(&self) -> &str {
        "ModelCalls"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn check_invariants(&self, _check: InvariantLevel) -> Result<()> {
        Ok(())
    }

    fn expressions(&self) -> Vec<Expr> {
        self.calls.iter().flat_map(|call| std::iter::once(&call.call).chain(&call.guard)).cloned().collect()
    }

    /// What does not need an answer is decided before anything is asked.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.calls.iter().map(|call| call.column.clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelCalls: ")?;
        for (number, HoistedCall { call, guard, column }) in self.calls.iter().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{call} AS {column}")?;
            if let Some(guard) = guard {
                write!(f, " WHERE {guard}")?;
            }
            if let Expr::ScalarFunction(function) = call
                && let Some(call) = model_call(&function.func)
            {
                write!(f, " BY {}", call.service().model.name())?;
            }
        }
        Ok(())
    }

    fn with_exprs_and_inputs(&self, expressions: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else { return internal_err!("ModelCalls has one input") };
        let mut expressions = expressions.into_iter();
        let mut calls = Vec::with_capacity(self.calls.len());
        for HoistedCall { guard, column, .. } in &self.calls {
            let Some(call) = expressions.next() else { return internal_err!("ModelCalls lost a call") };
            let guard = if guard.is_some() { expressions.next() } else { None };
            calls.push(HoistedCall { call, guard, column: column.clone() });
        }
        ModelCalls::new(input, calls)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let schema = self.input.schema();
        let width = schema.fields().len();
        let mut needed: BTreeSet<usize> = output_columns.iter().copied().filter(|index| *index < width).collect();
        for expression in self.expressions() {
            needed.extend(expression.column_refs().into_iter().filter_map(|column| schema.maybe_index_of_column(column)));
        }
        Some(vec![needed.into_iter().collect()])
    }

    /// Every row goes through.
    fn supports_limit_pushdown(&self) -> bool {
        true
    }
}
