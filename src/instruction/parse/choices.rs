//! Answer options that stand beside a question instead of in it.

use serde_json::Value;

use super::fields::{field, text_of};
use crate::instruction::repair::encoded_values;

const LABEL: &[&str] = &["label", "letter", "key", "id", "name"];
const TEXT: &[&str] = &["text", "value", "option", "content", "answer", "description"];

/// What may stand between the options of one line.
const BETWEEN_CHOICES: [char; 7] = [',', ';', '|', '/', '、', '，', '；'];

/// As many as there are letters; more are no options.
const MOST_CHOICES: usize = 26;

struct Choice {
    label: Option<String>,
    text: String,
}

/// The question with its options as lines such as `A. dog`, unless it lists all of them already. Options without labels get the
/// letters from A on. A line of several options that cannot be taken apart is added as it stands; what else is no list of two to 26 options
/// is left out.
pub(super) fn with_choices(question: String, options: &Value) -> String {
    let choices: Vec<Choice> = choices(options).into_iter().filter(|choice| !choice.text.is_empty()).collect();
    if !(2..=MOST_CHOICES).contains(&choices.len()) {
        return match options {
            Value::String(line) if lists_several(line) && !question.contains(line.trim()) => {
                format!("{question}\n{}", line.trim())
            }
            _ => question,
        };
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
        Value::String(text) => match &encoded_values(text)[..] {
            [list] => choices(list),
            _ if text.trim().contains('\n') => text.lines().map(labelled).collect(),
            _ => choices_of_line(text.trim()),
        },
        _ => Vec::new(),
    }
}

/// Whether one text is a list of options for its question alone.
pub(super) fn holds_choices(value: &Value) -> bool {
    value.is_string() && choices(value).len() > 1
}

/// Whether a line may be several options: `dog, cat`, but not `Not applicable, since it is open`.
fn lists_several(line: &str) -> bool {
    line.contains([',', ';', '|', '、', '，', '；']) && !line.trim_start().to_lowercase().starts_with("not ")
}

/// The options in a line such as `A. dog B. cat`, which may have commas or the like between them; none where it does not begin with the
/// label of the first.
fn choices_of_line(line: &str) -> Vec<Choice> {
    let Some((first, _)) = leading_label(line) else { return Vec::new() };
    let mut labels = (if first.is_ascii_digit() { '1'..='9' } else { 'A'..='Z' }).peekable();
    let mut starts: Vec<usize> = Vec::new();
    let mut before = ' ';
    for (at, character) in line.char_indices() {
        let begins_word = before.is_whitespace() || BETWEEN_CHOICES.contains(&before);
        before = character;
        let Some((label, _)) = begins_word.then(|| leading_label(&line[at..])).flatten() else { continue };
        if labels.next_if_eq(&label.to_ascii_uppercase()).is_some() {
            starts.push(at);
        }
    }
    if starts.first() != Some(&0) {
        return Vec::new();
    }
    let ends = starts.iter().skip(1).copied().chain([line.len()]);
    let is_between = |c: char| c.is_whitespace() || BETWEEN_CHOICES.contains(&c);
    starts.iter().zip(ends).map(|(start, end)| labelled(line[*start..end].trim_end_matches(is_between))).collect()
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
    match leading_label(text) {
        Some((label, rest)) => Choice { label: Some(label.to_string()), text: rest.trim().to_owned() },
        None => Choice { label: None, text: text.to_owned() },
    }
}

/// The label that a text begins with, and what follows it.
fn leading_label(text: &str) -> Option<(char, &str)> {
    let mut characters = text.trim_start_matches(['(', '[']).chars();
    let (first, sign) = (characters.next(), characters.next());
    let rest = characters.as_str();
    // `3.5` and `A.M.` have no label. Chinese needs no blank.
    let is_sign = match sign {
        Some('.' | ':') => rest.starts_with(|c: char| c.is_whitespace() || (!c.is_ascii() && c.is_alphabetic())),
        Some(sign) => matches!(sign, ')' | ']' | '、' | '．' | '）' | '：'),
        None => false,
    };
    first.filter(|label| is_sign && label.is_ascii_alphanumeric()).map(|label| (label, rest))
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
