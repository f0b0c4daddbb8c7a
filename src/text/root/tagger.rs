//! Parts of speech by Brill's method: each word's commonest tag, then rules that change a tag by the words and tags around it.
//!
//! E. Brill, "A simple rule-based part of speech tagger", 1992. The model is data, see `model/convert.py`.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A part of speech, as Universal Dependencies names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    Adjective,
    Adposition,
    Adverb,
    Auxiliary,
    Conjunction,
    Determiner,
    Interjection,
    Noun,
    Number,
    Particle,
    Pronoun,
    Name,
    Mark,
    Subordinator,
    Symbol,
    Verb,
}

impl Tag {
    /// The tag under its name in the model.
    fn named(name: &str) -> Option<Tag> {
        Some(match name {
            "ADJ" => Tag::Adjective,
            "ADP" => Tag::Adposition,
            "ADV" => Tag::Adverb,
            "AUX" => Tag::Auxiliary,
            "CCONJ" => Tag::Conjunction,
            "DET" => Tag::Determiner,
            "INTJ" => Tag::Interjection,
            "NOUN" => Tag::Noun,
            "NUM" => Tag::Number,
            "PART" => Tag::Particle,
            "PRON" => Tag::Pronoun,
            "PROPN" => Tag::Name,
            "PUNCT" => Tag::Mark,
            "SCONJ" => Tag::Subordinator,
            "SYM" => Tag::Symbol,
            "VERB" => Tag::Verb,
            _ => return None,
        })
    }
}

/// A rule that changes one tag.
struct Patch {
    from: Tag,
    to: Tag,
    conditions: Vec<Condition>,
}

/// What must hold around a word; places count from the word itself.
enum Condition {
    /// The word there begins like this. The rules were learned so: a condition on `to` holds for `today` too.
    Word(isize, &'static str),
    /// The word there has the tag.
    Tag(isize, Tag),
    /// A word from here to there, the farther end not included, has the tag.
    Any(isize, Tag),
    /// The words before and after have these tags.
    Between(Tag, Tag),
}

struct Model {
    tags: HashMap<&'static str, Tag>,
    patches: Vec<Patch>,
}

static MODEL: LazyLock<Model> = LazyLock::new(|| Model {
    tags: lines(include_str!("model/tags.txt"))
        .flat_map(|line| {
            let (tag, words) = line.split_once(' ').expect("a tag and its words");
            let tag = Tag::named(tag).expect("a known tag");
            words.split(' ').map(move |word| (word, tag))
        })
        .collect(),
    patches: lines(include_str!("model/patches.txt")).map(|line| patch(line).expect("a patch")).collect(),
});

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#'))
}

fn patch(line: &'static str) -> Option<Patch> {
    let (from, rest) = line.split_once(' ')?;
    let (to, conditions) = rest.split_once(' ')?;
    let conditions = conditions.split(" & ").map(condition).collect::<Option<_>>()?;
    Some(Patch { from: Tag::named(from)?, to: Tag::named(to)?, conditions })
}

fn condition(text: &'static str) -> Option<Condition> {
    let mut parts = text.splitn(3, ' ');
    let (kind, first, second) = (parts.next()?, parts.next()?, parts.next()?);
    Some(match kind {
        "word" => Condition::Word(first.parse().ok()?, second),
        "tag" => Condition::Tag(first.parse().ok()?, Tag::named(second)?),
        "any" => Condition::Any(first.parse().ok()?, Tag::named(second)?),
        "between" => Condition::Between(Tag::named(first)?, Tag::named(second)?),
        _ => return None,
    })
}

impl Condition {
    fn holds(&self, words: &[String], tags: &[Option<Tag>], at: usize) -> bool {
        let tag_at = |relative: isize| at.checked_add_signed(relative).and_then(|place| tags.get(place).copied().flatten());
        match *self {
            Condition::Word(relative, start) => {
                at.checked_add_signed(relative).and_then(|place| words.get(place)).is_some_and(|word| word.starts_with(start))
            }
            Condition::Tag(relative, tag) => tag_at(relative) == Some(tag),
            Condition::Any(relative, tag) => (relative.min(0)..relative.max(0)).any(|relative| tag_at(relative) == Some(tag)),
            Condition::Between(before, after) => tag_at(-1) == Some(before) && tag_at(1) == Some(after),
        }
    }
}

/// The tags of a sentence's words, which are in lower case; `None` for a word that the model does not know.
pub fn tag(words: &[String]) -> Vec<Option<Tag>> {
    let mut tags: Vec<Option<Tag>> = words.iter().map(|word| MODEL.tags.get(word.as_str()).copied()).collect();
    for patch in &MODEL.patches {
        for at in 0..words.len() {
            if tags[at] == Some(patch.from) && patch.conditions.iter().all(|condition| condition.holds(words, &tags, at)) {
                tags[at] = Some(patch.to);
            }
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_whole() {
        assert!(MODEL.tags.len() > 26_000);
        assert_eq!(MODEL.patches.len(), 201);
    }

    #[test]
    fn a_tag_depends_on_what_stands_around() {
        let tags_of = |text: &str| tag(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(tags_of("the dog runs"), [Some(Tag::Determiner), Some(Tag::Noun), Some(Tag::Verb)]);
        assert_eq!(tags_of("he went to place it")[3], Some(Tag::Verb));
        assert_eq!(tags_of("the place")[1], Some(Tag::Noun));
        assert_eq!(tags_of("zzyzxq"), [None]);
    }
}
