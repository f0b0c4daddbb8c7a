//! Why rows have no value: errors counted by their kind. Many quote an answer or a message of the endpoint, so that no two texts are alike.

use std::collections::BTreeMap;

use crate::text::beginning;

/// Characters of an example that are shown.
const SHOWN_CHARACTERS: usize = 200;

/// Errors, counted by kind.
#[derive(Debug, Default)]
pub struct Reasons {
    by_kind: BTreeMap<String, Reason>,
}

#[derive(Debug)]
struct Reason {
    times: u64,
    /// The first of the texts by the alphabet, so that the same rows in any order show the same.
    example: String,
    /// Whether all have this text.
    is_the_same: bool,
}

/// The reason that most rows have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commonest {
    /// Its kind and its text; of several texts one, as an example. Shortened.
    pub reason: String,
    /// How many rows have an error of this kind.
    pub times: u64,
}

impl Reasons {
    /// Counts a row's error.
    pub fn count(&mut self, kind: &str, text: &str) {
        let Some(reason) = self.by_kind.get_mut(kind) else {
            self.by_kind.insert(kind.to_owned(), Reason { times: 1, example: text.to_owned(), is_the_same: true });
            return;
        };
        reason.times += 1;
        reason.is_the_same &= reason.example == text;
        if text < reason.example.as_str() {
            text.clone_into(&mut reason.example);
        }
    }

    /// Rows that were counted.
    pub fn rows(&self) -> u64 {
        self.by_kind.values().map(|reason| reason.times).sum()
    }

    /// The commonest kind of error, of several the first by the alphabet; `None` where nothing was counted.
    pub fn commonest(&self) -> Option<Commonest> {
        let (kind, reason) = self.by_kind.iter().max_by(|(a, m), (b, n)| m.times.cmp(&n.times).then_with(|| b.cmp(a)))?;
        let such_as = if reason.is_the_same { "" } else { ", for example" };
        let (shown, is_cut) = beginning(&reason.example, SHOWN_CHARACTERS);
        let more = if is_cut { "..." } else { "" };
        Some(Commonest { reason: format!("{kind}{such_as}: {shown}{more}"), times: reason.times })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commonest(errors: &[(&str, String)]) -> Option<(String, u64)> {
        let mut reasons = Reasons::default();
        errors.iter().for_each(|(kind, text)| reasons.count(kind, text));
        assert_eq!(reasons.rows(), errors.len() as u64);
        reasons.commonest().map(|commonest| (commonest.reason, commonest.times))
    }

    #[test]
    fn texts_that_differ_are_one_kind() {
        assert_eq!(commonest(&[]), None);
        let mut errors: Vec<(&str, String)> = (0..2000).rev().map(|row| ("server_error", format!("500: request {row:04}"))).collect();
        errors.extend((0..30).map(|_| ("timeout", "no answer".to_owned())));
        assert_eq!(commonest(&errors), Some(("server_error, for example: 500: request 0000".to_owned(), 2000)));
        assert_eq!(commonest(&errors[2000..]), Some(("timeout: no answer".to_owned(), 30)));
    }

    #[test]
    fn an_example_is_short() {
        let (reason, times) = commonest(&[("invalid_response", "ä".repeat(1000))]).unwrap();
        assert_eq!((reason, times), (format!("invalid_response: {}...", "ä".repeat(SHOWN_CHARACTERS)), 1));
    }
}
