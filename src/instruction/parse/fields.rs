//! Fields of an object as a model writes them: under several names, as strings, lists, numbers or objects.

use serde_json::{Map, Value};

/// Where an object keeps its label.
const LABEL_KEYS: &[&str] = &["label", "name", "object", "category", "skill", "ability"];

/// What stands before the number in a key that numbers items, in lower case without separators.
const NUMBERED: &[&str] = &[
    "",
    "item",
    "items",
    "number",
    "no",
    "pair",
    "question",
    "q",
    "qa",
    "instruction",
    "result",
    "entry",
    "verdict",
    "judgement",
    "judgment",
];

/// Words of a name before a number, such as `Rewritten item 3`; more are a text that ends with one.
const MOST_NAME_WORDS: usize = 3;

/// The value of the first of `names` that the object has and that is not null. `names` are in lower case without separators.
pub fn field<'a>(members: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| members.iter().find(|(key, value)| is_same_name(key, name) && !value.is_null()).map(|(_, value)| value))
}

/// Whether a key is one of `names`.
pub fn is_named(key: &str, names: &[&str]) -> bool {
    names.iter().any(|name| is_same_name(key, name))
}

fn is_same_name(key: &str, name: &str) -> bool {
    key.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).eq(name.chars())
}

/// A value as text: the elements of a list and the values of an object joined by blanks, numbers and truth values as JSON writes
/// them, null as the empty text. A list of numbers, and an object that holds one, stays JSON: without its brackets a box is none. Trimmed.
pub fn text_of(value: &Value) -> String {
    let mut words = Vec::new();
    collect_text(value, &mut words);
    words.join(" ")
}

fn collect_text(value: &Value, words: &mut Vec<String>) {
    match value {
        value if is_list_of_numbers(value) => words.push(value.to_string()),
        Value::Null => {}
        Value::String(text) => words.extend(Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)),
        Value::Array(values) => values.iter().for_each(|value| collect_text(value, words)),
        Value::Object(members) => members.values().for_each(|value| collect_text(value, words)),
        scalar => words.push(scalar.to_string()),
    }
}

/// Whether a value is a list of numbers, a list of such lists, or an object that holds one.
fn is_list_of_numbers(value: &Value) -> bool {
    match value {
        Value::Array(values) => {
            (values.len() > 1 && values.iter().all(Value::is_number)) || (!values.is_empty() && values.iter().all(is_list_of_numbers))
        }
        Value::Object(members) => members.values().any(is_list_of_numbers),
        _ => false,
    }
}

/// Labels: a list of strings, a string separated by commas, or objects that have a label. Empty ones are left out.
pub fn labels(value: &Value) -> Vec<String> {
    match value {
        Value::Null | Value::Bool(_) => Vec::new(),
        Value::String(text) => text.split(',').map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned).collect(),
        Value::Number(number) => vec![number.to_string()],
        Value::Array(values) => values.iter().flat_map(element_labels).collect(),
        Value::Object(members) => field(members, LABEL_KEYS).map(element_labels).unwrap_or_default(),
    }
}

/// A comma inside a list's element belongs to the label.
fn element_labels(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|label| !label.is_empty()).map(str::to_owned).into_iter().collect(),
        other => labels(other),
    }
}

/// The first of the fields that is a whole number: `3`, `3.0`, `"3"`, `"#3"`, `"item-3"`, `"(3)"`, `"Item 3: How many?"`.
pub fn first_number(members: &Map<String, Value>, names: &[&str]) -> Option<i64> {
    names.iter().find_map(|name| field(members, &[name]).and_then(whole_number))
}

fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => number_in_words(text.trim()),
        _ => None,
    }
}

/// The number that a text is, or that stands behind a name; before a bracket or a colon, behind the name of an item. Only a text that begins with it is negative.
fn number_in_words(text: &str) -> Option<i64> {
    let named =
        text.trim_start_matches(|c: char| c.is_alphabetic() || c.is_whitespace() || matches!(c, '#' | '_' | ':' | '-' | '.' | '(' | '['));
    let name = text.strip_suffix(named).unwrap_or_default();
    let read = |number: &str| number.parse::<i64>().ok().or_else(|| number.parse().ok().and_then(whole));
    let in_front = || {
        let (number, rest) = named.split_at(named.find(|c: char| !c.is_ascii_digit()).unwrap_or(named.len()));
        let is_end = rest.trim_matches(['.', ')', ']']).trim_start().is_empty() || rest.trim_start_matches([')', ']']).starts_with(':');
        if is_end && is_named(name, NUMBERED) { number.parse::<i64>().ok() } else { None }
    };
    match text.parse::<f64>() {
        Ok(_) => read(text),
        Err(_) if name.split_whitespace().count() > MOST_NAME_WORDS => None,
        Err(_) => read(named).or_else(in_front),
    }
}

/// The number in a key that numbers items: `2`, `item_2`, `Item 2`, `#2`.
pub fn number_of_key(key: &str) -> Option<i64> {
    let key = key.trim();
    let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = key[name.len()..].parse().ok()?;
    is_named(name, NUMBERED).then_some(number)
}

/// The rows of an object whose members are columns: the value of row `k` is element `k` of each of `columns` that is a list of `count`
/// elements. It goes by the first of the column's names; other members are left out.
pub fn rows(members: &Map<String, Value>, count: usize, columns: &[&[&str]]) -> Vec<Map<String, Value>> {
    let mut rows = vec![Map::new(); count];
    for names in columns {
        let cells = field(members, names).and_then(Value::as_array).filter(|cells| cells.len() == count);
        for (row, cell) in rows.iter_mut().zip(cells.into_iter().flatten()) {
            row.insert(names[0].to_owned(), cell.clone());
        }
    }
    rows
}

/// The number as an integer if it is one that `f64` holds exactly.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(number as i64)
}
