//! Words of a sentence with their parts of speech.

use super::lemma;
use super::tagger::{self, Tag};
use crate::text::language::is_foreign;

/// One word or mark of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// In lower case, with straight apostrophes.
    pub text: String,
    pub tag: Tag,
}

impl Word {
    /// Whether it can stand in a noun phrase as a noun or before one.
    pub fn is_nominal(&self) -> bool {
        matches!(self.tag, Tag::Noun | Tag::Name | Tag::Adjective)
    }

    /// Whether it is one of these words.
    pub fn is(&self, words: &[&str]) -> bool {
        words.contains(&self.text.as_str())
    }
}

/// The words of a sentence, tagged. Markup in angle brackets and what stands in round or curly brackets is left out; a quotation inside a
/// sentence is one proper noun, whatever it says. Empty where fewer than half of the words are English ones, and where they are English ones by chance.
pub fn words(sentence: &str) -> Vec<Word> {
    let forms = forms(sentence);
    let texts: Vec<String> = forms.iter().map(|form| form.to_lowercase()).collect();
    let tags = tagger::tag(&texts);
    let is_spelled = |form: &str| form.starts_with(char::is_alphabetic);
    let spelled = forms.iter().filter(|form| is_spelled(form)).count();
    let known =
        forms.iter().zip(&texts).zip(&tags).filter(|((form, text), tag)| is_spelled(form) && (tag.is_some() || is_known(text))).count();
    if known * 2 < spelled || is_foreign(sentence, &forms) {
        return Vec::new();
    }
    let mut words: Vec<Word> = Vec::with_capacity(forms.len());
    for ((form, text), tag) in forms.into_iter().zip(texts).zip(tags) {
        let tag = closed_class(&text).or(tag.filter(|_| form != QUOTATION)).unwrap_or_else(|| guess(form, &text, words.is_empty()));
        words.push(Word { text, tag });
    }
    mend(&mut words);
    words
}

/// What a quotation is replaced by.
const QUOTATION: &str = "\u{201C}\u{201D}";

/// Cuts a sentence into words and marks, with contractions apart as in treebanks: `do n't`, `what 's`. Apostrophes are straight, quotations
/// replaced.
fn forms(sentence: &str) -> Vec<&str> {
    let text = sentence.trim();
    let mut forms = Vec::new();
    let mut rest = text;
    let mut before = ' ';
    // Closing marks are looked for only while there are any: each search that fails is the last of its kind.
    let mut unclosed = Vec::new();
    while let Some(first) = rest.chars().next() {
        let mark_length = first.len_utf8();
        let taken = if let Some(length) = enclosed_length(first, before, rest, &mut unclosed) {
            let is_quotation = !matches!(first, '<' | '(' | '{' | '[');
            if is_quotation && length < text.len() {
                forms.push(QUOTATION);
            }
            // A sentence that stands in quotes or brackets as a whole is read like any other.
            if length == text.len() && first != '<' { mark_length } else { length }
        } else if first.is_alphanumeric() {
            let word = &rest[..word_length(rest)];
            push_word(word, &mut forms);
            word.len()
        } else {
            match first {
                '\'' | '’' => forms.push("'"),
                _ if !first.is_whitespace() => forms.push(&rest[..mark_length]),
                _ => {}
            }
            mark_length
        };
        before = rest[..taken].chars().next_back().unwrap_or(' ');
        rest = &rest[taken..];
    }
    forms
}

/// The length of a bracketed or quoted stretch at the start of `rest`, with its marks.
fn enclosed_length(first: char, before: char, rest: &str, unclosed: &mut Vec<char>) -> Option<usize> {
    let inside = &rest[first.len_utf8()..];
    let close = match first {
        '<' if inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!') => '>',
        '(' => ')',
        '{' => '}',
        '[' => ']',
        '“' => '”',
        '‘' => '’',
        '"' | '\'' | '`' if !before.is_alphanumeric() && inside.starts_with(|c: char| !c.is_whitespace()) => first,
        _ => return None,
    };
    if unclosed.contains(&first) {
        return None;
    }
    // An apostrophe inside of a word closes nothing.
    let closes = |at: usize| !matches!(close, '\'' | '’') || !inside[at + close.len_utf8()..].starts_with(char::is_alphanumeric);
    let found = inside.match_indices(close).find(|(at, _)| closes(*at)).map(|(at, _)| first.len_utf8() + at + close.len_utf8());
    if found.is_none() {
        unclosed.push(first);
    }
    found
}

/// The length of the word at the start of `rest`: letters and digits, joined by single hyphens, apostrophes, and marks inside of numbers.
fn word_length(rest: &str) -> usize {
    let mut characters = rest.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map_or(' ', |(_, next)| *next);
        let joins = match c {
            '-' | '\'' | '’' | '_' => before.is_alphanumeric() && next.is_alphanumeric(),
            '.' | ',' | ':' => before.is_ascii_digit() && next.is_ascii_digit(),
            c => c.is_alphanumeric(),
        };
        if !joins {
            return at;
        }
        before = c;
    }
    rest.len()
}

/// The endings that are words of their own, as they are written and as they are read.
const CONTRACTIONS: [(&str, &str); 14] = [
    ("n't", "n't"),
    ("n’t", "n't"),
    ("'s", "'s"),
    ("’s", "'s"),
    ("'re", "'re"),
    ("’re", "'re"),
    ("'ve", "'ve"),
    ("’ve", "'ve"),
    ("'ll", "'ll"),
    ("’ll", "'ll"),
    ("'d", "'d"),
    ("’d", "'d"),
    ("'m", "'m"),
    ("’m", "'m"),
];

fn push_word<'a>(word: &'a str, forms: &mut Vec<&'a str>) {
    if word.eq_ignore_ascii_case("cannot") {
        forms.extend([&word[..3], &word[3..]]);
        return;
    }
    let split = CONTRACTIONS.iter().find_map(|(written, read)| {
        let stem = word.len().checked_sub(written.len()).filter(|stem| *stem > 0 && word.is_char_boundary(*stem))?;
        word[stem..].eq_ignore_ascii_case(written).then_some((&word[..stem], *read))
    });
    match split {
        Some((stem, ending)) => forms.extend([stem, ending]),
        None => forms.push(word),
    }
}

fn is_known(word: &str) -> bool {
    lemma::is_noun(word) || lemma::verb(word).is_some() || lemma::is_adjective(word)
}

/// The tag of words that are hardly ever anything else, whatever the tagger says.
fn closed_class(word: &str) -> Option<Tag> {
    Some(match word {
        "is" | "are" | "was" | "were" | "am" | "be" | "been" | "'re" | "'m" | "do" | "does" | "did" | "has" | "have" | "had" | "'ve"
        | "can" | "ca" | "could" | "will" | "wo" | "'ll" | "would" | "'d" | "shall" | "should" | "may" | "might" | "must" => Tag::Auxiliary,
        "the" | "a" | "an" | "every" => Tag::Determiner,
        "me" | "us" | "you" | "it" | "we" | "they" | "he" | "she" | "i" | "them" | "him" | "there" | "my" | "your" | "its" | "their"
        | "our" | "his" => Tag::Pronoun,
        "of" | "in" | "on" | "at" | "from" | "with" | "by" | "into" | "for" | "during" | "about" | "between" | "under" => Tag::Adposition,
        "please" | "kindly" => Tag::Interjection,
        _ => return None,
    })
}

/// The tag of a word that the tagger's dictionary does not have, from its form and from WordNet.
fn guess(form: &str, text: &str, is_first: bool) -> Tag {
    let mut characters = form.chars();
    match characters.next() {
        _ if form == QUOTATION => Tag::Name,
        Some(first) if first.is_numeric() => Tag::Number,
        Some(first) if !first.is_alphanumeric() && first != '\'' => Tag::Mark,
        Some(first) if first.is_uppercase() && !is_first => Tag::Name,
        _ if text.ends_with("ly") && !lemma::is_noun(text) => Tag::Adverb,
        _ if lemma::verb(text).is_some() && (text.ends_with("ed") || text.ends_with("ing") || !lemma::is_noun(text)) => Tag::Verb,
        _ if !lemma::is_noun(text) && lemma::is_adjective(text) => Tag::Adjective,
        _ => Tag::Noun,
    }
}

/// Mends what taggers get wrong in questions: what `'s` is, verbs that look like plurals, and `would like`.
fn mend(words: &mut [Word]) {
    for word in words.iter_mut() {
        match word.tag {
            Tag::Noun if lemma::verb(&word.text).is_some() && !lemma::is_noun(&word.text) => word.tag = Tag::Verb,
            Tag::Verb if lemma::verb(&word.text).is_none() => word.tag = Tag::Name,
            _ => {}
        }
    }
    for at in 1..words.len() {
        let before = &words[at - 1];
        let follows_noun = matches!(before.tag, Tag::Noun | Tag::Name);
        let tag = match words[at].text.as_str() {
            "'s" if follows_noun => Tag::Particle,
            "'s" => Tag::Auxiliary,
            "'" if follows_noun && before.text.ends_with('s') => Tag::Particle,
            "like" if follows_would(words, at) => Tag::Verb,
            text if words[at].tag == Tag::Verb && follows_determiner(words, at) && lemma::is_base_verb(text) && lemma::is_noun(text) => {
                let next = words.get(at + 1);
                let is_verb = next.is_some_and(|next| next.is_nominal() || matches!(next.tag, Tag::Determiner | Tag::Pronoun));
                if is_verb { continue } else { Tag::Noun }
            }
            text if follows_noun && !before.text.ends_with('s') && text.ends_with('s') && words[at].is_nominal() => {
                let begins_object = words.get(at + 1).is_some_and(|next| next.tag == Tag::Determiner || is_question_word(&next.text));
                if begins_object && lemma::verb(text).is_some() { Tag::Verb } else { continue }
            }
            _ => continue,
        };
        words[at].tag = tag;
    }
}

/// Whether `would` stands before `at`, with nothing but adverbs and negations between.
fn follows_would(words: &[Word], at: usize) -> bool {
    let before = words[..at].iter().rev().find(|word| word.tag != Tag::Adverb && !word.is(&["not", "n't"]));
    before.is_some_and(|word| word.is(&["would", "'d"]))
}

/// Whether an article or an owner stands before `at`, with nothing but adjectives between.
fn follows_determiner(words: &[Word], at: usize) -> bool {
    let is_determiner =
        |word: &Word| word.is(&["the", "a", "an"]) || is_possessive(word) || (word.tag == Tag::Particle && word.text.starts_with('\''));
    words[..at].iter().rev().find(|word| word.tag != Tag::Adjective).is_some_and(is_determiner)
}

/// Whether a word says whose.
pub fn is_possessive(word: &Word) -> bool {
    word.is(&["my", "your", "its", "their", "our", "his", "her"])
}

/// Whether a word begins a question or an embedded one.
pub fn is_question_word(word: &str) -> bool {
    matches!(word, "what" | "which" | "who" | "whom" | "whose" | "where" | "when" | "why" | "how")
}
