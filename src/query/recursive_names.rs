//! Names for the columns of a recursive query: `WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 9)`. The engine gives
//! them to the result, when the steps that read them are planned already.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, SetExpr, SetOperator, TableAlias, TableFactor, TableWithJoins, VisitMut, VisitorMut, With};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use crate::error::{Error, Result};

/// Gives such names to the first term, from which the others take theirs.
///
/// # Errors
/// None but a fault of the parser's.
pub(super) fn name_first_terms(part: &mut impl VisitMut) -> Result<()> {
    match part.visit(&mut FirstTerms) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(cause) => Err(Error::internal("failed to name the columns of a recursive query", cause)),
    }
}

struct FirstTerms;

impl VisitorMut for FirstTerms {
    type Break = ParserError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<ParserError> {
        let Some(With { recursive: true, cte_tables, .. }) = &mut query.with else { return ControlFlow::Continue(()) };
        for cte in cte_tables.iter_mut().filter(|cte| !cte.alias.columns.is_empty()) {
            let SetExpr::SetOperation { op: SetOperator::Union, left, .. } = cte.query.body.as_mut() else { continue };
            let names = cte.alias.clone();
            cte.alias.columns.clear();
            if let Err(cause) = give_names(left, names) {
                return ControlFlow::Break(cause);
            }
        }
        ControlFlow::Continue(())
    }
}

/// Makes `SELECT * FROM (term) AS names` of a term, which may have no place for names of its own: it may be VALUES.
fn give_names(term: &mut SetExpr, names: TableAlias) -> std::result::Result<(), ParserError> {
    let mut named = Parser::new(&GenericDialect {}).try_with_sql("SELECT * FROM (SELECT 1)")?.parse_query()?;
    let SetExpr::Select(select) = named.body.as_mut() else { return Ok(()) };
    let Some(TableWithJoins { relation: TableFactor::Derived { subquery, alias, .. }, .. }) = select.from.first_mut() else {
        return Ok(());
    };
    *alias = Some(names);
    std::mem::swap(subquery.body.as_mut(), term);
    *term = *named.body;
    Ok(())
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::{DFParser, Statement};

    use super::*;

    fn named(sql: &str) -> String {
        let Some(Statement::Statement(mut statement)) = DFParser::parse_sql(sql).unwrap().pop_front() else { panic!("{sql}") };
        name_first_terms(&mut statement).unwrap();
        statement.to_string()
    }

    #[test]
    fn names_go_to_the_first_term_of_a_recursion() {
        for (given, planned) in [
            (
                "WITH RECURSIVE r(n, m) AS (VALUES (1, 2) UNION ALL SELECT n, m FROM r) SELECT n FROM r",
                "WITH RECURSIVE r AS (SELECT * FROM (VALUES (1, 2)) r (n, m) UNION ALL SELECT n, m FROM r) SELECT n FROM r",
            ),
            (
                "SELECT * FROM (WITH RECURSIVE a AS (SELECT 1 UNION SELECT 2), r(n) AS (SELECT 1 UNION SELECT n FROM r) SELECT n FROM r)",
                "SELECT * FROM (WITH RECURSIVE a AS (SELECT 1 UNION SELECT 2), \
                 r AS (SELECT * FROM (SELECT 1) r (n) UNION SELECT n FROM r) SELECT n FROM r)",
            ),
        ] {
            // Compared as they are read again: spaces are the parser's.
            let planned = DFParser::parse_sql(planned).unwrap().pop_front().unwrap().to_string();
            assert_eq!(named(given), planned);
        }
        for other in ["WITH r (n) AS (SELECT 1 UNION SELECT 2) SELECT n FROM r", "WITH RECURSIVE r (n) AS (SELECT 1) SELECT n FROM r"] {
            assert_eq!(named(other), other);
        }
    }
}
