//! Functions that stand where a table stands: the store as it was, what changed in it, and where its items come from.
//!
//! A function reads nothing when a statement is planned, so that EXPLAIN costs nothing.

mod ancestors;
mod call;
mod computed;
mod descendants;
mod diff;
mod duplicate_groups;
mod family;
mod lineage;
mod nearest;
mod novelty;
mod row_digest;
mod table_at;
mod versions;

use std::fmt;
use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, TableReference};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::LogicalPlanBuilder;

use self::call::Call;
use crate::error::Error;
use crate::functions::llm::ModelSession;
use crate::store::Snapshot;

/// A function that gives a table, with what SHOW FUNCTIONS says of it.
pub(super) struct TableFunction {
    pub(super) name: &'static str,
    /// In their order.
    parameters: &'static [&'static str],
    /// How many of the last ones may be left out.
    optional: usize,
    summary: &'static str,
    /// Runs over the store that `mmevol demo` makes.
    pub(super) example: &'static str,
    make: fn(&Call) -> crate::Result<Arc<dyn TableProvider>>,
}

/// Every one of them.
pub(super) static TABLE_FUNCTIONS: [&TableFunction; 9] = [
    &versions::VERSIONS,
    &table_at::TABLE_AT,
    &diff::DIFF,
    &lineage::LINEAGE,
    &ancestors::ANCESTORS,
    &descendants::DESCENDANTS,
    &duplicate_groups::DUPLICATE_GROUPS,
    &nearest::NEAREST,
    &novelty::NOVELTY,
];

impl TableFunction {
    /// How it is called.
    pub(super) fn syntax(&self) -> String {
        let (required, optional) = self.parameters.split_at(self.parameters.len() - self.optional);
        let optional: String = optional
            .iter()
            .enumerate()
            .map(|(place, name)| if required.is_empty() && place == 0 { format!("[{name}]") } else { format!(" [, {name}]") })
            .collect();
        format!("{}({}{optional})", self.name, required.join(", "))
    }

    /// How it is called, and what it gives.
    pub(super) fn description(&self) -> String {
        format!("{}: {}", self.syntax(), self.summary)
    }

    /// The function over a state of a store, with the models of the session, if it has any; without a state it is refused when a statement is
    /// planned.
    pub(super) fn over(&'static self, snapshot: Option<Snapshot>, models: Option<Arc<ModelSession>>) -> Arc<dyn TableFunctionImpl> {
        Arc::new(OverSnapshot { function: self, snapshot, models })
    }
}

struct OverSnapshot {
    function: &'static TableFunction,
    snapshot: Option<Snapshot>,
    models: Option<Arc<ModelSession>>,
}

impl fmt::Debug for OverSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.name)
    }
}

impl TableFunctionImpl for OverSnapshot {
    fn call_with_args(&self, arguments: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let Some(snapshot) = &self.snapshot else {
            return Err(Error::Sql {
                message: format!("{} reads a store, and this session has none", self.function.name),
                position: None,
                hints: vec!["name one with --store".into()],
            }
            .into());
        };
        let call = Call::new(self.function, arguments.exprs(), snapshot, self.models.as_ref())?;
        let table = (self.function.make)(&call)?;
        // The engine takes scans under one name for one scan, and calls of one function all have its name: a subquery over table_at('samples',
        // 'run-1') would be answered with the result of one over table_at('samples', 'run-2').
        let scan = LogicalPlanBuilder::scan(TableReference::bare(call.to_string()), provider_as_source(table), None)?;
        Ok(Arc::new(ViewTable::new(scan.build()?, None)))
    }
}
