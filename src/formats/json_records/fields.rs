//! The fields of one JSON record, taken out one by one; what is wrong is said with the field's place.

use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use super::super::{RecordFault, SeedSample};
use super::{cause, value};
use crate::text::beginning;

/// Keys named in a message; the rest are counted.
const KEYS_SHOWN: usize = 12;
/// Characters of a foreign value shown in a message.
const VALUE_SHOWN: usize = 80;

/// The fields of a JSON object. `null` counts as absent everywhere.
#[derive(Debug)]
pub(in crate::formats) struct Fields {
    values: Map<String, Value>,
    /// The keys as the record has them: taking a field does not change what messages list.
    keys: Vec<String>,
    /// Where the object stands in its record, such as `det[2]`; empty for the record itself.
    place: String,
}

impl Fields {
    /// The fields of a whole record.
    pub fn of_record(record: &RawValue) -> Result<Self, RecordFault> {
        expect_object(record)?;
        let value = value(record).map_err(|message| RecordFault { source_id: source_id_of(record), ..fault(message) })?;
        Self::of_value(value, String::new())
    }

    /// The fields of the object at `place`.
    pub fn of_value(value: Value, place: String) -> Result<Self, RecordFault> {
        match value {
            Value::Object(values) => Ok(Fields { keys: values.keys().cloned().collect(), values, place }),
            other if place.is_empty() => Err(fault(format!("the record is {}, expected an object", kind(&other)))),
            other => Err(fault(format!("{place} is {}, expected an object", kind(&other)))),
        }
    }

    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Where the field `key` stands, such as `det[2].label`.
    pub fn place_of(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    /// Takes the field out.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.values.remove(key).filter(|value| !value.is_null())
    }

    pub fn text(&mut self, key: &str) -> Result<Option<String>, RecordFault> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.unexpected(key, &other, "text")),
        }
    }

    /// A text that must be there, if only as an empty one.
    pub fn required_text(&mut self, key: &str) -> Result<String, RecordFault> {
        self.text(key)?.ok_or_else(|| fault(format!("{} is missing", self.place_of(key))))
    }

    /// A text that must be there and say something.
    pub fn filled_text(&mut self, key: &str) -> Result<String, RecordFault> {
        let text = self.required_text(key)?;
        if text.trim().is_empty() { Err(fault(format!("{} is empty", self.place_of(key)))) } else { Ok(text) }
    }

    /// A list; an absent one is empty.
    pub fn list(&mut self, key: &str) -> Result<Vec<Value>, RecordFault> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => Ok(values),
            Some(other) => Err(self.unexpected(key, &other, "a list")),
        }
    }

    /// A list of texts; one text alone counts as a list of one, numbers become text.
    pub fn texts(&mut self, key: &str) -> Result<Vec<String>, RecordFault> {
        let values = match self.take(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(single) => vec![single],
        };
        let read = |(index, value)| {
            text_or_number(value).map_err(|other| fault(format!("{}[{index}] is {}, expected text", self.place_of(key), kind(&other))))
        };
        values.into_iter().enumerate().map(read).collect()
    }

    pub fn integer(&mut self, key: &str) -> Result<Option<i64>, RecordFault> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let whole =
            value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < (1_i64 << 53) as f64).map(|number| number as i64);
        value.as_i64().or(whole).map(Some).ok_or_else(|| self.unexpected(key, &value, "a whole number"))
    }

    /// The record's own key: `hash_id`, else `id`. Numbers become text; anything else counts as absent.
    pub fn take_source_id(&mut self) -> Result<Option<String>, RecordFault> {
        for key in ["hash_id", "id"] {
            let id = match self.take(key) {
                Some(Value::Number(number)) if is_rounded(&number) => {
                    return Err(fault(format!("{key} is the number {number}, too large to be kept exactly: write it as text, in quotes")));
                }
                Some(id) => text_or_number(id).ok().filter(|id| !id.is_empty()),
                None => None,
            };
            if id.is_some() {
                return Ok(id);
            }
        }
        Ok(None)
    }

    pub fn unexpected(&self, key: &str, found: &Value, expected: &str) -> RecordFault {
        fault(format!("{} is {}, expected {expected}", self.place_of(key), kind(found)))
    }
}

/// The keys of a record with their values as text.
pub(in crate::formats) fn entries(record: &RawValue) -> Result<Vec<(String, &RawValue)>, RecordFault> {
    struct Entries;

    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = map.next_entry()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    expect_object(record)?;
    let read = serde_json::Deserializer::from_str(record.get()).deserialize_map(Entries);
    read.map_err(|error| fault(format!("the record cannot be read: {}", cause(&error))))
}

/// A fault unless the record is an object, told from its first byte: what it holds may be impossible to read.
fn expect_object(record: &RawValue) -> Result<(), RecordFault> {
    let found = match record.get().bytes().next() {
        Some(b'{') => return Ok(()),
        Some(b'[') => "a list",
        Some(b'"') => "text",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    };
    Err(fault(format!("the record is {found}, expected an object")))
}

/// The key of a record that cannot be read as a whole.
fn source_id_of(record: &RawValue) -> Option<String> {
    let entries = entries(record).ok()?;
    let ids = ["hash_id", "id"].map(|wanted| entries.iter().find(|(key, _)| key == wanted));
    ids.into_iter().flatten().find_map(|(_, id)| text_or_number(serde_json::from_str(id.get()).ok()?).ok())
}

/// Reads a record with `read`; a fault carries the record's own key.
pub(in crate::formats) fn read_sample(
    mut fields: Fields,
    read: impl FnOnce(Fields) -> Result<SeedSample, RecordFault>,
) -> Result<SeedSample, RecordFault> {
    let source_id = fields.take_source_id()?;
    match read(fields) {
        Ok(sample) => Ok(SeedSample { source_id, ..sample }),
        Err(fault) => Err(RecordFault { source_id, ..fault }),
    }
}

/// A fault of a record whose key is not known here; [`read_sample`] adds it.
pub(in crate::formats) fn fault(message: impl Into<String>) -> RecordFault {
    RecordFault { source_id: None, message: message.into(), hint: None }
}

/// What a value is, in words.
pub(in crate::formats) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The value as JSON, cut to what fits a message.
pub(in crate::formats) fn shown(value: &Value) -> String {
    cut(&value.to_string())
}

/// The keys for a message: `id, image, ...`.
pub(in crate::formats) fn shown_keys(keys: &[String]) -> String {
    if keys.is_empty() {
        return "none".to_owned();
    }
    let mut text = keys.iter().take(KEYS_SHOWN).map(|key| cut(key)).collect::<Vec<_>>().join(", ");
    if keys.len() > KEYS_SHOWN {
        text.push_str(&format!(" and {} more", keys.len() - KEYS_SHOWN));
    }
    text
}

fn cut(text: &str) -> String {
    let (shown, is_cut) = beginning(text, VALUE_SHOWN);
    format!("{shown}{}", if is_cut { "..." } else { "" })
}

/// Whether other whole numbers would be read as the same one: beyond 64 bits, numbers are floats.
fn is_rounded(number: &Number) -> bool {
    number.is_f64() && number.as_f64().is_some_and(|value| value.abs() >= (1_u64 << f64::MANTISSA_DIGITS) as f64)
}

fn text_or_number(value: Value) -> Result<String, Value> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(other),
    }
}
