//! Markup in texts: what is passed over before sentences are looked for.

use std::borrow::Cow;

/// The text without scripts and styles. Their end tags stay.
pub(super) fn without_code(text: &str) -> Cow<'_, str> {
    without_elements(without_elements(Cow::Borrowed(text), "script"), "style")
}

/// The text without scripts and styles, and with a blank for each tag, so that nothing grows together. Linear in the length of the text.
pub(super) fn without_markup(text: &str) -> Cow<'_, str> {
    let text = without_code(text);
    let mut kept = String::new();
    let (mut copied, mut from) = (0, 0);
    while let Some(start) = text[from..].find('<').map(|at| from + at) {
        let is_tag = text[start + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        if !is_tag {
            from = start + 1;
            continue;
        }
        // Where nothing closes this one, nothing closes those after it.
        let Some(length) = text[start..].find('>') else { break };
        kept.push_str(&text[copied..start]);
        kept.push(' ');
        copied = start + length + 1;
        from = copied;
    }
    if copied == 0 {
        return text;
    }
    kept.push_str(&text[copied..]);
    Cow::Owned(kept)
}

/// The text without the HTML elements of this name. One that is not closed reaches to the end.
fn without_elements<'a>(text: Cow<'a, str>, name: &str) -> Cow<'a, str> {
    let is_start =
        |at: usize| text.as_bytes().get(at + 1..=at + name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()));
    let is_end = |at: usize| text.as_bytes().get(at + 1) == Some(&b'/') && is_start(at + 1);
    let mut marks = text.match_indices('<').map(|(at, _)| at);
    let Some(first) = marks.find(|at| is_start(*at)) else { return text };
    let mut kept = text[..first].to_owned();
    while let Some(end) = marks.find(|at| is_end(*at)) {
        let next = marks.find(|at| is_start(*at));
        // The end tag itself stays, as markup that is passed over.
        kept.push_str(&text[end..next.unwrap_or(text.len())]);
        if next.is_none() {
            break;
        }
    }
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::without_markup;

    #[test]
    fn tags_are_blanks_and_other_brackets_stay() {
        for (text, expected) in [
            ("<p>What color is the car?</p>", " What color is the car? "),
            ("a<br/>b", "a b"),
            ("<!-- note -->a", " a"),
            ("Is 3 < 5 or 5 > 3?", "Is 3 < 5 or 5 > 3?"),
            ("a <b", "a <b"),
            ("<script>if (a < b) { c > d }</script>Why?", " Why?"),
            ("<image>", " "),
            ("ä<b>ö</b>", "ä ö "),
            ("", ""),
        ] {
            assert_eq!(without_markup(text), expected, "{text}");
        }
    }
}
