//! Texts in a terminal: what is shown of them, how many columns they take, where they are cut and broken.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// After these a name goes on in the next line.
const MARKS: &[char] = &['_', ' ', '/', '-'];
/// How much deeper the rest of an indented line begins: in a plan, what is one step deeper belongs to the line above.
const HANGING: usize = 4;

/// `text` on one line of at most `width` columns, and whether its end was cut off (then it ends in `…`).
///
/// Newlines show as `⏎`, other control characters as their picture. Never splits what is read as one character.
pub fn fit(text: &str, width: usize) -> (String, bool) {
    let mut fitted = String::with_capacity(text.len().min(width.saturating_mul(4)));
    let mut used = 0;
    let mut length_with_room_for_mark = 0;
    for grapheme in text.graphemes(true) {
        let shown = visible(grapheme);
        used += shown.width();
        if used > width {
            fitted.truncate(length_with_room_for_mark);
            fitted.push('…');
            return (fitted, true);
        }
        fitted.push_str(&shown);
        if used < width {
            length_with_room_for_mark = fitted.len();
        }
    }
    (fitted, false)
}

/// `text` with its indented lines broken where they are wider than `width`. The drawing of a table would break them as well, and drop the blanks
/// that they begin with.
pub(super) fn with_hanging_lines(text: &str, width: usize) -> String {
    let lines = text.split('\n').map(|line| match line.starts_with(' ') && shown_width(line) > width {
        true => Cow::Owned(broken(line, width, &[' '], HANGING)),
        false => Cow::Borrowed(line),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `text`, one line, on lines of at most `width` columns, broken after one of `marks` where it has one. Blanks that it begins with stay, and
/// the lines after the first begin with `hanging` more of them; no indentation takes more than half of the width.
fn broken(text: &str, width: usize, marks: &[char], hanging: usize) -> String {
    let body = text.trim_start_matches(' ');
    let indentation = (text.len() - body.len()).min(width / 2);
    let later_indentation = (indentation + hanging).min(width / 2);
    let mut lines = vec![" ".repeat(indentation)];
    let (mut start, mut used) = (indentation, indentation);
    for piece in body.split_inclusive(marks) {
        let mut is_next = used > start && used + shown_width(piece.trim_end()) > width;
        for grapheme in piece.graphemes(true) {
            let shown = grapheme.width();
            // A piece wider than a line is broken anywhere; a blank at the end of a line needs no room.
            if is_next || (used > start && used + shown > width && grapheme != " ") {
                lines.push(" ".repeat(later_indentation));
                (start, used, is_next) = (later_indentation, later_indentation, false);
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(grapheme);
            }
            used += shown;
        }
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

/// `text`, a name or a few words, on lines of at most `width` columns, with what [`fit`] makes visible.
pub(super) fn broken_name(text: &str, width: usize) -> String {
    broken(&fit(text, usize::MAX).0, width, MARKS, 0)
}

/// The widest part of `text` that [`broken_name`] keeps on one line.
pub(super) fn widest_part(text: &str) -> usize {
    text.split_inclusive(MARKS).map(|part| shown_width(part.trim_end())).max().unwrap_or(0)
}

/// `text` with its line ends kept and all other control characters made visible.
pub fn visible_lines(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text.lines().map(visible).collect();
    lines.join("\n")
}

/// How many terminal columns `text` takes on one line.
pub fn shown_width(text: &str) -> usize {
    text.graphemes(true).map(|grapheme| visible(grapheme).width()).sum()
}

fn visible(text: &str) -> Cow<'_, str> {
    if text == "\r\n" {
        return Cow::Borrowed("⏎");
    }
    if !text.chars().any(|character| picture(character).is_some()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|character| picture(character).unwrap_or(character)).collect())
}

/// What stands for a character that must not reach the terminal.
fn picture(character: char) -> Option<char> {
    match character {
        '\n' => Some('⏎'),
        '\t' => Some(' '),
        // Unicode's control pictures are in the order of the characters they stand for.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)),
        '\u{7f}' => Some('␡'),
        // C1 controls, line and paragraph separators, marks that change the direction of the text after them.
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some('\u{fffd}')
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_what_is_read_as_one_character() {
        assert_eq!(fit("abcdef", 6), ("abcdef".to_owned(), false));
        assert_eq!(fit("abcdef", 5), ("abcd…".to_owned(), true));
        assert_eq!(fit("猫猫猫", 5), ("猫猫…".to_owned(), true));
        assert_eq!(fit("猫猫猫", 4), ("猫…".to_owned(), true));
        assert_eq!(fit("a\u{301}bc", 2), ("a\u{301}…".to_owned(), true));
        assert_eq!(fit("👨‍👩‍👧x", 2), ("…".to_owned(), true));
        assert_eq!(fit("a\nb", 9), ("a⏎b".to_owned(), false));
        assert_eq!(fit("", 0), (String::new(), false));
    }

    #[test]
    fn the_rest_of_an_indented_line_hangs() {
        assert_eq!(broken("  Scan: one, two, three", 14, &[' '], 4), "  Scan: one,\n      two,\n      three");
        assert_eq!(broken("  abcdefghijklmnop", 10, &[' '], 4), "  abcdefgh\n     ijklm\n     nop");
        assert_eq!(broken("            deep", 8, &[' '], 4), "    deep");
    }
}
