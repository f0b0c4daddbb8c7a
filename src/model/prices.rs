//! What tokens cost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

const EMBEDDED: &str = include_str!("prices.toml");

/// Prices by model. A copy of `prices.toml` is part of the binary; users lay a file of their own over it.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceTable {
    prices: BTreeMap<String, Price>,
}

/// USD per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    input: f64,
    output: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    /// For readers of the file.
    #[serde(default, rename = "as_of")]
    _as_of: Option<String>,
    #[serde(default)]
    models: BTreeMap<String, Price>,
}

/// A price file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant says what its fields are")]
pub enum PriceError {
    /// The system refused to read the file.
    #[error("Failed to read the price file {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// The cause names line and key.
    #[error("Failed to read the price file {}: {source}", path.display())]
    Parse { path: PathBuf, source: Box<toml::de::Error> },
    /// A negative or infinite price, or one that is not a number.
    #[error("Failed to read the price file {}: models.\"{model}\".{key} is {price}, but a price in USD per million tokens is 0 or more", path.display())]
    OutOfRange { path: PathBuf, model: String, key: &'static str, price: f64 },
}

impl PriceTable {
    /// The prices that come with the binary.
    pub fn embedded() -> PriceTable {
        // A test reads the embedded file; should it ever be broken, unknown costs are better than a panic.
        let prices = toml::from_str::<PriceFile>(EMBEDDED).map(|file| file.models).unwrap_or_default();
        PriceTable { prices }
    }

    /// The embedded prices with those of a TOML file of the same shape laid over them.
    ///
    /// # Errors
    /// When the file cannot be read, is no TOML of that shape, or holds a price that is negative or not a number.
    pub fn load(path: &Path) -> Result<PriceTable, PriceError> {
        let text = std::fs::read_to_string(path).map_err(|source| PriceError::Read { path: path.to_owned(), source })?;
        let file: PriceFile =
            toml::from_str(&text).map_err(|source| PriceError::Parse { path: path.to_owned(), source: Box::new(source) })?;
        for (model, price) in &file.models {
            for (key, price) in [("input", price.input), ("output", price.output)] {
                if !(price.is_finite() && price >= 0.0) {
                    return Err(PriceError::OutOfRange { path: path.to_owned(), model: model.clone(), key, price });
                }
            }
        }
        let mut table = PriceTable::embedded();
        table.prices.extend(file.models);
        Ok(table)
    }

    /// What so many tokens cost, or `None` when the model has no price. A dated name (`gpt-4o-mini-2024-07-18`,
    /// `gpt-4o-latest`) without a price of its own costs what the longest listed name before the date costs.
    pub fn cost_usd(&self, model: &str, prompt_tokens: u64, completion_tokens: u64) -> Option<f64> {
        let price = self.price(model)?;
        Some((prompt_tokens as f64 * price.input + completion_tokens as f64 * price.output) / 1e6)
    }

    fn price(&self, model: &str) -> Option<&Price> {
        let of_family = || {
            let families = self.prices.iter().filter(|(family, _)| model.strip_prefix(family.as_str()).is_some_and(is_date_suffix));
            families.max_by_key(|(family, _)| family.len()).map(|(_, price)| price)
        };
        self.prices.get(model).or_else(of_family)
    }
}

/// `-2024-07-18`, `-20240718`, `-0613`, `@20240718` or `-latest`; other suffixes name other models (`gpt-4o-audio-preview`).
fn is_date_suffix(suffix: &str) -> bool {
    let Some(version) = suffix.strip_prefix(['-', '@']) else { return false };
    let digits = version.chars().filter(char::is_ascii_digit).count();
    let only_digits_and_hyphens = version.chars().all(|character| character.is_ascii_digit() || character == '-');
    version == "latest" || (only_digits_and_hyphens && matches!(digits, 4 | 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<PriceTable, PriceError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("my-prices.toml");
        std::fs::write(&path, text).unwrap();
        PriceTable::load(&path)
    }

    #[test]
    fn the_embedded_table_is_read() {
        let prices = PriceTable::embedded();
        assert_eq!(prices.cost_usd("gpt-4o-mini", 1_000_000, 1_000_000), Some(0.75));
        assert_eq!(prices.cost_usd("rules", 1_000_000, 1_000_000), Some(0.0));
        assert_eq!(prices.cost_usd("llava-1.6", 1, 1), None);
    }

    #[test]
    fn dated_names_cost_what_the_longest_listed_name_costs() {
        let prices = PriceTable::embedded();
        let million_in = |model| prices.cost_usd(model, 1_000_000, 0);
        assert_eq!(million_in("gpt-4o-mini-2024-07-18"), Some(0.15));
        assert_eq!(million_in("gpt-4o-2024-08-06"), Some(2.5));
        assert_eq!(million_in("gpt-4o-2024-05-13"), Some(5.0));
        assert_eq!(million_in("gpt-4.1-mini-2025-04-14"), Some(0.4));
        assert_eq!(million_in("gpt-4o-audio-preview"), None);
        assert_eq!(million_in("gpt-4o-"), None);
    }

    #[test]
    fn a_users_file_overrides_and_adds() {
        let prices = load("[models]\n\"gpt-4o-mini\" = { input = 1, output = 2 }\nmine = { input = 0.5, output = 0.5 }\n").unwrap();
        assert_eq!(prices.cost_usd("gpt-4o-mini", 1_000_000, 1_000_000), Some(3.0));
        assert_eq!(prices.cost_usd("mine", 2_000_000, 0), Some(1.0));
        assert_eq!(prices.cost_usd("gpt-4o", 1_000_000, 0), Some(2.5));
    }

    #[test]
    fn errors_name_file_and_key() {
        let negative = load("[models]\nmine = { input = -1.0, output = 0.5 }\n").unwrap_err().to_string();
        assert!(negative.contains("my-prices.toml") && negative.contains("models.\"mine\".input is -1"), "{negative}");
        let misspelt = load("[models]\nmine = { inputs = 1.0, output = 0.5 }\n").unwrap_err().to_string();
        assert!(misspelt.contains("my-prices.toml") && misspelt.contains("inputs"), "{misspelt}");
        let missing = PriceTable::load(Path::new("/no/such/prices.toml")).unwrap_err().to_string();
        assert!(missing.contains("/no/such/prices.toml"), "{missing}");
    }
}
