//! Forms of tables that the engine does not have: of TABLESAMPLE it would drop the sample in silence, so that every row would come and be asked
//! about, and so it would what belongs to a recursive UNION as a whole; of the others its own error prints the parser's tree.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, SetExpr, SetOperator, TableFactor, Visit, Visitor, With};

use crate::error::{Error, Result};

/// Refuses a part of a statement that reads a table in a form that the engine does not have.
///
/// # Errors
/// Where there is one, what to write instead.
pub(super) fn refuse_tables(part: &impl Visit) -> Result<()> {
    match part.visit(&mut Tables) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(Refused { form, hint }) => Err(Error::Sql {
            message: format!("{form} is not supported"),
            position: None,
            hints: hint.map(str::to_owned).into_iter().collect(),
        }),
    }
}

/// A form and what to write instead.
struct Refused {
    form: &'static str,
    hint: Option<&'static str>,
}

struct Tables;

impl Visitor for Tables {
    type Break = Refused;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refused> {
        let Some(With { recursive: true, cte_tables, .. }) = &query.with else { return ControlFlow::Continue(()) };
        cte_tables.iter().find_map(|table| lost_in_recursion(&table.query)).map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refused> {
        let (form, hint) = match factor {
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
                ("TABLESAMPLE", Some("take rows at random in a subquery: SELECT ... FROM (SELECT * FROM t ORDER BY random() LIMIT 10)"))
            }
            TableFactor::Pivot { .. } => {
                ("PIVOT", Some("aggregate under a condition for each column: SELECT count(*) FILTER (WHERE round = 1) AS round_1 FROM t"))
            }
            TableFactor::Unpivot { .. } => {
                ("UNPIVOT", Some("add the columns up: SELECT 'a' AS name, a AS value FROM t UNION ALL SELECT 'b', b FROM t"))
            }
            TableFactor::TableFunction { .. } => ("TABLE(...)", Some("name the function itself: FROM generate_series(1, 3)")),
            TableFactor::MatchRecognize { .. } => ("MATCH_RECOGNIZE", None),
            TableFactor::JsonTable { .. } => ("JSON_TABLE", None),
            TableFactor::OpenJsonTable { .. } => ("OPENJSON", None),
            TableFactor::XmlTable { .. } => ("XMLTABLE", None),
            TableFactor::SemanticView { .. } => ("SEMANTIC_VIEW", None),
            _ => return ControlFlow::Continue(()),
        };
        ControlFlow::Break(Refused { form, hint })
    }
}

/// What the engine drops of a query of WITH RECURSIVE that is a UNION: all but its two terms.
fn lost_in_recursion(query: &Query) -> Option<Refused> {
    if !matches!(query.body.as_ref(), SetExpr::SetOperation { op: SetOperator::Union, .. }) {
        return None;
    }
    if query.with.is_some() {
        let hint = "put its queries before this one: WITH RECURSIVE a AS (...), r AS (SELECT ... UNION ALL SELECT ...) SELECT ...";
        return Some(Refused { form: "WITH inside a query of WITH RECURSIVE", hint: Some(hint) });
    }
    let limited = query.order_by.is_some() || query.limit_clause.is_some() || query.fetch.is_some();
    let hint = "write it where the result is read: WITH RECURSIVE r AS (...) SELECT * FROM r ORDER BY ... LIMIT ...; for one term, put the term \
                in parentheses";
    limited.then_some(Refused { form: "ORDER BY or LIMIT of a UNION inside WITH RECURSIVE", hint: Some(hint) })
}
