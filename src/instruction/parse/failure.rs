//! Why an answer holds nothing usable.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::fields::field;
use super::names::QUESTION;
use crate::instruction::repair::{Part, Repaired};

/// How a refusal begins; it is looked for in the first sentences only, and where there is JSON, only in a short list or object.
static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        \b(?: i['’]?m | i\ am | we['’]?re | we\ are )\s+ (?: (?:very\s+|truly\s+|so\s+)? sorry | unable | not\ able | afraid )
        | \b(?: sorry | apologies ) , \s* (?: but \s+)? (?: i | we ) \b
        | \b i\s+apologi[sz]e
        | \b(?: i | we ) \s+ (?: can['’]?t | can\s?not | won['’]?t | will\ not | am\ unable | must\ decline | decline )
        | \bas\ an?\ (?: ai | language\ model | artificial )
        | \b(?: cannot | can['’]?t | unable\ to ) \s+ (?: assist | help | comply | fulfil | process | identify )
        | 抱歉 | 对不起 | 對不起 | 我(?: 无法 | 無法 | 不能 ) | 作为(?: 一个 | 一名 )? \s* (?: ai | 人工智能 | 语言模型 | 大模型 )
        | \btut\ mir\s+ (?: (?: sehr | wirklich )\s+ )? leid | \bleider\s+kann\s+ich | \bich\s+kann\s+ [^.!?]{0,80} \b nicht \s+ (?: helfen | beantworten | weiterhelfen | unterstützen )
        | \bich\s+kann\s+ (?: das | dabei | dies(?:e|er|es|en|em)? ) \b [^.!?]{0,80} \b nicht \b | \bals\ (?: ki | sprachmodell )\b
        | \bdésolée? \b | \bje\s+ne\s+ (?: peux | puis | suis ) \s+ [^.!?]{0,30} pas \b | \ben\ tant\ qu['’]\s* (?: ia | intelligence | modèle | assistant )
        | \blo\ siento \b | \bno\ puedo\s+ (?: ayudar | responder | hacer | cumplir | proporcionar | asistir | identificar | generar | ver )
        | \bcomo\ (?: una?\s+ )? (?: ia | modelo\ de | inteligencia )\b",
    )
    .expect("the pattern is a constant")
});

/// A list or object with more members is no refusal, whatever it says.
const REFUSAL_MEMBERS: usize = 3;

/// Where a refusal is looked for, in characters.
const REFUSAL_CHARACTERS: usize = 400;

/// Why an answer holds nothing usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AnswerError {
    /// For `error_kind` in tables.
    pub kind: AnswerErrorKind,
    /// What the answer is instead, in words.
    pub message: String,
}

/// The kinds of [`AnswerError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AnswerErrorKind {
    /// There is no text.
    Empty,
    /// The JSON is an empty list or object.
    NoItems,
    /// The model declines to answer.
    Refusal,
    /// The text has no list or object.
    NoJson,
    /// The text is a web page, e.g. of a proxy that failed.
    Html,
    /// There is JSON, but nothing in it is an item.
    WrongShape,
    /// The text ends before its first whole item.
    Truncated,
    /// Brackets nest deeper than any answer would.
    TooDeep,
}

impl AnswerErrorKind {
    /// Every kind.
    pub const ALL: [AnswerErrorKind; 8] = [
        AnswerErrorKind::Empty,
        AnswerErrorKind::NoItems,
        AnswerErrorKind::Refusal,
        AnswerErrorKind::NoJson,
        AnswerErrorKind::Html,
        AnswerErrorKind::WrongShape,
        AnswerErrorKind::Truncated,
        AnswerErrorKind::TooDeep,
    ];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            AnswerErrorKind::Empty => "empty",
            AnswerErrorKind::NoItems => "no_items",
            AnswerErrorKind::Refusal => "refusal",
            AnswerErrorKind::NoJson => "no_json",
            AnswerErrorKind::Html => "html",
            AnswerErrorKind::WrongShape => "wrong_shape",
            AnswerErrorKind::Truncated => "truncated",
            AnswerErrorKind::TooDeep => "too_deep",
        }
    }
}

impl fmt::Display for AnswerErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl AnswerError {
    /// Says why nothing usable came out of `text`. `needed` is what an item must have, in words.
    pub(in crate::instruction) fn explain(text: &str, repaired: &Repaired, needed: &str) -> Self {
        let kind = kind_of(text, repaired);
        let message = match kind {
            AnswerErrorKind::Empty => "the answer is empty".to_owned(),
            AnswerErrorKind::NoItems => "the answer is JSON without any item".to_owned(),
            AnswerErrorKind::Refusal => format!("the model declined: {}", excerpt(text)),
            AnswerErrorKind::NoJson => format!("the answer has no JSON list or object: {}", excerpt(text)),
            AnswerErrorKind::Html => format!("the answer is a web page, not a model's text: {}", excerpt(text)),
            AnswerErrorKind::WrongShape => format!("the answer is JSON, but no object in it has {needed}"),
            AnswerErrorKind::Truncated => "the answer was cut off before its first whole item; allow more output tokens".to_owned(),
            AnswerErrorKind::TooDeep => "the brackets of the answer nest too deep to be read".to_owned(),
        };
        Self { kind, message }
    }
}

fn kind_of(text: &str, repaired: &Repaired) -> AnswerErrorKind {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let has_objects = repaired.values().any(holds_object) || repaired.parts.iter().any(|part| matches!(part, Part::Broken(_)));
    // `[0.1, 0.2]` in a sentence is prose; at the beginning of the text it is an answer.
    let is_json = has_objects || (!repaired.parts.is_empty() && text.starts_with(['[', '{', '`', '"']));
    if text.is_empty() {
        AnswerErrorKind::Empty
    } else if is_html(text) {
        AnswerErrorKind::Html
    } else if repaired.too_deep {
        AnswerErrorKind::TooDeep
    } else if repaired.truncated {
        AnswerErrorKind::Truncated
    } else if is_json && repaired.values().all(is_hollow) && !repaired.parts.iter().any(|part| matches!(part, Part::Broken(_))) {
        AnswerErrorKind::NoItems
    } else if is_json && !repaired.values().any(declines) {
        AnswerErrorKind::WrongShape
    } else if is_json || is_refusal(text) {
        AnswerErrorKind::Refusal
    } else {
        AnswerErrorKind::NoJson
    }
}

fn holds_object(value: &Value) -> bool {
    value.is_object() || value.as_array().is_some_and(|values| values.iter().any(holds_object))
}

/// Whether there is nothing but brackets and the keys of wrappers.
fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().all(is_hollow),
        Value::Object(members) => members.values().all(|member| (member.is_array() || member.is_object()) && is_hollow(member)),
        _ => false,
    }
}

/// Whether JSON says no more than that the model declines: `{"error": "I'm sorry, ..."}`.
fn declines(value: &Value) -> bool {
    match value {
        Value::String(text) => is_refusal(text),
        Value::Array(values) => values.len() <= REFUSAL_MEMBERS && values.iter().any(declines),
        Value::Object(members) => members.len() <= REFUSAL_MEMBERS && field(members, QUESTION).is_none() && members.values().any(declines),
        _ => false,
    }
}

fn is_html(text: &str) -> bool {
    ["<!doctype", "<html", "<head", "<body", "<?xml"]
        .iter()
        .any(|tag| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)))
}

fn is_refusal(text: &str) -> bool {
    let end = text.char_indices().nth(REFUSAL_CHARACTERS).map_or(text.len(), |(at, _)| at);
    REFUSAL.is_match(&text[..end])
}

/// The beginning of a text on one line.
fn excerpt(text: &str) -> String {
    const CHARACTERS: usize = 120;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn an_excerpt_says_that_there_is_more_where_there_is() {
        let line = "ä".repeat(120);
        assert_eq!(excerpt(&format!(" {line}\n")), line);
        assert_eq!(excerpt(&format!("{line}ä")), format!("{line}…"));
    }
}
