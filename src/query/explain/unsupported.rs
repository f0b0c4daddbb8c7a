//! What the engine cannot do, in words: its own show parts of a plan.

/// A message and what to write instead.
pub(super) struct Unsupported {
    pub message: String,
    pub hint: Option<&'static str>,
}

impl Unsupported {
    fn new(message: impl Into<String>, hint: &'static str) -> Option<Self> {
        Some(Unsupported { message: message.into(), hint: Some(hint) })
    }
}

const JOIN: &str = "join with the subquery and use the joined column: WITH b AS (SELECT DISTINCT id FROM ...) \
                    SELECT count(*) FILTER (WHERE b.id IS NOT NULL) FROM a LEFT JOIN b ON b.id = a.id";

const GROUPED: &str = "join with the subquery, grouped or numbered: SELECT a.id, b.most FROM a LEFT JOIN \
                       (SELECT id, max(n) AS most FROM ... GROUP BY id) AS b ON b.id = a.id";

/// Explains a message of the engine, if it is about something that the engine does not support.
pub(super) fn unsupported(message: &str) -> Option<Unsupported> {
    if let Some(expression) = message.strip_prefix("Physical plan does not support logical expression ") {
        return misplaced(expression.split(['(', ' ']).next().unwrap_or(expression));
    }
    if message.starts_with("In/Exist/SetComparison subquery can only be used in") {
        return misplaced("InSubquery");
    }
    if let Some((statement, _)) = message.split_once(" not supported for Base table") {
        return Unsupported::new(
            format!("{statement} is not supported: a store only adds rows"),
            "leave rows out with WHERE, or add rows with INSERT",
        );
    }
    if message == "Insert into not implemented for this table" {
        return Unsupported::new(
            "the table can only be read",
            "insert into a table of the store, or write a file: COPY (SELECT ...) TO 'file.jsonl'",
        );
    }
    if let Some((predicate, data_type)) =
        message.strip_prefix("Cannot create filter with non-boolean predicate '").and_then(|rest| rest.rsplit_once("' returning "))
    {
        return Unsupported::new(
            format!("a condition must be true or false, and {predicate} is {data_type}"),
            "compare it with a value, as in round = 1",
        );
    }
    if let Some(field) = message.strip_prefix("Dot access not supported for non-string expr: ").and_then(quoted_name) {
        return Unsupported::new(
            format!("'.{field}' can only follow the name of a column or table"),
            "write the name of the field in brackets: try_ai(q)['value']",
        );
    }
    if let Some(operator) = message.strip_prefix("Unsupported JOIN operator ") {
        let name = operator.split(['(', ' ']).next().unwrap_or(operator).to_uppercase();
        return match name.as_str() {
            "SEMI" | "ANTI" => Unsupported::new(
                format!("{name} JOIN does not say which side's rows it keeps"),
                "write LEFT SEMI JOIN or RIGHT SEMI JOIN, LEFT ANTI JOIN or RIGHT ANTI JOIN",
            ),
            _ => Unsupported::new(format!("{name} is no JOIN that is supported"), "write JOIN, LEFT, RIGHT, FULL or CROSS JOIN"),
        };
    }
    wrong_arguments(message).map(|message| Unsupported { message, hint: None })
}

/// An expression of a plan in a place where the engine cannot compute it.
fn misplaced(expression: &str) -> Option<Unsupported> {
    const NOT_THERE: &str = "not inside an aggregate (such as its FILTER), a CASE, or what is selected, grouped or ordered by";
    match expression {
        "InSubquery" | "Exists" | "SetComparison" => Unsupported::new(
            format!("IN (SELECT ...) and EXISTS (SELECT ...) can only be conditions of WHERE, HAVING or ON: {NOT_THERE}"),
            JOIN,
        ),
        "ScalarSubquery" => Unsupported::new(
            "a (SELECT ...) that names columns of the query around it can be no more than one aggregate, without ORDER BY and LIMIT, \
             and cannot stand inside an aggregate itself",
            GROUPED,
        ),
        "OuterReferenceColumn" => Unsupported::new(
            "a subquery names columns of the query around it in a way that the engine cannot make a join of, such as below a LIMIT or under \
             an aggregate by anything but equality",
            GROUPED,
        ),
        "Wildcard" => Unsupported::new("'*' can only be the argument of count", "name the columns"),
        "AggregateFunction" => Unsupported::new(
            "an aggregate function cannot stand inside another one, nor in WHERE",
            "compute the inner one in a subquery: SELECT max(n) FROM (SELECT count(*) AS n FROM ... GROUP BY ...); filter groups with HAVING",
        ),
        "WindowFunction" => Unsupported::new(
            "a window function can only be selected or ordered by",
            "compute it in a subquery: SELECT * FROM (SELECT *, row_number() OVER (...) AS n FROM ...) WHERE n = 1",
        ),
        _ => None,
    }
}

/// The first name in double quotes, of the parser's tree.
fn quoted_name(tree: &str) -> Option<&str> {
    tree.split('"').nth(1)
}

/// Arguments that no form of a function takes; the engine lists all the forms.
fn wrong_arguments(message: &str) -> Option<String> {
    let quoted = |text: &str| text.split('\'').nth(1).map(str::to_owned);
    if let Some((_, call)) = message.split_once("No function matches the given name and argument types ") {
        return Some(format!("no form of the function takes these arguments: {}", quoted(call)?));
    }
    let (function, errors) = message.split_once("failed to match any signature, errors: ")?;
    let received = errors.split_once("but received ")?.1.split([' ', '.']).next()?;
    Some(format!("function '{}' does not take {received}", quoted(function)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_about_support_is_left_alone() {
        for message in ["", "Physical plan does not support logical expression Unnest(x)", "Function 'x' failed", "No function matches"] {
            assert!(unsupported(message).is_none(), "{message}");
        }
    }
}
