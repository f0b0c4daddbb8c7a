//! Sentences: the boundaries of Unicode Standard Annex 29, mended where it cuts too often.

use unicode_segmentation::UnicodeSegmentation;

use super::markup::without_markup;

/// Words whose full stop ends no sentence, though a capital may follow. Those that often end one (`etc.`, `Inc.`) are not among them.
const ABBREVIATIONS: [&str; 24] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "mt", "rev", "hon", "gen", "col", "capt", "lt", "sgt", "vs", "e.g", "i.e", "cf", "fig", "figs",
    "eq", "no", "vol", "approx",
];

/// The sentences of a text, in order, without surrounding blanks. Pieces without any letter or digit are none.
///
/// A sentence ends where Annex 29 ends one, but neither after an abbreviation such as `Dr.` or initials as in `J. Smith` and `U.S. Army`, nor after
/// the number of a list item, nor after a quotation that the sentence goes on from in lower case, nor at a line break before a line that goes on
/// in lower case. Scripts that end sentences with marks of their own (`。`, `؟`, `।`) are covered; a text without any marks is one sentence. Linear
/// in the length of the text.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut pieces = text.split_sentence_bound_indices().peekable();
    std::iter::from_fn(move || {
        let (start, piece) = pieces.next()?;
        let mut end = start + piece.len();
        while let Some((next, piece)) = pieces.next_if(|(next, piece)| goes_on(&text[start..*next], piece)) {
            end = next + piece.len();
        }
        Some(text[start..end].trim())
    })
    .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
}

/// How many [`sentences`] a text has. Markup is passed over, scripts and styles with what is in them.
pub fn sentence_count(text: &str) -> usize {
    sentences(&without_markup(text)).count()
}

/// Whether `next` belongs to the sentence that `before` is the beginning of.
fn goes_on(before: &str, next: &str) -> bool {
    let trimmed = before.trim_end();
    let is_line_end = before[trimmed.len()..].contains(['\n', '\r', '\u{2028}', '\u{2029}', '\u{85}']);
    let last_word = trimmed.rsplit(|c: char| c.is_whitespace() || "([\"'“‘".contains(c)).next().unwrap_or_default();
    match last_word.strip_suffix('.') {
        Some(word) if !is_line_end => is_abbreviation(word) || (is_list_mark(word) && word.len() == trimmed.len() - 1),
        None if is_line_end => {
            let wrapped = next.starts_with(|c: char| c.is_lowercase()) && !trimmed.ends_with(['!', '?', ':', '。', '？', '！']);
            wrapped && !next.split_once(['.', ')']).is_some_and(|(mark, _)| is_list_mark(mark))
        }
        // A quotation that ends in a mark, inside of a sentence.
        _ => !is_line_end && trimmed.ends_with(['"', '”', '’', '\'', '»']) && next.starts_with(char::is_lowercase),
    }
}

fn is_abbreviation(word: &str) -> bool {
    // `I.` ends a sentence as often.
    let are_initials = word != "I" && word.split('.').all(|part| part.len() == 1 && part.starts_with(|c: char| c.is_ascii_uppercase()));
    are_initials || ABBREVIATIONS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether this is the number or letter of a list item.
fn is_list_mark(word: &str) -> bool {
    (1..=3).contains(&word.len())
        && (word.bytes().all(|b| b.is_ascii_digit()) || (word.len() == 1 && word.as_bytes()[0].is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_end_sentences() {
        for (text, count) in [
            ("", 0),
            (" \n ... ", 0),
            ("A dog", 1),
            ("A dog runs. It is brown! Why?", 3),
            ("Wait... what is this?", 1),
            ("Wait... what? No!", 2),
            ("Wait... What? No!", 3),
            ("It costs 3.50 dollars. Yes.", 2),
            ("Visit www.example.com now. Then leave.", 2),
            ("He said \"Go!\" and left.", 1),
            ("これは犬です。猫はいますか？", 2),
            ("यह कुत्ता है। वह भूरा है।", 2),
        ] {
            assert_eq!(sentence_count(text), count, "{text:?}");
        }
    }

    #[test]
    fn abbreviations_initials_and_list_numbers_end_none() {
        for text in [
            "Dr. Smith and Mrs. Jones wave.",
            "Compare A vs. B here.",
            "J. K. Rowling wrote it.",
            "The U.S. Army is here.",
            "A soldier of the U.N. and a ship of the U.S. Navy",
            "(U.S. Army)",
            "He has a Ph.D. in physics.",
            "It stands in Washington, D.C. shown here.",
            "He lives in the U.S.",
            "1. Find the red car",
            "Use a tool, e.g. Google.",
        ] {
            assert_eq!(sentence_count(text), 1, "{text:?}");
        }
        assert_eq!(sentence_count("You and I. They left."), 2);
        assert_eq!(sentence_count("The U.S. Army is here. Why?"), 2);
    }

    #[test]
    fn line_breaks_end_sentences_where_no_line_goes_on() {
        assert_eq!(sentences("The dog runs\nacross the field.").collect::<Vec<_>>(), ["The dog runs\nacross the field."]);
        assert_eq!(sentence_count("Which organ?\na. lung\nb. heart\nc. nose"), 4);
        assert_eq!(sentence_count("Objects:\n- a dog\n- a cat"), 3);
        assert_eq!(sentence_count("First line\nSecond line\r\n\r\nThird line"), 3);
    }

    #[test]
    fn markup_is_passed_over() {
        for (text, count) in [
            ("<p>What color is the car?</p>", 1),
            ("<image>\nDescribe the image.", 1),
            ("Describe the image.\n<image>", 1),
            ("<p>A dog runs.</p><p>Why?</p>", 2),
            ("<b>One.</b> <i>Two.</i>", 2),
            ("<script>a(); B.</script>Why?", 1),
            ("<img alt=\"One. Two.\"> Why?", 1),
            ("<image>", 0),
            ("Is 3 < 5? Is 5 > 3?", 2),
        ] {
            assert_eq!(sentence_count(text), count, "{text:?}");
        }
    }

    #[test]
    fn long_texts_take_linear_time() {
        for text in [
            ". ".repeat(100_000),
            "a\n".repeat(100_000),
            "Mr. ".repeat(50_000),
            "a".repeat(200_000),
            "A.".repeat(100_000),
            "<a".repeat(100_000),
            "<a>".repeat(70_000),
            "< ".repeat(100_000),
        ] {
            assert!(sentence_count(&text) <= text.len());
        }
    }
}
