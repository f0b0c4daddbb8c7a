//! Dictionary forms, by WordNet's rules and lists of exceptions.

use std::sync::LazyLock;

use wordnet_lemmatizer::{Lemmatizer, Pos};

static WORDNET: LazyLock<Lemmatizer> = LazyLock::new(Lemmatizer::embedded);

/// What a shortened auxiliary stands for.
const SHORTENED: [(&str, &str); 9] = [
    ("'s", "be"),
    ("'re", "be"),
    ("'m", "be"),
    ("'ve", "have"),
    ("'ll", "will"),
    ("'d", "will"),
    ("wo", "will"),
    ("ca", "can"),
    ("sha", "shall"),
];

/// The dictionary form of a verb; `None` for what is a form of no verb. Of a form that is also a verb of its own (`saw`, `found`) it is the
/// inflected one. The word is in lower case.
pub fn verb(form: &str) -> Option<String> {
    if let Some((_, lemma)) = SHORTENED.iter().find(|(short, _)| *short == form) {
        return Some((*lemma).to_owned());
    }
    let lemmas = WORDNET.morphy_all(form, Pos::Verb);
    let is_past = !form.ends_with('s') && lemmas.len() > 1;
    lemmas.iter().find(|lemma| is_past && *lemma != form).or(lemmas.first()).cloned()
}

/// Whether a verb is written like this in a dictionary: the form of imperatives, and of what follows `can` or `does`.
pub fn is_base_verb(form: &str) -> bool {
    WORDNET.morphy(form, Pos::Verb).is_some_and(|lemma| lemma == form)
}

/// Nouns that have no singular of the same meaning, or look like a plural: the rules would make `cloth` and `specie` of them.
const UNCHANGED: [&str; 14] =
    ["people", "clothes", "glasses", "scissors", "pants", "shorts", "goods", "data", "media", "species", "series", "news", "means", "lens"];

/// The dictionary form of a noun, or the word itself where the dictionary does not have it. Of a plural that has an entry of its own
/// (`men`, `effects`) it is the singular all the same. The word is in lower case.
pub fn noun(form: &str) -> String {
    if UNCHANGED.contains(&form) {
        return form.to_owned();
    }
    let lemmas = WORDNET.morphy_all(form, Pos::Noun);
    // `uses` is of `use`, though the rules also find `us`.
    let is_regular = |lemma: &&String| form.strip_suffix('s') == Some(lemma.as_str()) && form != "lenses";
    // Two letters are an abbreviation: `gas` is not of `ga`.
    let mut singulars = lemmas.iter().filter(|lemma| *lemma != form && lemma.len() > 2);
    let lemma = singulars.clone().find(is_regular).or_else(|| singulars.next_back()).or(lemmas.first());
    lemma.cloned().unwrap_or_else(|| form.to_owned())
}

/// Whether a word is a noun, or a form of one.
pub fn is_noun(form: &str) -> bool {
    WORDNET.morphy(form, Pos::Noun).is_some()
}

/// Whether a word is an adjective, or a form of one.
pub fn is_adjective(form: &str) -> bool {
    WORDNET.morphy(form, Pos::Adj).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs() {
        for (form, lemma) in [
            ("describe", "describe"),
            ("describes", "describe"),
            ("identifying", "identify"),
            ("is", "be"),
            ("'s", "be"),
            ("were", "be"),
            ("holding", "hold"),
            ("taken", "take"),
            ("running", "run"),
            ("saw", "see"),
            ("found", "find"),
            ("left", "leave"),
            ("needs", "need"),
        ] {
            assert_eq!(verb(form).as_deref(), Some(lemma), "{form}");
        }
        assert_eq!(verb("qwertyed"), None);
        assert!(is_base_verb("list") && is_base_verb("count") && !is_base_verb("is") && !is_base_verb("shows"));
    }

    #[test]
    fn nouns() {
        for (form, lemma) in [
            ("features", "feature"),
            ("men", "man"),
            ("children", "child"),
            ("species", "species"),
            ("people", "people"),
            ("boxes", "box"),
            ("uses", "use"),
            ("effects", "effect"),
            ("gas", "gas"),
            ("glass", "glass"),
            ("lenses", "lens"),
            ("bus", "bus"),
            ("buses", "bus"),
            ("stories", "story"),
            ("class", "class"),
            ("zzyzx", "zzyzx"),
        ] {
            assert_eq!(noun(form), lemma);
        }
    }
}
