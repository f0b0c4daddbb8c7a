//! What a statement is, seen before it is planned: some need more, or less, than the engine would do.

use datafusion::sql::parser::Statement as ParsedStatement;
use datafusion::sql::sqlparser::ast::{Ident, Insert, ObjectName, ShowStatementFilter, Statement, TableObject};

use super::Session;
use crate::store::Table;

/// What a name without a catalog or schema before it is in.
pub(super) const DEFAULT_SCHEMA: [&str; 2] = ["mmevol", "main"];

/// The statements that a session does not just hand to the engine.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Adds rows to a table of the store.
    Insert,
    /// Creates or drops a table or view under a name that the store has.
    StoreDdl {
        name: String,
    },
    /// SHOW FUNCTIONS, all or those LIKE a pattern.
    ShowFunctions {
        pattern: Option<String>,
    },
    Other,
}

impl Kind {
    pub(super) fn of(statement: &ParsedStatement) -> Kind {
        let names: Vec<&ObjectName> = match statement {
            ParsedStatement::CreateExternalTable(create) => vec![&create.name],
            ParsedStatement::Statement(statement) => match statement.as_ref() {
                Statement::Drop { names, .. } => names.iter().collect(),
                Statement::CreateTable(create) => vec![&create.name],
                Statement::CreateView(create) => vec![&create.name],
                Statement::Insert(Insert { table: TableObject::TableName(name), .. }) if is_store_table(name) => return Kind::Insert,
                Statement::ShowFunctions { filter: None } => return Kind::ShowFunctions { pattern: None },
                Statement::ShowFunctions { filter: Some(ShowStatementFilter::Like(pattern)) } => {
                    return Kind::ShowFunctions { pattern: Some(pattern.clone()) };
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let of_the_store = names.into_iter().filter_map(name_in_default_schema);
        match of_the_store.into_iter().find(|name| Table::from_name(name).is_some() || Session::is_view(name)) {
            Some(name) => Kind::StoreDdl { name },
            None => Kind::Other,
        }
    }
}

fn is_store_table(name: &ObjectName) -> bool {
    name_in_default_schema(name).is_some_and(|name| Table::from_name(&name).is_some())
}

/// The name itself, without a catalog and schema that may be before it; `None` for a name in another schema.
fn name_in_default_schema(name: &ObjectName) -> Option<String> {
    let parts: Vec<String> = name.0.iter().map(|part| part.as_ident().map(normalized)).collect::<Option<_>>()?;
    let (name, schema) = parts.split_last()?;
    let schema: Vec<&str> = schema.iter().map(String::as_str).collect();
    DEFAULT_SCHEMA.ends_with(&schema).then(|| name.clone())
}

/// As the engine reads it: case counts only inside quotes.
fn normalized(identifier: &Ident) -> String {
    match identifier.quote_style {
        Some(_) => identifier.value.clone(),
        None => identifier.value.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;

    use super::*;

    fn kind(sql: &str) -> Kind {
        Kind::of(&DFParser::parse_sql(sql).unwrap()[0])
    }

    #[test]
    fn names_of_the_store_are_seen_however_they_are_written() {
        for name in ["samples", "SAMPLES", "\"samples\"", "main.samples", "mmevol.Main.samples"] {
            assert_eq!(kind(&format!("DROP TABLE {name}")), Kind::StoreDdl { name: "samples".into() }, "{name}");
            assert_eq!(kind(&format!("INSERT INTO {name} SELECT 1")), Kind::Insert, "{name}");
        }
        for name in ["\"SAMPLES\"", "other.samples", "mysamples"] {
            assert_eq!(kind(&format!("DROP TABLE {name}")), Kind::Other, "{name}");
            assert_eq!(kind(&format!("INSERT INTO {name} SELECT 1")), Kind::Other, "{name}");
        }
        assert_eq!(kind("DROP VIEW x, history"), Kind::StoreDdl { name: "history".into() });
        let external = "CREATE OR REPLACE EXTERNAL TABLE samples STORED AS CSV LOCATION 'a.csv'";
        assert_eq!(kind(external), Kind::StoreDdl { name: "samples".into() });
    }
}
