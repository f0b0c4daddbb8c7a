//! How a session asks models: `SET mmevol.NAME = VALUE`, shown by `SHOW mmevol.NAME` and `SHOW ALL`; value `default` is what it began with.
//!
//! What may be spent is not among them: limits are given when the session is made, and no statement raises them.

use std::any::Any;
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::str::FromStr;

use datafusion::common::{config_datafusion_err, config_err};
use datafusion::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};

use crate::model::Parameters;

/// The value that takes an option back to what a session begins with.
pub const DEFAULT: &str = "default";

/// Session options of model functions.
#[derive(Debug, Clone)]
pub struct ModelOptions {
    /// What a row without an answer does to the query.
    pub on_error: OnError,
    /// Requests in flight at most, for each endpoint and model, in the whole process; `None` is the command's.
    pub concurrency: Option<NonZeroUsize>,
    /// Sampling temperature of calls that name none.
    pub temperature: Option<f64>,
    /// Longest answer in tokens, of calls that name none.
    pub max_tokens: Option<u32>,
    /// Seed of calls that name none.
    pub seed: Option<i64>,
    /// Whether rows come back in the order of their input where nothing else orders them. Without it, they come as they are answered.
    pub keep_order: bool,
}

impl Default for ModelOptions {
    fn default() -> Self {
        ModelOptions { on_error: OnError::Null, concurrency: None, temperature: None, max_tokens: None, seed: None, keep_order: true }
    }
}

impl ExtensionOptions for ModelOptions {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        if value.eq_ignore_ascii_case(DEFAULT) && self.reset(key) {
            return Ok(());
        }
        match key {
            "on_error" => self.on_error = value.parse()?,
            "concurrency" => self.concurrency = optional(key, value, "a number from 1")?,
            "temperature" => {
                let degree = optional(key, value, "a number from 0 to 2")?;
                if degree.is_some_and(|degree: f64| !Parameters::TEMPERATURES.contains(&degree)) {
                    return config_err!("mmevol.temperature is a number from 0 to 2, not '{value}'");
                }
                self.temperature = degree;
            }
            "max_tokens" => {
                self.max_tokens = optional::<NonZeroU32>(key, value, "a number of tokens, from 1")?.map(NonZeroU32::get);
            }
            "seed" => self.seed = optional(key, value, "an integer")?,
            "keep_order" => self.keep_order = required(key, value, "true or false")?,
            unknown => {
                let known = self.entries().into_iter().map(|entry| entry.key).collect::<Vec<_>>().join(", ");
                return config_err!("there is no option mmevol.{unknown}; there are {known}");
            }
        }
        Ok(())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        let entry = |key: &str, value: Option<String>, description| ConfigEntry { key: format!("mmevol.{key}"), value, description };
        let text = |value: Option<&dyn fmt::Display>| value.map(ToString::to_string);
        vec![
            entry(
                "on_error",
                Some(self.on_error.to_string()),
                "What a row without an answer does: 'null' makes it NULL, 'fail' ends the query; try_ functions give errors as values either way.",
            ),
            entry(
                "concurrency",
                text(self.concurrency.as_ref().map(|value| value as _)),
                "Requests in flight at most, for each endpoint and model, in the whole process; NULL is the command's.",
            ),
            entry(
                "temperature",
                text(self.temperature.as_ref().map(|value| value as _)),
                "Sampling temperature of calls that name none; NULL is the command's.",
            ),
            entry(
                "max_tokens",
                text(self.max_tokens.as_ref().map(|value| value as _)),
                "Longest answer of calls that name none, in tokens; NULL is the command's.",
            ),
            entry("seed", text(self.seed.as_ref().map(|value| value as _)), "Seed of calls that name none; NULL is the command's."),
            entry(
                "keep_order",
                Some(self.keep_order.to_string()),
                "Whether rows come in the order of their input where nothing else orders them, or as they are answered.",
            ),
        ]
    }
}

fn required<T: FromStr>(key: &str, value: &str, expected: &str) -> Result<T> {
    value.to_ascii_lowercase().parse().map_err(|_| config_datafusion_err!("mmevol.{key} is {expected}, not '{value}'"))
}

fn optional<T: FromStr>(key: &str, value: &str, expected: &str) -> Result<Option<T>> {
    match value.eq_ignore_ascii_case("null") {
        true => Ok(None),
        false => required(key, value, expected).map(Some),
    }
}

impl ConfigExtension for ModelOptions {
    const PREFIX: &'static str = "mmevol";
}

impl ModelOptions {
    /// Gives an option the value that a session begins with. False for one that there is not.
    fn reset(&mut self, key: &str) -> bool {
        let ModelOptions { on_error, concurrency, temperature, max_tokens, seed, keep_order } = ModelOptions::default();
        match key {
            "on_error" => self.on_error = on_error,
            "concurrency" => self.concurrency = concurrency,
            "temperature" => self.temperature = temperature,
            "max_tokens" => self.max_tokens = max_tokens,
            "seed" => self.seed = seed,
            "keep_order" => self.keep_order = keep_order,
            _ => return false,
        }
        true
    }

    /// The options of a session; the defaults where it has none.
    pub fn of(options: &ConfigOptions) -> ModelOptions {
        options.extensions.get::<ModelOptions>().cloned().unwrap_or_default()
    }

    /// The sampling parameters of a session whose models were made with `parameters`.
    pub fn parameters(&self, parameters: Parameters) -> Parameters {
        Parameters {
            temperature: self.temperature.unwrap_or(parameters.temperature),
            max_tokens: self.max_tokens.unwrap_or(parameters.max_tokens),
            seed: self.seed.unwrap_or(parameters.seed),
        }
    }
}

/// What a row without an answer does to its query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnError {
    /// It ends the query. Answers that came back are recorded.
    Fail,
    /// Its value is NULL.
    #[default]
    Null,
}

impl FromStr for OnError {
    type Err = DataFusionError;

    fn from_str(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "fail" => Ok(OnError::Fail),
            "null" => Ok(OnError::Null),
            _ => config_err!("mmevol.on_error is 'fail' or 'null', not '{text}'"),
        }
    }
}

impl fmt::Display for OnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OnError::Fail => "fail",
            OnError::Null => "null",
        })
    }
}
