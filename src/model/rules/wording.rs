//! English for facts: nouns and their plurals, numbers, lists, sentences.

use crate::instruction::number_words::{number_of_word, word_of_number};

/// Plurals that no ending rule gives. The last word of a label decides.
const IRREGULAR: &[(&str, &str)] = &[
    ("person", "people"),
    ("child", "children"),
    ("mouse", "mice"),
    ("goose", "geese"),
    ("foot", "feet"),
    ("tooth", "teeth"),
    ("ox", "oxen"),
    ("knife", "knives"),
    ("wife", "wives"),
    ("leaf", "leaves"),
    ("loaf", "loaves"),
    ("shelf", "shelves"),
    ("bookshelf", "bookshelves"),
    ("wolf", "wolves"),
    ("calf", "calves"),
    ("half", "halves"),
    ("scarf", "scarves"),
    ("human", "humans"),
    ("potato", "potatoes"),
    ("tomato", "tomatoes"),
    ("sheep", "sheep"),
    ("deer", "deer"),
    ("fish", "fish"),
    ("moose", "moose"),
    ("aircraft", "aircraft"),
    ("broccoli", "pieces of broccoli"),
    ("surfboard", "surfboards"),
];

/// Words that are plural already: they take "are" and are never counted.
const ALWAYS_PLURAL: &[&str] =
    &["skis", "scissors", "glasses", "sunglasses", "goggles", "pants", "trousers", "jeans", "shorts", "binoculars", "headphones", "people"];

/// Words without a plural: they are never counted.
const MASS: &[&str] = &[
    "food",
    "bread",
    "rice",
    "grass",
    "water",
    "snow",
    "sand",
    "furniture",
    "luggage",
    "hair",
    "sky",
    "sea",
    "clothing",
    "smoke",
    "fire",
    "traffic",
    "fruit",
    "meat",
    "ground",
    "dirt",
    "text",
];

/// How a label is spoken of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noun {
    /// As in "the dog", "the scissors".
    pub name: String,
    /// As in "two dogs"; `None` when it cannot be counted.
    pub plural: Option<String>,
    /// Takes "are" even for one box.
    pub takes_are: bool,
}

impl Noun {
    /// The noun for a label such as `dining table`.
    pub fn of(label: &str) -> Self {
        let name = if label.eq_ignore_ascii_case("tv") { "TV".to_owned() } else { label.to_owned() };
        let last = name.rsplit(' ').next().unwrap_or_default().to_lowercase();
        let ends_plural = last.ends_with('s') && !["ss", "us", "is"].iter().any(|ending| last.ends_with(ending)) && last.len() > 3;
        if ALWAYS_PLURAL.contains(&last.as_str()) || ends_plural {
            return Noun { name, plural: None, takes_are: true };
        }
        let plural = (!MASS.contains(&last.as_str())).then(|| format!("{}{}", &name[..name.len() - last.len()], plural_word(&last, &name)));
        Noun { name, plural, takes_are: false }
    }

    /// "is" or "are" for one of it.
    pub fn is(&self) -> &'static str {
        if self.takes_are { "are" } else { "is" }
    }

    /// A verb in the third person: `verb("takes", "take")`.
    pub fn verb(&self, singular: &'static str, plural: &'static str) -> &'static str {
        if self.takes_are { plural } else { singular }
    }

    /// "a dog", "an orange", "scissors".
    pub fn with_article(&self) -> String {
        if self.takes_are || self.plural.is_none() || self.name == "broccoli" {
            return self.name.clone();
        }
        format!("{} {}", article(&self.name), self.name)
    }
}

fn plural_word(last: &str, name: &str) -> String {
    if let Some((_, plural)) = IRREGULAR.iter().find(|(singular, _)| *singular == last) {
        return (*plural).to_owned();
    }
    if name.ends_with("TV") {
        return "TVs".to_owned();
    }
    if let Some(stem) = last.strip_suffix("man") {
        return format!("{stem}men");
    }
    let before_last = last.chars().rev().nth(1).unwrap_or('a');
    match last.strip_suffix('y') {
        Some(stem) if !"aeiou".contains(before_last) => format!("{stem}ies"),
        _ if ["s", "x", "z", "ch", "sh"].iter().any(|ending| last.ends_with(ending)) => format!("{last}es"),
        _ => format!("{last}s"),
    }
}

fn article(name: &str) -> &'static str {
    let lower = name.to_lowercase();
    let sounds_like_consonant = ["uni", "use", "eu", "one"].iter().any(|start| lower.starts_with(start));
    let sounds_like_vowel = ["hour", "honest"].iter().any(|start| lower.starts_with(start));
    if sounds_like_vowel || (lower.starts_with(['a', 'e', 'i', 'o', 'u']) && !sounds_like_consonant) { "an" } else { "a" }
}

/// "four"; digits above twenty.
pub fn number(count: usize) -> String {
    word_of_number(count).map_or_else(|| count.to_string(), str::to_owned)
}

/// The number a word stands for, in words or digits.
pub fn read_number(word: &str) -> Option<usize> {
    let lower = word.to_lowercase();
    number_of_word(&lower).or_else(|| lower.parse().ok())
}

/// "a", "a and b", "a, b and c".
pub fn list(items: &[String]) -> String {
    joined(items, "and")
}

/// "a", "a or b", "a, b or c".
pub fn alternatives(items: &[String]) -> String {
    joined(items, "or")
}

fn joined(items: &[String], conjunction: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {conjunction} {last}", first.join(", ")),
    }
}

/// The text with its first letter in upper case.
pub fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Words that begin sentences and have no capital of their own. Of any other first word one cannot know: it may be a name.
const COMMON_FIRST_WORDS: &[&str] = &[
    "a",
    "about",
    "all",
    "an",
    "are",
    "as",
    "at",
    "based",
    "both",
    "by",
    "can",
    "comparing",
    "could",
    "describe",
    "did",
    "dividing",
    "do",
    "does",
    "each",
    "for",
    "from",
    "going",
    "he",
    "her",
    "his",
    "how",
    "if",
    "in",
    "is",
    "it",
    "its",
    "judging",
    "list",
    "look",
    "looking",
    "most",
    "no",
    "of",
    "on",
    "one",
    "only",
    "roughly",
    "seen",
    "she",
    "some",
    "suppose",
    "that",
    "the",
    "their",
    "there",
    "these",
    "they",
    "this",
    "those",
    "to",
    "together",
    "two",
    "under",
    "was",
    "were",
    "what",
    "when",
    "where",
    "which",
    "who",
    "whose",
    "why",
    "will",
    "with",
    "would",
    "yes",
    "you",
];

/// Words that go before a name and are rarely part of it: `the Beatles`, `a Dalmatian`. Before two words with capitals they are.
const BEFORE_NAMES: &[&str] = &["a", "an", "one", "some", "the", "two"];

/// Words that are no part of a name behind them: `in Paris`, `at Wimbledon`.
const OUTSIDE_NAMES: &[&str] = &["about", "as", "at", "based", "by", "from", "in", "of", "on", "to", "under", "with"];

/// Words that have no capital inside of titles.
const SMALL_WORDS: &[&str] = &["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"];

/// The text with its first letter in lower case, if its first word has no capital of its own. Signs and titles stay as they are
/// written: `NO PARKING`, `The North Face`.
pub fn lowered(text: &str) -> String {
    let first_word: String = text.chars().take_while(|character| character.is_alphabetic()).collect();
    let lower = first_word.to_lowercase();
    let is_in_capitals = first_word.len() > 1 && first_word.chars().all(char::is_uppercase);
    if !COMMON_FIRST_WORDS.contains(&lower.as_str()) || is_in_capitals || is_title(&lower, &text[first_word.len()..]) {
        return text.to_owned();
    }
    format!("{lower}{}", &text[first_word.len()..])
}

/// Whether a first word and what stands behind it are a title: every word has a capital, or is a small one.
fn is_title(first_word: &str, behind: &str) -> bool {
    // `TV` and `I` have capitals everywhere.
    let has_capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase)
    };
    let fewest = if BEFORE_NAMES.contains(&first_word) { 2 } else { 1 };
    let is_one_clause = behind.starts_with(' ') && !OUTSIDE_NAMES.contains(&first_word);
    let words: Vec<&str> = behind.split_whitespace().collect();
    let is_alike = words.iter().all(|word| has_capital(word) || SMALL_WORDS.contains(word));
    is_one_clause && is_alike && words.iter().filter(|word| has_capital(word)).count() >= fewest
}

/// The text as a sentence: capital letter first, a full stop last if it has no mark.
pub fn sentence(text: &str) -> String {
    let text = capitalised(text.trim());
    if text.is_empty() || text.ends_with(['.', '!', '?', '"']) { text } else { format!("{text}.") }
}

/// The words of a text, in lower case and without punctuation.
pub fn words(text: &str) -> Vec<String> {
    text.split(|character: char| !character.is_alphanumeric() && character != '\'' && character != '-')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// A form in which two texts are equal if only case, spaces and punctuation differ.
pub fn normalised(text: &str) -> String {
    words(text).join(" ")
}

/// Whether `words` hold the words of `phrase` one after another.
pub fn mentions(words: &[String], phrase: &str) -> bool {
    let phrase: Vec<String> = self::words(phrase);
    !phrase.is_empty() && words.windows(phrase.len()).any(|window| window == phrase)
}

/// `text` with its only occurrence of `part` replaced; `None` unless `part` occurs exactly once, as whole words.
///
/// At the start of the text, `part` may begin with a capital, and so will the replacement.
pub fn replaced_once(text: &str, part: &str, replacement: &str) -> Option<String> {
    let capital = capitalised(part);
    let is_boundary = |character: Option<char>| character.is_none_or(|character| !character.is_alphanumeric());
    let whole = |start: usize, end: usize| is_boundary(text[..start].chars().next_back()) && is_boundary(text[end..].chars().next());
    let mut places = text.match_indices(part).filter(|(start, found)| whole(*start, start + found.len()));
    match (places.next(), places.next()) {
        (Some((start, found)), None) => Some(format!("{}{replacement}{}", &text[..start], &text[start + found.len()..])),
        (None, _) if !part.is_empty() && text.starts_with(&capital) && whole(0, capital.len()) => {
            Some(format!("{}{}", capitalised(replacement), &text[capital.len()..]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals() {
        for (label, plural) in [
            ("orange", "oranges"),
            ("person", "people"),
            ("wine glass", "wine glasses"),
            ("bus", "buses"),
            ("bench", "benches"),
            ("teddy bear", "teddy bears"),
            ("knife", "knives"),
            ("mouse", "mice"),
            ("fireman", "firemen"),
            ("berry", "berries"),
            ("tv", "TVs"),
            ("broccoli", "pieces of broccoli"),
            ("flying sheep", "flying sheep"),
        ] {
            assert_eq!(Noun::of(label).plural.as_deref(), Some(plural), "{label}");
        }
        assert_eq!(Noun::of("scissors").plural, None);
        assert_eq!(Noun::of("trees").is(), "are");
        assert_eq!(Noun::of("grass").plural, None);
    }

    #[test]
    fn articles() {
        assert_eq!(Noun::of("umbrella").with_article(), "an umbrella");
        assert_eq!(Noun::of("unicycle").with_article(), "a unicycle");
        assert_eq!(Noun::of("skis").with_article(), "skis");
    }

    #[test]
    fn only_a_single_whole_word_is_replaced() {
        assert_eq!(replaced_once("There are two cups.", "two", "____").as_deref(), Some("There are ____ cups."));
        assert_eq!(replaced_once("The cup is here.", "the cup", "the dog").as_deref(), Some("The dog is here."));
        assert_eq!(replaced_once("One of one.", "on", "x"), None);
        assert_eq!(replaced_once("red and red", "red", "x"), None);
        assert_eq!(replaced_once("anything", "", "x"), None);
    }

    #[test]
    fn sentences() {
        assert_eq!(sentence("a cat"), "A cat.");
        assert_eq!(lowered("TV sets"), "TV sets");
        assert_eq!(lowered("He is"), "he is");
        assert_eq!(lowered("Jamaica is an island"), "Jamaica is an island");
        for title in ["NO PARKING", "THE END", "The North Face", "The Lord of the Rings.", "Do Not Enter", "No Parking"] {
            assert_eq!(lowered(title), title);
        }
        for (text, expected) in [
            ("The TV is on.", "the TV is on."),
            ("A Dalmatian.", "a Dalmatian."),
            ("In New York", "in New York"),
            ("The Christmas tree is green.", "the Christmas tree is green."),
            ("Is Anna here?", "is Anna here?"),
            ("No, Anna.", "no, Anna."),
            ("A", "a"),
        ] {
            assert_eq!(lowered(text), expected);
        }
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
