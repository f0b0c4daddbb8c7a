//! Where a model says that what follows is its final answer, behind drafts of it.

use std::sync::LazyLock;

use regex::Regex;

/// A line before the part that counts: `Final answer:`. In a line with brackets or quotes it is part of something else.
static FINAL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?im)^[^\n\[\]{}"]*\b(?:final|revised|corrected)\b"#).expect("the pattern is a constant"));

/// What stands before and behind the last mention of a final answer that JSON follows; `None` without one.
pub(super) fn draft_and_final(text: &str) -> Option<(&str, &str)> {
    let last_bracket = text.rfind(['{', '['])?;
    let mention = FINAL.find_iter(text).take_while(|mention| mention.end() <= last_bracket).last()?;
    Some((&text[..mention.start()], &text[mention.end()..]))
}
