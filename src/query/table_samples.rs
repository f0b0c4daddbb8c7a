//! TABLESAMPLE, which the engine reads and drops: every row would come, and would be asked about.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{TableFactor, Visit, Visitor};

use crate::error::{Error, Result};

/// Refuses a part of a statement that takes a sample of a table.
///
/// # Errors
/// Where there is one, what to write instead.
pub(super) fn refuse_samples(part: &impl Visit) -> Result<()> {
    match part.visit(&mut Samples) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Sql {
            message: "TABLESAMPLE is not supported".into(),
            position: None,
            hints: vec!["take rows at random in a subquery: SELECT ... FROM (SELECT * FROM t ORDER BY random() LIMIT 10)".into()],
        }),
    }
}

struct Samples;

impl Visitor for Samples {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}
