//! Keys that an object has twice: the brackets between two objects are missing, or a model corrects itself.

use std::collections::HashSet;

use serde_json::{Map, Value};

/// Whether an object in sound JSON has a key twice: `serde_json` keeps only its last value, and says nothing.
pub(super) fn repeat_in(json: &str) -> bool {
    let mut objects: Vec<HashSet<&str>> = Vec::new();
    let mut rest = json;
    while let Some(place) = rest.find(['{', '}', '"']) {
        let (found, after) = rest.split_at(place + 1);
        rest = after;
        if found.ends_with('{') {
            objects.push(HashSet::new());
        } else if found.ends_with('}') {
            objects.pop();
        } else {
            let mut is_escaped = false;
            let end = after.find(|c: char| {
                let is_end = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                is_end
            });
            let (text, behind) = after.split_at(end.unwrap_or(after.len()));
            rest = behind.get(1..).unwrap_or_default();
            let is_key = rest.trim_start().starts_with(':');
            if is_key && objects.last_mut().is_some_and(|keys| !keys.insert(text)) {
                return true;
            }
        }
    }
    false
}

/// Whether a member begins another object, from which the one it stands in was not parted: its key is the first of that object again,
/// or that of an item, and it has another value.
pub(super) fn begins_object(members: &Map<String, Value>, key: &str, value: &Value) -> bool {
    let is_first = || members.keys().next().is_some_and(|first| first == key);
    let is_of_item = || matches!(key, "item" | "question") && members.contains_key("answer");
    members.get(key).is_some_and(|before| before != value) && (is_first() || is_of_item())
}

/// Whether a key is the first of the last object in a list: behind that object, it begins another one, whose brace is missing.
pub(super) fn begins_another(items: &[Value], key: &str) -> bool {
    items.last().and_then(Value::as_object).and_then(|members| members.keys().next()).is_some_and(|first| first == key)
}
