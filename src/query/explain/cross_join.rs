//! `a CROSS JOIN b ON ...`: the parser gives up at the condition, and says that the statement should have ended there.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::Position;

/// The beginning, `ON` or `USING`, of a condition at `place` that follows a CROSS JOIN; `None` where something else stands there.
pub(super) fn condition_of_cross_join(sql: &str, place: Position) -> Option<&'static str> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
    let at = tokens.iter().position(|token| (token.span.start.line, token.span.start.column) == (place.line, place.column))?;
    let condition = match keyword(&tokens[at].token) {
        Keyword::ON => "ON",
        Keyword::USING => "USING",
        _ => return None,
    };
    let mut before = tokens[..at].iter().rev().map(|token| &token.token).filter(|token| !matches!(token, Token::Whitespace(_)));
    // Back over the table, which may be a subquery, to its JOIN.
    let mut open_parentheses = 0_usize;
    while let Some(token) = before.next() {
        match token {
            Token::RParen => open_parentheses += 1,
            Token::LParen => open_parentheses = open_parentheses.checked_sub(1)?,
            _ if open_parentheses > 0 => {}
            Token::Comma => return None,
            _ => match keyword(token) {
                Keyword::JOIN => return (keyword(before.next()?) == Keyword::CROSS).then_some(condition),
                Keyword::ON | Keyword::USING | Keyword::WHERE | Keyword::GROUP | Keyword::HAVING | Keyword::ORDER | Keyword::LIMIT => {
                    return None;
                }
                _ => {}
            },
        }
    }
    None
}

/// What an unquoted word means; quoted ones are names.
fn keyword(token: &Token) -> Keyword {
    match token {
        Token::Word(word) => word.keyword,
        _ => Keyword::NoKeyword,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found at the last `on` or `using` of a statement.
    fn found(sql: &str) -> Option<&'static str> {
        let place = [sql.rfind("on "), sql.rfind("using ")].into_iter().flatten().max().unwrap();
        condition_of_cross_join(sql, Position::of(place, sql))
    }

    #[test]
    fn a_condition_is_of_the_join_before_it() {
        for (sql, expected) in [
            ("SELECT 1 FROM a CROSS JOIN b on a.x = b.x", Some("ON")),
            ("SELECT 1 FROM a cross join b AS c using (x)", Some("USING")),
            ("SELECT 1\nFROM a -- CROSS\n CROSS JOIN (SELECT 1 FROM c JOIN d ON true) AS b(x)\n  on true", Some("ON")),
            ("SELECT 1 FROM (SELECT 1 FROM a CROSS JOIN 'b.csv' on true)", Some("ON")),
            ("SELECT 1 FROM a JOIN b on true", None),
            ("SELECT 1 FROM a CROSS JOIN b JOIN c ON true on true", None),
            ("SELECT 1 FROM a CROSS JOIN b WHERE x on true", None),
            ("SELECT 1 FROM a CROSS JOIN b, c on true", None),
            ("SELECT 1 FROM a CROSS JOIN b WHERE (x on true)", None),
            ("SELECT 1 FROM a \"CROSS\" JOIN b on true", None),
            ("on true", None),
        ] {
            assert_eq!(found(sql), expected, "{sql}");
        }
    }
}
