//! What Tab offers at a place in the text.

use rustyline::completion::{FilenameCompleter, Pair};

use super::commands::{Argument, COMMANDS};
use super::keywords::{KEYWORDS, is_keyword};
use super::lexer::{Lexer, Token, TokenKind};
use super::{Names, TableName};
use crate::cli::output::OutputFormat;
use clap::ValueEnum;

/// After these words a table is named.
const BEFORE_TABLE: [&str; 7] = ["FROM", "JOIN", "INTO", "TABLE", "VIEW", "DESCRIBE", "UPDATE"];

/// Where the completed word starts, and what can stand there; best first, nothing twice.
pub(super) fn complete(text: &str, cursor: usize, names: &Names, files: &FilenameCompleter) -> (usize, Vec<Pair>) {
    let before = text.get(..cursor).unwrap_or(text);
    if before.starts_with('.') {
        return complete_command(before, names, files);
    }
    let place = Place::find(text, before.len());
    match &place.word {
        Some(token) if token.kind == TokenKind::Comment => (cursor, Vec::new()),
        Some(token) if token.kind == TokenKind::String => complete_file(before, token.range.start, files),
        _ => place.complete(before, names),
    }
}

fn complete_command(before: &str, names: &Names, files: &FilenameCompleter) -> (usize, Vec<Pair>) {
    let Some((name, rest)) = before.split_once(char::is_whitespace) else {
        return (0, matching(before, COMMANDS.iter().map(|command| command.name.to_owned())));
    };
    let start = before.len() - rest.trim_start().len();
    let typed = rest.trim_start();
    let argument = COMMANDS.iter().find(|command| command.name == name).map_or(Argument::None, |command| command.argument);
    match argument {
        Argument::None => (before.len(), Vec::new()),
        Argument::Table => (start, matching(typed, names.tables.iter().map(|table| table.name.clone()))),
        Argument::Mode => (start, matching(typed, OutputFormat::value_variants().iter().map(OutputFormat::to_string))),
        Argument::Switch => (start, matching(typed, ["on", "off"].map(str::to_owned).into_iter())),
        Argument::File => complete_file(before, start, files),
    }
}

fn complete_file(before: &str, start: usize, files: &FilenameCompleter) -> (usize, Vec<Pair>) {
    let path = &before[start..];
    // A folder that cannot be read has nothing to offer.
    let (path_start, candidates) = files.complete_path(path, path.len()).unwrap_or_default();
    (start + path_start, candidates)
}

/// The statement around the cursor.
struct Place<'a> {
    text: &'a str,
    /// The tokens of the statement that mean something, except the one being typed.
    others: Vec<Token>,
    /// How many of `others` stand before the cursor.
    before: usize,
    /// The token being typed: it ends at the cursor.
    word: Option<Token>,
}

impl<'a> Place<'a> {
    fn find(text: &'a str, cursor: usize) -> Self {
        let (before, after) = text.split_at(cursor);
        let mut others: Vec<Token> = Lexer::new(before).collect();
        let word = others.pop_if(|token| {
            let goes_on = !token.closed || before[token.range.clone()].starts_with("--");
            token.kind == TokenKind::Word || goes_on
        });
        let end_of_last = others.iter().rposition(|token| token.kind == TokenKind::Symbol(';'));
        others.drain(..end_of_last.map_or(0, |index| index + 1));
        others.retain(Token::is_significant);
        let before = others.len();
        // Read on its own: a quote that is still open at the cursor must not swallow the rest of the statement.
        let rest = Lexer::new(after).take_while(|token| token.kind != TokenKind::Symbol(';')).filter(Token::is_significant);
        others.extend(rest.map(|token| Token { range: token.range.start + cursor..token.range.end + cursor, ..token }));
        Self { text, others, before, word }
    }

    fn complete(&self, before: &str, names: &Names) -> (usize, Vec<Pair>) {
        let word = self.word.as_ref().filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName));
        let start = word.map_or(before.len(), |token| token.range.start);
        let typed = before[start..].trim_start_matches(['"', '`']);
        let used = self.tables(names);
        let candidates = if let Some(qualifier) = self.qualifier(start) {
            let table = used.iter().find(|used| used.is_called(qualifier)).map(|used| used.table);
            matching(typed, table.into_iter().flat_map(columns))
        } else if self.follows_any(&BEFORE_TABLE) || (typed.is_empty() && used.is_empty()) {
            matching(typed, names.tables.iter().map(|table| quoted_if_needed(&table.name)))
        } else {
            let tables = names.tables.iter().map(|table| quoted_if_needed(&table.name));
            let aliases = used.iter().filter_map(|used| used.alias.map(str::to_owned));
            let functions = names.functions.iter().map(|function| format!("{function}("));
            let written =
                |keyword: &&str| if typed.chars().any(char::is_lowercase) { keyword.to_ascii_lowercase() } else { (*keyword).to_owned() };
            let words = aliases.chain(tables).chain(functions).chain(KEYWORDS.iter().map(written));
            let words = words.filter(|_| !typed.is_empty());
            matching(typed, used.iter().flat_map(|used| columns(used.table)).chain(words))
        };
        (start, candidates)
    }

    /// `alias` in `alias.`, if that is what stands right before `start`.
    fn qualifier(&self, start: usize) -> Option<&'a str> {
        let mut previous = self.others.get(..self.before)?.iter().rev();
        let dot = previous.next().filter(|token| token.kind == TokenKind::Symbol('.') && token.range.end == start)?;
        let name = previous.next().filter(|token| token.range.end == dot.range.start)?;
        Some(self.name(name))
    }

    fn follows_any(&self, keywords: &[&str]) -> bool {
        let previous = self.others.get(..self.before).and_then(<[Token]>::last);
        previous.is_some_and(|token| keywords.iter().any(|keyword| self.text[token.range.clone()].eq_ignore_ascii_case(keyword)))
    }

    /// The tables that the statement names anywhere, with their aliases.
    fn tables<'n>(&self, names: &'n Names) -> Vec<UsedTable<'n, 'a>> {
        let mut used = Vec::new();
        for (index, token) in self.others.iter().enumerate() {
            let is_name = matches!(token.kind, TokenKind::Word | TokenKind::QuotedName);
            let table = names.tables.iter().find(|table| is_name && table.name.eq_ignore_ascii_case(self.name(token)));
            let is_qualified = index > 0 && self.others[index - 1].kind == TokenKind::Symbol('.');
            if let Some(table) = table.filter(|_| !is_qualified) {
                let mut following = self.others[index + 1..].iter().map(|token| (token.kind, self.name(token)));
                let next = following.next().and_then(|next| if next.1.eq_ignore_ascii_case("AS") { following.next() } else { Some(next) });
                let alias = next.filter(|(kind, name)| *kind == TokenKind::QuotedName || (*kind == TokenKind::Word && !is_keyword(name)));
                used.push(UsedTable { table, alias: alias.map(|(_, name)| name) });
            }
        }
        used
    }

    /// The token's text without quotes.
    fn name(&self, token: &Token) -> &'a str {
        self.text[token.range.clone()].trim_matches(['"', '`'])
    }
}

struct UsedTable<'n, 'a> {
    table: &'n TableName,
    alias: Option<&'a str>,
}

impl UsedTable<'_, '_> {
    fn is_called(&self, qualifier: &str) -> bool {
        self.alias.unwrap_or(&self.table.name).eq_ignore_ascii_case(qualifier)
    }
}

fn columns(table: &TableName) -> impl Iterator<Item = String> {
    table.columns.iter().map(|column| quoted_if_needed(column))
}

/// `name` as SQL: names without quotes are read as lower case.
pub(super) fn quoted_if_needed(name: &str) -> String {
    let is_plain = !name.starts_with(|first: char| first.is_ascii_digit()) && !name.is_empty();
    let is_plain =
        is_plain && name.chars().all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The candidates that `typed` starts, in any case.
fn matching(typed: &str, candidates: impl Iterator<Item = String>) -> Vec<Pair> {
    let mut matches: Vec<Pair> = Vec::new();
    for candidate in candidates {
        let name = candidate.trim_start_matches('"');
        let starts = name.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed));
        if starts && !matches.iter().any(|pair| pair.replacement == candidate) {
            matches.push(Pair { display: candidate.clone(), replacement: candidate });
        }
    }
    matches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let table = |name: &str, columns: &[&str]| TableName {
            name: name.to_owned(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            is_view: false,
        };
        Names {
            tables: vec![table("samples", &["sample_id", "caption", "Odd Name"]), table("instructions", &["instruction_id", "sample_id"])],
            functions: vec!["llm_score".to_owned(), "length".to_owned()],
        }
    }

    /// Completes at the `|`.
    fn offered(text: &str) -> Vec<String> {
        let cursor = text.find('|').unwrap_or(text.len());
        let (_, candidates) = complete(&text.replace('|', ""), cursor, &names(), &FilenameCompleter::new());
        candidates.into_iter().map(|pair| pair.replacement).collect()
    }

    #[test]
    fn tables_follow_from_and_join() {
        assert_eq!(offered("SELECT 1 FROM "), ["samples", "instructions"]);
        assert_eq!(offered("SELECT * FROM samples JOIN ins"), ["instructions"]);
        assert_eq!(offered("DESCRIBE SAM"), ["samples"]);
    }

    #[test]
    fn columns_come_from_the_tables_of_this_statement_only() {
        assert_eq!(offered("SELECT | FROM samples"), ["sample_id", "caption", "\"Odd Name\""]);
        assert_eq!(offered("SELECT 1 FROM instructions; SELECT ca| FROM samples; SELECT 2"), ["caption", "case", "cast"]);
        assert_eq!(offered("SELECT cap"), Vec::<String>::new());
        assert_eq!(offered("SELECT \"odd| FROM samples"), ["\"Odd Name\""]);
    }

    #[test]
    fn a_qualifier_picks_its_table() {
        assert_eq!(offered("SELECT i.| FROM samples s JOIN instructions AS i ON true"), ["instruction_id", "sample_id"]);
        assert_eq!(offered("SELECT samples.c| FROM samples"), ["caption"]);
        assert_eq!(offered("SELECT x.| FROM samples"), Vec::<String>::new());
    }

    #[test]
    fn keywords_keep_the_case_of_what_is_typed() {
        assert_eq!(offered("sel"), ["select"]);
        assert_eq!(offered("SEL"), ["SELECT"]);
        assert_eq!(offered("SELECT l"), ["llm_score(", "length(", "last", "lateral", "left", "like", "limit", "location"]);
    }

    #[test]
    fn commands_and_their_arguments_complete() {
        assert_eq!(offered(".t"), [".tables", ".timer"]);
        assert_eq!(offered(".mode js"), ["json", "jsonl"]);
        assert_eq!(offered(".timer o"), ["on", "off"]);
        assert_eq!(offered(".schema ins"), ["instructions"]);
        assert_eq!(offered(".tables x"), Vec::<String>::new());
    }

    #[test]
    fn file_names_complete_inside_quotes() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("questions.parquet"), "")?;
        let folder = folder.path().display();
        assert_eq!(offered(&format!("SELECT * FROM '{folder}/que")), [format!("{folder}/questions.parquet")]);
        assert_eq!(offered(&format!(".read {folder}/que")), [format!("{folder}/questions.parquet")]);
        assert_eq!(offered("SELECT 1 -- sel"), Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn any_cursor_in_any_text_is_fine() {
        for text in ["SELECT 'é' FROM \"sämples\" s WHERE s.", ".mode ü", "$$ ' \" /* ;", ". ; é."] {
            for (cursor, _) in text.char_indices() {
                complete(text, cursor, &names(), &FilenameCompleter::new());
            }
        }
    }
}
