//! What stands in the records of a JSON file, place by place, and the columns that hold it.
//!
//! The engine's own look at a file knows no whole numbers beyond 64 bits with a sign, which it takes for floats: ids that differ become the
//! same. Where it saw nothing but null, it takes no text later on, and it refuses a file in which a text stands where others have a list.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What was seen at one place.
#[derive(Debug, Clone, Default)]
pub(super) enum JsonKind {
    /// Nothing but null.
    #[default]
    Nothing,
    Boolean,
    /// Whole numbers from the least to the greatest.
    Whole {
        least: i128,
        greatest: i128,
    },
    /// Numbers, some of them not whole.
    Number,
    /// Texts, perhaps among other single values.
    Text,
    List(Box<JsonKind>),
    Object(ObjectKind),
    /// Lists or objects among values of another kind: a column of JSON texts.
    Mixed,
}

/// The fields of the objects seen at one place.
#[derive(Debug, Clone, Default)]
pub(super) struct ObjectKind {
    /// In the order in which they were first seen.
    names: Vec<String>,
    kinds: HashMap<String, JsonKind>,
}

impl JsonKind {
    /// The kind of a place where both were seen.
    fn merge(self, other: JsonKind) -> JsonKind {
        match (self, other) {
            (JsonKind::Nothing, kind) | (kind, JsonKind::Nothing) => kind,
            (JsonKind::Boolean, JsonKind::Boolean) => JsonKind::Boolean,
            (JsonKind::Whole { least, greatest }, JsonKind::Whole { least: other_least, greatest: other_greatest }) => {
                JsonKind::Whole { least: least.min(other_least), greatest: greatest.max(other_greatest) }
            }
            (JsonKind::Whole { .. } | JsonKind::Number, JsonKind::Whole { .. } | JsonKind::Number) => JsonKind::Number,
            (JsonKind::List(elements), JsonKind::List(others)) => JsonKind::List(Box::new((*elements).merge(*others))),
            (JsonKind::Object(mut object), JsonKind::Object(other)) => {
                object.merge(other);
                JsonKind::Object(object)
            }
            (kind, other) if kind.is_single() && other.is_single() => JsonKind::Text,
            _ => JsonKind::Mixed,
        }
    }

    fn is_single(&self) -> bool {
        matches!(self, JsonKind::Boolean | JsonKind::Whole { .. } | JsonKind::Number | JsonKind::Text)
    }

    fn data_type(&self) -> DataType {
        match self {
            // Fits beside any other type: a file whose lists are all empty goes together with one where they are not.
            JsonKind::Nothing => DataType::Null,
            JsonKind::Text | JsonKind::Mixed => DataType::Utf8,
            JsonKind::Boolean => DataType::Boolean,
            JsonKind::Number => DataType::Float64,
            JsonKind::Whole { least, greatest } => {
                let all_fit = |lowest: i128, highest: i128| lowest <= *least && *greatest <= highest;
                if all_fit(i64::MIN.into(), i64::MAX.into()) {
                    DataType::Int64
                } else if all_fit(0, u64::MAX.into()) {
                    DataType::UInt64
                } else {
                    DataType::Utf8
                }
            }
            JsonKind::List(elements) => DataType::List(Arc::new(Field::new_list_field(elements.data_type(), true))),
            JsonKind::Object(object) => DataType::Struct(object.fields()),
        }
    }

    fn expect_texts(&mut self) {
        match self {
            JsonKind::Nothing => *self = JsonKind::Text,
            JsonKind::List(elements) => elements.expect_texts(),
            JsonKind::Object(object) => object.expect_texts(),
            JsonKind::Boolean | JsonKind::Whole { .. } | JsonKind::Number | JsonKind::Text | JsonKind::Mixed => {}
        }
    }

    /// What of a later value at `place` a column of this kind would lose in silence.
    fn loses(&self, later: &JsonKind, place: &str) -> Option<String> {
        match (self, later) {
            (JsonKind::Object(object), JsonKind::Object(later)) => object.loses(later, &format!("{place}."), true),
            (JsonKind::List(elements), JsonKind::List(later)) => elements.loses(later, place),
            (JsonKind::Whole { .. }, JsonKind::Number) if self.data_type() != DataType::Utf8 => {
                Some(format!("'{place}' is no whole number"))
            }
            _ => None,
        }
    }

    fn is_mixed(&self) -> bool {
        match self {
            JsonKind::Mixed => true,
            JsonKind::List(elements) => elements.is_mixed(),
            JsonKind::Object(object) => object.is_mixed(),
            JsonKind::Nothing | JsonKind::Boolean | JsonKind::Whole { .. } | JsonKind::Number | JsonKind::Text => false,
        }
    }

    /// Appends the value with the JSON text of what is mixed in its place.
    fn write(&self, value: &RawValue, json: &mut String) -> serde_json::Result<()> {
        let text = value.get();
        match self {
            JsonKind::Mixed if text != "null" => json.push_str(&serde_json::to_string(text)?),
            JsonKind::List(elements) if elements.is_mixed() && text.starts_with('[') => {
                let values: Vec<&RawValue> = serde_json::from_str(text)?;
                json.push('[');
                for (index, value) in values.into_iter().enumerate() {
                    if index > 0 {
                        json.push(',');
                    }
                    elements.write(value, json)?;
                }
                json.push(']');
            }
            JsonKind::Object(object) if object.is_mixed() && text.starts_with('{') => object.write(text, json)?,
            _ => json.push_str(text),
        }
        Ok(())
    }
}

impl ObjectKind {
    /// Takes in the fields of one more object.
    pub fn merge(&mut self, mut other: ObjectKind) {
        for name in other.names {
            if let Some(kind) = other.kinds.remove(&name) {
                self.add(name, kind);
            }
        }
    }

    fn add(&mut self, name: String, kind: JsonKind) {
        match self.kinds.get_mut(&name) {
            Some(known) => *known = std::mem::take(known).merge(kind),
            None => {
                self.names.push(name.clone());
                self.kinds.insert(name, kind);
            }
        }
    }

    /// Takes every place where nothing but null was seen for one of texts, for a file that goes on.
    pub fn expect_texts(&mut self) {
        self.kinds.values_mut().for_each(JsonKind::expect_texts);
    }

    /// The columns of the objects, in the order in which they were first seen.
    pub fn fields(&self) -> Fields {
        self.names.iter().filter_map(|name| Some(Field::new(name, self.kinds.get(name)?.data_type(), true))).collect()
    }

    /// The fields at these places of [`ObjectKind::fields`].
    pub fn project(&self, columns: &[usize]) -> ObjectKind {
        let names: Vec<String> = columns.iter().filter_map(|column| self.names.get(*column).cloned()).collect();
        let kinds = names.iter().filter_map(|name| Some((name.clone(), self.kinds.get(name)?.clone()))).collect();
        ObjectKind { names, kinds }
    }

    /// What of a later object the columns would lose in silence; a key that is none of them counts if they are `all` that were seen.
    pub fn loses(&self, later: &ObjectKind, before: &str, all: bool) -> Option<String> {
        later.names.iter().find_map(|name| match (self.kinds.get(name), later.kinds.get(name)) {
            (Some(kind), Some(later)) => kind.loses(later, &format!("{before}{name}")),
            (None, _) if all => Some(format!("'{before}{name}' is new")),
            _ => None,
        })
    }

    /// Whether a column, or a part of one, is a JSON text.
    pub fn is_mixed(&self) -> bool {
        self.kinds.values().any(JsonKind::is_mixed)
    }

    /// The object whose text is given, without what is no column, and with the JSON text of what is mixed in its place.
    ///
    /// # Errors
    /// If one of its keys cannot be read.
    pub fn with_json_texts(&self, object: &str) -> serde_json::Result<String> {
        let mut json = String::with_capacity(object.len());
        self.write(object, &mut json)?;
        Ok(json)
    }

    fn write(&self, object: &str, json: &mut String) -> serde_json::Result<()> {
        let values: HashMap<String, &RawValue> = serde_json::from_str(object)?;
        json.push('{');
        let mut separator = "";
        for name in &self.names {
            let (Some(kind), Some(value)) = (self.kinds.get(name), values.get(name)) else { continue };
            json.push_str(separator);
            json.push_str(&serde_json::to_string(name)?);
            json.push(':');
            kind.write(value, json)?;
            separator = ",";
        }
        json.push('}');
        Ok(())
    }
}

impl<'de> Deserialize<'de> for JsonKind {
    /// Looks at a value without keeping it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = JsonKind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<JsonKind, E> {
        Ok(JsonKind::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<JsonKind, E> {
        Ok(JsonKind::Boolean)
    }

    fn visit_i64<E>(self, number: i64) -> Result<JsonKind, E> {
        Ok(JsonKind::Whole { least: number.into(), greatest: number.into() })
    }

    fn visit_u64<E>(self, number: u64) -> Result<JsonKind, E> {
        Ok(JsonKind::Whole { least: number.into(), greatest: number.into() })
    }

    /// A whole number beyond 64 bits comes as a float as well: where all of a column's numbers are whole, they are kept as they are written.
    fn visit_f64<E>(self, number: f64) -> Result<JsonKind, E> {
        let beyond = |bound: i128| JsonKind::Whole { least: bound, greatest: bound };
        Ok(if number >= u64::MAX as f64 {
            beyond(i128::MAX)
        } else if number <= i64::MIN as f64 {
            beyond(i128::MIN)
        } else {
            JsonKind::Number
        })
    }

    fn visit_str<E>(self, _: &str) -> Result<JsonKind, E> {
        Ok(JsonKind::Text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<JsonKind, A::Error> {
        let mut elements = JsonKind::Nothing;
        while let Some(value) = values.next_element::<JsonKind>()? {
            elements = elements.merge(value);
        }
        Ok(JsonKind::List(Box::new(elements)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<JsonKind, A::Error> {
        let mut object = ObjectKind::default();
        while let Some((name, kind)) = entries.next_entry::<String, JsonKind>()? {
            object.add(name, kind);
        }
        Ok(JsonKind::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind of a place where these values are.
    fn kind(values: &[&str]) -> JsonKind {
        values.iter().map(|value| serde_json::from_str::<JsonKind>(value).unwrap()).fold(JsonKind::default(), JsonKind::merge)
    }

    #[test]
    fn a_column_keeps_what_its_values_are() {
        for (values, expected) in [
            (&["1", "null", "-2"][..], "Int64"),
            (&["1", "0.5"], "Float64"),
            (&["1.0", "1e2"], "Float64"),
            (&["18446744073709551615", "7"], "UInt64"),
            (&["18446744073709551615", "-1"], "Utf8"),
            (&["18446744073709551616", "7"], "Utf8"),
            (&["-9223372036854775809", "7"], "Utf8"),
            (&["1e20", "0.5"], "Float64"),
            (&["null"], "Null"),
            (&["true", "false"], "Boolean"),
            (&["true", "1", "\"x\""], "Utf8"),
            (&["[]", "null"], "List(Null)"),
            (&["[1]", "[18446744073709551615]"], "List(UInt64)"),
            (&["[[]]", "[null]"], "List(List(Null))"),
            (&["{\"b\": null}", "{\"c\": 1}"], "Struct(\"b\": Null, \"c\": Int64)"),
            (&["\"x\"", "[\"x\"]"], "Utf8"),
            (&["1", "{}"], "Utf8"),
        ] {
            assert_eq!(kind(values).data_type().to_string(), expected, "{values:?}");
        }
    }

    #[test]
    fn a_file_that_goes_on_may_hold_texts() {
        let JsonKind::Object(mut object) = kind(&[r#"{"b": null, "l": [], "o": {"c": null, "n": 1}}"#]) else { panic!("an object") };
        object.expect_texts();
        let types: Vec<String> = object.fields().iter().map(|field| field.data_type().to_string()).collect();
        assert_eq!(types, ["Utf8", "List(Utf8)", "Struct(\"c\": Utf8, \"n\": Int64)"]);
    }

    #[test]
    fn what_is_mixed_becomes_its_text() {
        let JsonKind::Object(object) = kind(&[r#"{"m": [{"c": "x"}], "n": 1, "o": 2}"#, r#"{"m": [{"c": ["x"]}]}"#]) else {
            panic!("an object")
        };
        let columns = object.project(&[0, 1]);
        assert!(columns.is_mixed());
        let written = columns.with_json_texts(r#"{"n": 12345678901234567890123, "o": 2, "m": [{"c": ["é", 1]}, {"c": null}, null]}"#);
        assert_eq!(written.unwrap(), r#"{"m":[{"c":"[\"é\", 1]"},{"c":null},null],"n":12345678901234567890123}"#);
    }

    #[test]
    fn what_a_column_would_lose_is_named() {
        let JsonKind::Object(known) = kind(&[r#"{"n": 1, "t": "x", "o": {"a": [{"b": 1}]}}"#]) else { panic!("an object") };
        for (later, all, lost) in [
            (r#"{"n": 2, "t": 0.5}"#, true, None),
            (r#"{"n": 0.5}"#, false, Some("'n' is no whole number")),
            (r#"{"x": 1}"#, true, Some("'x' is new")),
            (r#"{"x": 1}"#, false, None),
            (r#"{"o": {"a": [{"c": 1}]}}"#, false, Some("'o.a.c' is new")),
        ] {
            let JsonKind::Object(later) = kind(&[later]) else { panic!("an object") };
            assert_eq!(known.loses(&later, "", all).as_deref(), lost);
        }
    }
}
