//! The options of one call: `{temperature: 0}`, `MAP {'temperature': 0}`, `temperature => 0`.
//!
//! A name that a struct has and the function does not is refused when the statement is planned. What only a row shows, a name in a map or a
//! value, is an error of that row.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::schema::check_schema;
use crate::error::suggest;
use crate::model::outcome::CallFailure;
use crate::model::{Parameters, ResponseSchema};

/// `error_kind` of a row with an option that is none, or with a value that its option does not take.
const OPTION: &str = "option";

/// `error_kind` of a row whose schema is no JSON schema.
const SCHEMA: &str = "schema";

/// Highest number of an answer: further answers, asked for where one is of no use, come after it.
const MAX_SAMPLE: i64 = i32::MAX as i64;

/// Options as a row gives them: names and written values.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct GivenOptions(Option<BTreeMap<String, Option<String>>>);

/// What a call wants otherwise than its session.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct CallOptions {
    temperature: Option<f64>,
    max_tokens: Option<u32>,
    seed: Option<i64>,
    /// The shape the answer must have.
    pub schema: Option<Arc<ResponseSchema>>,
    /// Which of several answers to the same request.
    pub sample: Option<u32>,
}

impl GivenOptions {
    /// The options, of which the function takes those in `known`. An option that is NULL is not given.
    ///
    /// # Errors
    /// The row's failure, of kind `option` or `schema`.
    pub fn read(self, known: &[&str]) -> Result<CallOptions, CallFailure> {
        let mut options = CallOptions::default();
        for (name, value) in self.0.unwrap_or_default() {
            let Some(name) = known.iter().copied().find(|known| known.eq_ignore_ascii_case(&name)) else {
                return Err(unknown(&name, known));
            };
            if let Some(value) = value {
                options.set(name, &value)?;
            }
        }
        Ok(options)
    }
}

impl CallOptions {
    /// The sampling parameters of a call in a session that samples with `parameters`.
    pub fn parameters(&self, parameters: Parameters) -> Parameters {
        Parameters {
            temperature: self.temperature.unwrap_or(parameters.temperature),
            max_tokens: self.max_tokens.unwrap_or(parameters.max_tokens),
            seed: self.seed.unwrap_or(parameters.seed),
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), CallFailure> {
        let refuse = |expected: &str| failure(OPTION, format!("{name} must be {expected}, not '{value}'"));
        match name {
            "temperature" => {
                let temperature = value.parse().ok().filter(|degree| Parameters::TEMPERATURES.contains(degree));
                self.temperature = Some(temperature.ok_or_else(|| refuse("a number from 0 to 2"))?);
            }
            "max_tokens" => {
                let tokens = whole(value).and_then(|tokens| u32::try_from(tokens).ok()).filter(|tokens| *tokens > 0);
                self.max_tokens = Some(tokens.ok_or_else(|| refuse("a whole number from 1"))?);
            }
            "seed" => self.seed = Some(whole(value).ok_or_else(|| refuse("a whole number"))?),
            "sample" => self.sample = Some(sample_index(whole(value)).ok_or_else(|| refuse("a whole number from 0"))?),
            "schema" => self.schema = Some(read_schema(value)?),
            _ => return Err(failure(OPTION, format!("option '{name}' cannot be set"))),
        }
        Ok(())
    }
}

/// The sample index that a number stands for.
pub fn sample_index(number: Option<i64>) -> Option<u32> {
    number.filter(|number| (0..=MAX_SAMPLE).contains(number)).and_then(|number| u32::try_from(number).ok())
}

/// The failure of a row whose sample is none.
pub fn refused_sample(sample: i64) -> CallFailure {
    failure(OPTION, format!("sample must be a whole number from 0, not '{sample}'"))
}

fn read_schema(text: &str) -> Result<Arc<ResponseSchema>, CallFailure> {
    let schema = serde_json::from_str(text).map_err(|cause| failure(SCHEMA, format!("the schema is no JSON: {cause}")))?;
    check_schema(&schema).map_err(|problem| failure(SCHEMA, format!("the schema is no JSON schema: {problem}")))?;
    Ok(Arc::new(ResponseSchema { name: "answer".to_owned(), schema }))
}

/// A whole number, however it is written: a map that also holds fractions holds 100 as 100.0.
fn whole(text: &str) -> Option<i64> {
    const EXACT: f64 = (1u64 << f64::MANTISSA_DIGITS) as f64;
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
    })
}

fn unknown(name: &str, known: &[&str]) -> CallFailure {
    let hint = suggest(name, known.iter().copied()).pop().unwrap_or_else(|| format!("the options are {}", known.join(", ")));
    failure(OPTION, format!("there is no option '{name}': {hint}"))
}

fn failure(kind: &'static str, message: String) -> CallFailure {
    CallFailure { kind, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["temperature", "max_tokens", "seed", "schema", "sample"];

    fn read(name: &str, value: &str) -> Result<CallOptions, CallFailure> {
        GivenOptions(Some(BTreeMap::from([(name.to_owned(), Some(value.to_owned()))]))).read(KNOWN)
    }

    #[test]
    fn values_are_read_as_they_are_written() {
        assert_eq!(read("temperature", "0.25").unwrap().temperature, Some(0.25));
        assert_eq!(read("MAX_TOKENS", "100.0").unwrap().max_tokens, Some(100));
        assert_eq!(read("seed", "-7").unwrap().seed, Some(-7));
        assert_eq!(read("sample", "3").unwrap().sample, Some(3));
        assert_eq!(read("schema", r#"{"type": "object"}"#).unwrap().schema.unwrap().schema, serde_json::json!({ "type": "object" }));
        assert_eq!(GivenOptions(None).read(KNOWN), Ok(CallOptions::default()));
        assert_eq!(GivenOptions(Some(BTreeMap::from([("seed".to_owned(), None)]))).read(KNOWN), Ok(CallOptions::default()));
    }

    #[test]
    fn values_that_are_none_are_failures_of_the_row() {
        for (name, value) in [
            ("temperature", "-0.1"),
            ("temperature", "2.1"),
            ("temperature", "NaN"),
            ("temperature", "hot"),
            ("max_tokens", "0"),
            ("max_tokens", "4294967296"),
            ("max_tokens", "1.5"),
            ("seed", "one"),
            ("sample", "-1"),
            ("sample", "2147483648"),
        ] {
            assert_eq!(read(name, value).unwrap_err().kind, OPTION, "{name} = {value}");
        }
        assert_eq!(read("schema", "{").unwrap_err().kind, SCHEMA);
        assert_eq!(read("schema", r#"{"type": "text"}"#).unwrap_err().kind, SCHEMA);
        assert_eq!(read("temprature", "1").unwrap_err().message, "there is no option 'temprature': did you mean 'temperature'?");
    }
}
