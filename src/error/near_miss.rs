//! What a name that nothing has was meant to be.

/// From here on a name is taken for a misspelling of another. "captoin" is like "caption" by 0.97, "interactive" like "interaction" by 0.93, "cvs"
/// like "csv" by 0.56.
pub(crate) const LEAST_LIKENESS: f64 = 0.8;

/// Names that a hint offers at most.
const MOST_OFFERED: usize = 3;

/// How like each other two names are, from 0 to 1, whatever the case of their letters (Jaro-Winkler: swapped letters and an end that is left out
/// take little away).
pub(crate) fn likeness(name: &str, candidate: &str) -> f64 {
    strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase())
}

/// The candidates that `name` may be a misspelling of, best first and equals in alphabetical order; empty where it is like none.
fn near_misses<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let likenesses = candidates.into_iter().map(|candidate| (likeness(name, candidate), candidate));
    let mut near: Vec<(f64, &str)> = likenesses.filter(|(likeness, _)| *likeness > LEAST_LIKENESS).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.dedup_by_key(|(_, candidate)| *candidate);
    near.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The candidate that `name` is most likely a misspelling of; `None` where it is like none.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near_misses(name, candidates).into_iter().next()
}

/// A hint with the names most like `name`, best first, three at most; none where it is like none.
pub(crate) fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let near: Vec<String> = near_misses(name, known).into_iter().take(MOST_OFFERED).map(|candidate| format!("'{candidate}'")).collect();
    if near.is_empty() { Vec::new() } else { vec![format!("did you mean {}?", near.join(" or "))] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_most_alike_comes_first_and_what_is_not_alike_not_at_all() {
        let known = ["format", "normalize_text", "normalize_format", "normalize_text", "median"];
        assert_eq!(suggest("NORMALISE_FORMAT", known), ["did you mean 'normalize_format' or 'normalize_text'?"]);
        assert_eq!(nearest("formt", known), Some("format"));
        assert_eq!((nearest("xyz", known), suggest("xyz", known)), (None, Vec::new()));
    }

    #[test]
    fn a_few_are_enough() {
        let runs = ["run-1", "run-2", "run-3", "run-4"];
        assert_eq!(suggest("rnu-2", runs), ["did you mean 'run-2' or 'run-1' or 'run-3'?"]);
    }
}
