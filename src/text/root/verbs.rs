//! Which words of a sentence are verbs, of what kind, and which belong together.

use super::lemma;
use super::tagger::Tag;
use super::words::{Word, is_possessive, is_question_word};

/// A verb with its auxiliaries.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    pub verb: usize,
    /// `is seen` as against `sees`: no object can follow.
    pub passive: bool,
}

/// The verb that the auxiliaries from `at` on belong to.
pub fn group(words: &[Word], at: usize) -> Group {
    let mut group = Group { verb: at, passive: false };
    while is_auxiliary(&words[group.verb]) && is_followed_by_verb(words, group.verb) {
        let next = skip_adverbs(words, group.verb + 1);
        let after_be = class(&words[group.verb]) == Class::Be;
        group = Group { verb: next, passive: after_be && !words[next].text.ends_with("ing") };
    }
    group
}

/// Whether an auxiliary is followed by its verb and not by the subject.
pub fn is_followed_by_verb(words: &[Word], auxiliary: usize) -> bool {
    let next = skip_adverbs(words, auxiliary + 1);
    let Some(word) = words.get(next) else { return false };
    match class(&words[auxiliary]) {
        Class::Be | Class::Have => is_participle(words, next) || word.text == "been",
        Class::Do | Class::Modal => {
            let begins_object =
                words.get(next + 1).is_some_and(|after| matches!(after.tag, Tag::Determiner | Tag::Pronoun | Tag::Adposition));
            word.is(&["be", "have", "do"])
                || (lemma::is_base_verb(&word.text) && (word.tag == Tag::Verb || (word.is_nominal() && begins_object)))
        }
    }
}

/// Verbs between `from` and `end` that can belong to the main clause: none of relative clauses, infinitives, or modifiers of a noun.
pub fn main_clause_verbs(words: &[Word], from: usize, end: usize) -> impl Iterator<Item = usize> {
    let mut in_relative = false;
    (from..end).filter(move |&at| {
        let (word, before) = (&words[at], &words[at - 1]);
        let after_noun = matches!(before.tag, Tag::Noun | Tag::Name);
        if word.is(&["that", "which", "who", "whom", "where", "when"]) || (after_noun && is_subject_pronoun(word)) {
            in_relative = true;
            return false;
        }
        if !is_verb(word) || word.text == "being" {
            return false;
        }
        if in_relative || is_auxiliary(before) {
            // The relative clause has its verb when no auxiliary is left to complete.
            in_relative = in_relative && (is_auxiliary(word) && is_followed_by_verb(words, at));
            return false;
        }
        let is_gerund = word.text.ends_with("ing") && before.tag == Tag::Adposition;
        let modifies_next = words.get(at + 1).is_some_and(Word::is_nominal)
            && matches!(before.tag, Tag::Determiner | Tag::Adjective | Tag::Particle | Tag::Adposition);
        before.text != "to" && !is_gerund && !modifies_next
    })
}

/// A verb that was taken for a noun, by what stands around it: the likeliest place between `from` and `end`. After `does` or `can` there must be
/// one, in its base form; elsewhere it takes some evidence.
pub fn hidden_verb(words: &[Word], from: usize, end: usize, must_be_base: bool) -> Option<usize> {
    let evidence = |at: usize| {
        let (before, word) = (&words[at - 1], &words[at]);
        let is_possible = match before.tag {
            _ if is_question_word(&before.text) => !must_be_base,
            Tag::Pronoun => !is_possessive(before) && (!must_be_base || !before.is(&DEMONSTRATIVES)),
            Tag::Noun | Tag::Name | Tag::Adverb | Tag::Number => true,
            _ => before.text == "following",
        };
        let is_form = if must_be_base { lemma::is_base_verb(&word.text) } else { lemma::verb(&word.text).is_some() };
        if !word.is_nominal() || !is_possible || !is_form {
            return None;
        }
        let (is_plural, third_person) = (before.text.ends_with('s'), word.text.ends_with('s'));
        let agrees = !before.is_nominal() || is_plural != third_person;
        let follows_plural = agrees && (is_plural || third_person || !before.is_nominal());
        let next = words.get(at + 1).filter(|_| at + 1 < end).map(|next| next.tag);
        let begins_object = matches!(next, Some(Tag::Determiner | Tag::Pronoun | Tag::Subordinator | Tag::Number));
        let begins_adjunct = matches!(next, Some(Tag::Adposition | Tag::Adverb | Tag::Adjective));
        Some(2 * usize::from(begins_object) + 2 * usize::from(follows_plural) + usize::from(begins_adjunct))
    };
    let candidates = (from..end).filter_map(|at| evidence(at).map(|evidence| (evidence, at)));
    candidates
        .filter(|(evidence, _)| must_be_base || *evidence > 0)
        .max_by_key(|(evidence, at)| (*evidence, words.len() - at))
        .map(|(_, at)| at)
}

/// The place of the next word from `from` on that is no adverb or negation.
pub fn skip_adverbs(words: &[Word], from: usize) -> usize {
    let is_skipped = |word: &Word| {
        word.is(&["not", "n't", "also", "being"]) || (word.tag == Tag::Adverb && word.text != "there" && !is_question_word(&word.text))
    };
    (from..words.len()).find(|&at| !is_skipped(&words[at])).unwrap_or(words.len())
}

/// What an auxiliary does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Be,
    Have,
    Do,
    Modal,
}

/// The class of an auxiliary.
pub fn class(word: &Word) -> Class {
    match word.text.as_str() {
        "do" | "does" | "did" => Class::Do,
        "have" | "has" | "had" | "'ve" => Class::Have,
        "is" | "are" | "was" | "were" | "am" | "be" | "been" | "'s" | "'re" | "'m" => Class::Be,
        _ => Class::Modal,
    }
}

/// Whether it is an auxiliary, or one of those verbs in a use of its own.
pub fn is_auxiliary(word: &Word) -> bool {
    word.tag == Tag::Auxiliary
}

/// Whether it is a verb of either kind.
pub fn is_verb(word: &Word) -> bool {
    matches!(word.tag, Tag::Verb | Tag::Auxiliary)
}

/// Whether the word is a participle, present or past, and not an adjective.
pub fn is_participle(words: &[Word], at: usize) -> bool {
    let word = &words[at];
    let follows_be = at > 0 && is_auxiliary(&words[at - 1]) && class(&words[at - 1]) == Class::Be;
    if follows_be && word.tag == Tag::Noun && word.text.ends_with("ing") {
        return lemma::verb(&word.text).is_some();
    }
    word.tag == Tag::Verb
        && !word.text.ends_with('s')
        && (word.text.ends_with("ing") || !lemma::is_base_verb(&word.text) || is_unchanged_participle(&word.text))
}

/// Participles that are written like the base form.
fn is_unchanged_participle(word: &str) -> bool {
    matches!(
        word,
        "put" | "set" | "cut" | "shut" | "hit" | "spread" | "run" | "come" | "become" | "read" | "found" | "left" | "split" | "cast"
    )
}

/// Pronouns that stand before a noun as often as alone.
pub const DEMONSTRATIVES: [&str; 5] = ["this", "that", "these", "those", "one"];

fn is_subject_pronoun(word: &Word) -> bool {
    word.is(&["i", "you", "we", "they", "he", "she"])
}
