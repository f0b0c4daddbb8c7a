//! Answer options that stand beside a question instead of in it.

use serde_json::Value;

use super::fields::{field, text_of};

const LABEL: &[&str] = &["label", "letter", "key", "id", "name"];
const TEXT: &[&str] = &["text", "value", "option", "content", "answer", "description"];

/// As many as there are letters; more are no options.
const MOST_CHOICES: usize = 26;

struct Choice {
    label: Option<String>,
    text: String,
}

/// The question with its options as lines such as `A. dog`, unless it lists all of them already. Options without labels get the
/// letters from A on; what is no list of two to 26 options is left out.
pub(super) fn with_choices(question: String, options: &Value) -> String {
    let choices: Vec<Choice> = choices(options).into_iter().filter(|choice| !choice.text.is_empty()).collect();
    if !(2..=MOST_CHOICES).contains(&choices.len()) {
        return question;
    }
    let folded = question.to_lowercase();
    if choices.iter().all(|choice| lists(&folded, &choice.text.to_lowercase())) {
        return question;
    }
    let mut text = question;
    for (choice, letter) in choices.into_iter().zip('A'..='Z') {
        let label = choice.label.unwrap_or_else(|| letter.to_string());
        text.push_str(&format!("\n{label}. {}", choice.text));
    }
    text
}

fn choices(options: &Value) -> Vec<Choice> {
    match options {
        Value::Array(values) => values.iter().flat_map(element_choices).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| Choice { label: label(key), text: text_of(value) }).collect(),
        Value::String(text) => text.lines().map(labelled).collect(),
        _ => Vec::new(),
    }
}

/// `"dog"`, `"A. dog"`, `{"label": "A", "text": "dog"}` or `{"A": "dog"}`.
fn element_choices(element: &Value) -> Vec<Choice> {
    match element {
        Value::Object(members) => match field(members, TEXT) {
            Some(text) => vec![Choice { label: field(members, LABEL).and_then(|key| label(&text_of(key))), text: text_of(text) }],
            None => choices(element),
        },
        other => vec![labelled(&text_of(other))],
    }
}

/// A text such as `(A) dog` or `A. dog`, taken apart.
fn labelled(text: &str) -> Choice {
    let text = text.trim();
    let mut characters = text.trim_start_matches(['(', '[']).chars();
    let (first, sign) = (characters.next(), characters.next());
    let rest = characters.as_str();
    // `3.5` and `A.M.` have no label.
    let is_sign = match sign {
        Some('.' | ':') => rest.starts_with(char::is_whitespace),
        Some(sign) => matches!(sign, ')' | ']' | '、' | '．' | '）' | '：'),
        None => false,
    };
    match first {
        Some(label) if is_sign && label.is_ascii_alphanumeric() => Choice { label: Some(label.to_string()), text: rest.trim().to_owned() },
        _ => Choice { label: None, text: text.to_owned() },
    }
}

/// The letter or number in a key such as `A`, `(b)` or `option_1`.
fn label(key: &str) -> Option<String> {
    let name = key.trim_matches(|c: char| !c.is_alphanumeric());
    let last = name.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let is_letter = last.len() == 1 && last.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_number = (1..=2).contains(&last.len()) && last.chars().all(|c| c.is_ascii_digit());
    (is_letter || is_number).then(|| last.to_uppercase())
}

/// Whether a question has an option at the beginning of a line or behind a label or a comma. Both in lower case.
fn lists(question: &str, option: &str) -> bool {
    question.match_indices(option).any(|(start, _)| {
        let before = question[..start].trim_end();
        let after = &question[start + option.len()..];
        !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
    })
}
