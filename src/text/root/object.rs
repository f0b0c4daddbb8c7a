//! Noun phrases: the head of a verb's object.

use super::lemma;
use super::tagger::Tag;
use super::words::{Word, is_possessive, is_question_word};

/// Verbs whose object may do something: `makes the bikes stand out`. After other verbs it is a clause that follows: `imagine the bikes stand`.
const WITH_INFINITIVE: [&str; 8] = ["make", "let", "help", "have", "see", "watch", "hear", "feel"];

/// Participles with an ending of their own. Those that are past tenses too (`made`, `found`) may as well be the verb of a clause.
const IRREGULAR_PARTICIPLES: [&str; 10] = ["shown", "drawn", "known", "grown", "thrown", "blown", "flown", "worn", "torn", "born"];

/// The head noun of the object right after the verb; `None` for none, for pronouns and names, and where the noun is the subject of a clause of
/// its own. Of two verbs with one object, as in `elevate and beautify this room`, the first has it too.
pub fn direct_object(words: &[Word], verb: usize) -> Option<usize> {
    if words.get(verb + 1).is_some_and(|next| next.tag == Tag::Conjunction) && words.get(verb + 2).is_some_and(|next| next.tag == Tag::Verb)
    {
        return direct_object(words, verb + 2);
    }
    let start = object_start(words, verb + 1);
    let begins_gerund = words.get(start).is_some_and(|first| first.text.ends_with("ing") && lemma::verb(&first.text).is_some());
    let gerund_has_object = words.get(start + 1).is_some_and(|next| next.tag == Tag::Determiner || is_possessive(next));
    let (head, end) = phrase(words, start);
    let is_head = |head: &usize| words[*head].tag != Tag::Name && !(begins_gerund && gerund_has_object) && !begins_clause(words, verb, end);
    head.filter(is_head)
}

/// Whether the phrase that ends before `end` is the subject of a verb that follows.
fn begins_clause(words: &[Word], verb: usize, end: usize) -> bool {
    let Some(next) = words.get(end) else { return false };
    let is_participle = ["ing", "ed", "en"].iter().any(|ending| next.text.ends_with(*ending)) || next.is(&IRREGULAR_PARTICIPLES);
    match next.tag {
        Tag::Auxiliary => true,
        Tag::Verb if is_participle => words.get(end + 1).is_some_and(|after| after.tag == Tag::Auxiliary),
        Tag::Verb => !lemma::verb(&words[verb].text).is_some_and(|lemma| WITH_INFINITIVE.contains(&lemma.as_str())),
        _ => false,
    }
}

/// The head noun of the phrase that begins at `start` and ends before `end`.
pub fn head_of(words: &[Word], start: usize, end: usize) -> Option<usize> {
    phrase(&words[..end], start).0.filter(|&head| words[head].tag != Tag::Name)
}

/// Past what may stand between a verb and its object: particles, adverbs, `in detail`, and the person something is done for.
fn object_start(words: &[Word], from: usize) -> usize {
    let mut start = from;
    while let Some(word) = words.get(start) {
        let next = words.get(start + 1);
        let begins_phrase =
            next.is_some_and(|next| matches!(next.tag, Tag::Determiner | Tag::Number | Tag::Adjective | Tag::Noun) || is_possessive(next));
        start += match word.text.as_str() {
            "out" | "up" | "down" | "off" | "away" | "over" | "back" if begins_phrase => 1,
            "me" | "us" | "him" | "them" | "you" | "her" if begins_phrase => 1,
            "in" if next.is_some_and(|next| next.text == "detail") => 2,
            "in" if next.is_some_and(|next| next.is_nominal()) && words.get(start + 2).is_some_and(|last| last.text == "detail") => 3,
            "best" => 1,
            _ if word.tag == Tag::Adverb && !is_question_word(&word.text) => 1,
            _ => break,
        };
    }
    start
}

/// The last noun of the phrase that begins at `start`, and where the phrase ends.
fn phrase(words: &[Word], start: usize) -> (Option<usize>, usize) {
    let mut head = None;
    for at in start..words.len() {
        let word = &words[at];
        let next = words.get(at + 1);
        let begins_modifier = next.is_some_and(|next| next.is_nominal() || next.tag == Tag::Verb);
        let goes_on = match word.tag {
            _ if is_question_word(&word.text) || word.is(&["that", "if"]) && !begins_modifier => false,
            // `A fun and vivid story`: a noun that is an adjective here.
            Tag::Noun
                if next.is_some_and(|next| next.tag == Tag::Conjunction)
                    && is_adjective_before(words, at + 2)
                    && lemma::is_adjective(&word.text) =>
            {
                true
            }
            Tag::Noun | Tag::Name => {
                // A name after a noun stands beside it: `the letter E`.
                let is_apposition = word.tag == Tag::Name && head.is_some_and(|head: usize| head + 1 == at && words[head].tag == Tag::Noun);
                if !is_apposition {
                    head = Some(at);
                }
                true
            }
            // `the man 's pose`: the owner is not the head.
            Tag::Particle if word.text.starts_with('\'') => true,
            Tag::Determiner | Tag::Number => head.is_none() || words[at - 1].tag == Tag::Particle,
            Tag::Adjective => {
                let follows_owner = at > start && words[at - 1].text.starts_with('\'');
                let is_listed = next.is_some_and(|next| next.is(&[",", "and", "or"])) && is_adjective_before(words, at + 2);
                let is_noun = !begins_modifier && !is_listed && (head.is_none() || follows_owner) && lemma::is_noun(&word.text);
                if is_noun {
                    head = Some(at);
                }
                head.is_none() || begins_modifier || follows_owner || is_noun
            }
            Tag::Adverb => head.is_none() || begins_modifier,
            Tag::Pronoun => {
                head.is_none()
                    && begins_modifier
                    && (is_possessive(word) || word.is(&["this", "that", "these", "those", "all", "some", "any"]))
            }
            // A participle before its noun.
            Tag::Verb => begins_modifier && (head.is_none() || words[at - 1].text.starts_with('\'')),
            // Adjectives in a row; nouns in a row end with the first.
            Tag::Conjunction => head.is_none(),
            Tag::Mark => head.is_none() && word.text == "," && begins_modifier,
            _ => false,
        };
        if !goes_on {
            return (head, at);
        }
    }
    (head, words.len())
}

/// Whether an adjective stands at `at`, before a noun.
fn is_adjective_before(words: &[Word], at: usize) -> bool {
    words.get(at).is_some_and(|word| word.tag == Tag::Adjective) && words.get(at + 1).is_some_and(Word::is_nominal)
}
