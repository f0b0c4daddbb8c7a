//! Ids: hashes of what a thing is, so that a repeated run makes the same ones.

use chrono::{DateTime, Utc};

/// Digits of an id made by [`stable_id`]. Image ids are whole hashes (64 digits), as other tools compute them.
pub const ID_DIGITS: usize = 32;

/// Shorter beginnings of ids name too many things.
pub(crate) const SHORTEST_PREFIX: usize = 4;

/// The id of something identified by `parts`: 32 hex digits (128 bits) of the blake3 hash of the parts.
///
/// Each part goes in with its length, and an absent part differs from an empty one, so different lists never share their bytes.
pub fn stable_id<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        match part {
            Some(text) => {
                hasher.update(&(text.len() as u64 + 1).to_le_bytes());
                hasher.update(text.as_bytes());
            }
            None => {
                hasher.update(&0u64.to_le_bytes());
            }
        }
    }
    hasher.finalize().to_hex()[..ID_DIGITS].to_owned()
}

/// A number in `0.0..1.0` that depends on nothing but `parts`.
pub fn stable_fraction<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> f64 {
    let id = stable_id(parts);
    // 13 hex digits are 52 bits: every value is exact in an f64.
    let bits = u64::from_str_radix(&id[..13], 16).unwrap_or_default();
    bits as f64 / (1u64 << 52) as f64
}

/// What is left of a text to tell it from others in little memory: the first 128 bits of its hash.
pub fn stable_key(text: &str) -> u128 {
    let mut first = [0; 16];
    blake3::Hasher::new().update(text.as_bytes()).finalize_xof().fill(&mut first);
    u128::from_le_bytes(first)
}

/// Where the time comes from, so that tests can set it.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The time now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        let id = |parts: &[Option<&str>]| stable_id(parts.iter().copied());
        assert_eq!(id(&[Some("a"), Some("b")]).len(), ID_DIGITS);
        assert_ne!(id(&[Some("ab"), Some("")]), id(&[Some("a"), Some("b")]));
        assert_ne!(id(&[Some("")]), id(&[None]));
        assert_eq!(id(&[Some("x"), None]), id(&[Some("x"), None]));
    }

    #[test]
    fn fractions_fill_the_unit_interval() {
        let mean = (0..1000).map(|i| stable_fraction([Some(i.to_string().as_str())])).sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
