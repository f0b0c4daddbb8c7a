//! What the caption tells about the image: colours of things, text that can be read, words to fill in.

use std::sync::LazyLock;

use regex::Regex;

use super::{Fact, Kind, Move, skill};
use crate::model::rules::colour::Colour;
use crate::model::rules::scene::Scene;
use crate::model::rules::wording::{self, Noun};

/// Longer sentences make poor gap texts.
const LONGEST_SENTENCE: usize = 40;

/// Words after which a noun phrase is over.
const AFTER_NOUN: &[&str] = &[
    "of", "in", "on", "with", "and", "behind", "at", "near", "under", "over", "beside", "is", "are", "stands", "sits", "lies", "to", "by",
    "from", "that", "which",
];

/// Colours that the caption tells; nothing without one.
pub fn facts(scene: &Scene) -> Vec<Fact> {
    sentences(scene).iter().flat_map(|sentence| colours(sentence)).collect()
}

fn sentences(scene: &Scene) -> Vec<String> {
    let text = scene.caption.as_deref().unwrap_or_default();
    let sentences = text.split_inclusive(['.', '!', '?', ';']).map(|sentence| sentence.trim().trim_end_matches(';').to_owned());
    sentences.filter(|sentence| (4..=LONGEST_SENTENCE).contains(&sentence.split_whitespace().count())).collect()
}

/// "a white helmet with": a colour before a noun that ends its phrase.
fn colours(sentence: &str) -> Vec<Fact> {
    let tokens: Vec<&str> = sentence.split_whitespace().collect();
    let mut facts = Vec::new();
    for (place, window) in tokens.windows(3).enumerate() {
        let &[before, colour_word, noun_word] = window else { continue };
        let Some(colour) = Colour::named(colour_word) else { continue };
        let noun = noun_word.trim_end_matches(['.', ',', '!', '?']);
        let after = tokens.get(place + 3).copied();
        let ends_phrase = noun != noun_word || after.is_none_or(|after| AFTER_NOUN.contains(&after));
        let is_article = ["a", "an", "the", "with", "her", "his", "their", "two", "three"].contains(&before.to_lowercase().as_str());
        if !ends_phrase || !is_article || noun.len() < 3 || !noun.chars().all(char::is_alphabetic) || AFTER_NOUN.contains(&noun) {
            continue;
        }
        let is_told_twice = tokens.iter().filter(|token| token.trim_end_matches(['.', ',']) == noun).count() > 1;
        if is_told_twice {
            continue;
        }
        let verb = Noun::of(noun).is();
        let wrong = Colour::ALL.into_iter().filter(|other| !other.is_near(colour)).map(|other| other.name().to_owned());
        let questions = [
            format!("What colour {verb} the {noun}?"),
            format!("Which colour {} the {noun} have?", if verb == "are" { "do" } else { "does" }),
        ];
        let mut fact = Fact::new(Kind::Colour, questions, format!("the {noun} {verb} {colour_word}."), colour_word)
            .wrong(wrong)
            .solvable_gap()
            .skills(&[skill::REFERENCING])
            .then(Move::Ground(format!("the {noun}")))
            .then(Move::Think("Name the colour.".to_owned()));
        fact.objects = vec![noun.to_owned()];
        facts.push(fact);
    }
    facts
}

/// Sentences of the caption with a gap: (sentence, the missing word). Sentences that the boxes contradict are left out.
pub fn caption_gaps(scene: &Scene) -> Vec<(String, String)> {
    let mut gaps = Vec::new();
    for sentence in sentences(scene) {
        let tokens = wording::words(&sentence);
        let mut counts =
            tokens.iter().enumerate().filter_map(|(place, word)| Some((place, wording::read_number(word).filter(|count| *count > 1)?)));
        let is_true = counts.all(|(place, count)| agrees(scene, &tokens[place + 1..], count));
        if !is_true {
            continue;
        }
        for (place, word) in tokens.iter().enumerate() {
            let is_label = scene.groups.iter().any(|group| group.label.eq_ignore_ascii_case(word));
            let next = tokens.get(place + 1).map(String::as_str).unwrap_or_default();
            let is_count = wording::read_number(word).is_some_and(|count| count > 1) && next != "of";
            let is_colour = Colour::named(word).is_some() && !is_label && place + 1 < tokens.len() && next != "and";
            if (is_label || is_count || is_colour) && wording::replaced_once(&sentence, word, "____").is_some() {
                gaps.push((sentence.clone(), word.clone()));
            }
        }
    }
    gaps
}

/// Whether boxes do not contradict a number followed by these words.
fn agrees(scene: &Scene, following: &[String], count: usize) -> bool {
    scene.groups.iter().all(|group| {
        let Some(plural) = group.noun.plural.as_deref() else { return true };
        let phrase = wording::words(plural);
        following.get(..phrase.len()).is_none_or(|words| words != phrase) || group.regions.len() == count
    })
}

/// Text that the caption quotes from the image, e.g. after "a sign that reads".
pub fn quoted_text(scene: &Scene) -> Option<String> {
    static QUOTATION: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"(?:"([^"\n]{2,60})"|“([^”\n]{2,60})”|\b(?:marked|reads|reading|says|saying|labell?ed) ([A-Z0-9]{2,}(?: [A-Z0-9]+)*))"#,
        )
        .expect("a valid pattern")
    });
    let captures = QUOTATION.captures(scene.caption.as_deref()?)?;
    let text = captures.iter().skip(1).flatten().next()?.as_str().trim_end_matches(['.', ',']).trim();
    let is_plain = !text.is_empty() && !text.contains(['[', ']', '{', '}', '#', '`', '_']);
    is_plain.then(|| text.to_owned())
}
