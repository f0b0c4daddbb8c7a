//! Choices among templates and facts that depend on nothing but what was asked, so that equal requests get equal answers.

/// A source of choices for one purpose, e.g. rewriting one item.
#[derive(Debug, Clone)]
pub struct Choice {
    key: [u8; 32],
}

impl Choice {
    /// A source keyed by everything that may tell two choices apart, in order.
    pub fn new(parts: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            // The length keeps ("ab", "c") apart from ("a", "bc").
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Choice { key: *hasher.finalize().as_bytes() }
    }

    /// A number for `text`, fixed for this source. Ordering candidates by it shuffles them, whatever order they came in.
    pub fn weight(&self, text: &str) -> u64 {
        let hash = blake3::keyed_hash(&self.key, text.as_bytes());
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hash.as_bytes()[..8]);
        u64::from_le_bytes(bytes)
    }

    /// True in one of `cases` cases.
    pub fn one_in(&self, purpose: &str, cases: u64) -> bool {
        self.weight(purpose).is_multiple_of(cases)
    }

    /// One of `options` for this purpose; `None` if there is none.
    pub fn one_of<'a, T>(&self, purpose: &str, options: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(options.len()).ok().filter(|count| *count > 0)?;
        options.get(usize::try_from(self.weight(purpose) % count).ok()?)
    }

    /// One of several wordings. The array cannot be empty.
    pub fn wording<const N: usize>(&self, purpose: &str, wordings: [&'static str; N]) -> &'static str {
        const { assert!(N > 0) };
        self.one_of(purpose, &wordings).copied().unwrap_or(wordings[0])
    }

    /// `items` in an order of this source's own.
    pub fn shuffled<T>(&self, purpose: &str, items: Vec<T>) -> Vec<T> {
        let mut weighted: Vec<(u64, T)> =
            items.into_iter().enumerate().map(|(place, item)| (self.weight(&format!("{purpose}/{place}")), item)).collect();
        weighted.sort_by_key(|(weight, _)| *weight);
        weighted.into_iter().map(|(_, item)| item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_parts_choose_alike_and_different_parts_do_not() {
        let order = |parts: &[&str]| Choice::new(parts).shuffled("order", (0..20).collect());
        assert_eq!(order(&["3407", "How many?"]), order(&["3407", "How many?"]));
        assert_ne!(order(&["3407", "How many?"]), order(&["3408", "How many?"]));
        assert_ne!(order(&["ab", "c"]), order(&["a", "bc"]));
    }

    #[test]
    fn shuffling_loses_nothing() {
        let mut shuffled = Choice::new(&["x"]).shuffled("order", (0..20).collect::<Vec<_>>());
        shuffled.sort_unstable();
        assert_eq!(shuffled, (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_to_choose_from_is_none() {
        assert_eq!(Choice::new(&[]).one_of::<u8>("any", &[]), None);
    }
}
