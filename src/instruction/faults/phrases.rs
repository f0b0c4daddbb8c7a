//! Words that belong to the prompt or to an unfinished answer.
//!
//! Each pattern is narrow: a picture may show code, a caption or a form, so braces, tags, `caption` and `prompt` alone say nothing.

use std::sync::LazyLock;

use regex::Regex;

/// Variables and gaps that nobody filled in.
static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        \b (?: bbx | bbox | txt | res | tgt ) _ (?: \d+ | [ijkn] ) \b
        | \[ \s* (?: insert | your | placeholder | to\ be\ (?:filled|determined) | fill\ in ) \b [^\]\n]{0,120} \]
        | \[ \s* (?: the\s+ | exact\s+ | normali[sz]ed\s+ )* (?: coordinates? | bounding\ box(?:es)? | bbox | box | location | position | region )
            (?: \s+ (?: of | for | here | \d+ ) \b [^\]\n]{0,80} )? \s* \]
        | \[ \s* (?: description | name | label | object | answer | question | text | number | count ) (?: \s+ (?: of | for | here ) \b [^\]\n]{0,80} | _\d+ )? \s* \]
        | \{ \s* (?: given_ \w+ | persona | bbox | bbx | caption | boxes | objects? | question | answer ) \s* \}
        | < \s* (?: box | bbox | bbx | boxes | coordinates? | region | placeholder | insert\b[^>\n]{0,60} ) \s* >
        | [\[(<] \s* x_?(?:1|min) \s* , \s* y_?(?:1|min) \s* , \s* x_?(?:2|max) \s* , \s* y_?(?:2|max) \s* [\])>]
        | [\[(<] \s* x \s* , \s* y \s* , \s* (?: w | width ) \s* , \s* (?: h | height ) \s* [\])>]",
    )
    .expect("the pattern is a constant")
});

/// A gap that looks like a tag; with its closing tag it is one.
static UNFILLED_TAG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)<\s*(?:(?:the\s+)?(?:rewritten\s+|new\s+)?(?:question|answer)(?:\s+here)?|your\s[^<>\n]{0,60})\s*>")
        .expect("the pattern is a constant")
});

/// A gap that names what belongs there: `<number>`, `<name of the dog>`, `{{colour}}`. Markup, code and types such as `List<number>` look alike.
static UNFILLED_NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?ix)
        (?: ^ | \W ) < \s* (?: the\s+ )? (?: number | count | colou?r ) s? \s* >
        | (?: ^ | \W ) < \s* (?: the\s+ )? (?: number | count | colou?r | name | position | location | size | type ) \s+ of \s [^<>\n]{1,60} >
        | (?: ^ | [\s"'(\[,:] ) \{\{ \s* [a-z_]{3} [\w\ .-]{0,40} \}\}"#,
    )
    .expect("the pattern is a constant")
});

/// A question that was left for later.
static UNWRITTEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)^\W*(?:\.\.\.|…|to\s?do|tbd)\W*$").expect("the pattern is a constant"));

/// A caption that is part of the picture: `the caption below the photo`.
static VISIBLE_CAPTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^\s+(?:that\s+is\s+|which\s+is\s+)?(?:printed\s+|written\s+|shown\s+|visible\s+)?(?:below|under|underneath|beneath|beside|next\s+to|on|in|inside|at)\s+(?:the|this|each|its)\b",
    )
    .expect("the pattern is a constant")
});

/// What only a prompt says.
static PROMPT_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        \# \s* (?: given | rewritten | created | new | objective | constraints? | caption | bounding\ boxes | persona ) \s* (?: q \s* & \s* a (?: \s* & \s* s )? | prompt | list )? \s* \#
        | \b q \s* & \s* a \s* & \s* s \b
        | \b given_ (?: location | paragraph | qa | persona ) \b
        | \b (?: given | rewritten | original | created | new ) \s+ (?: prompt | q&a ) \b
        | \b (?: rewritten | original | given | parent ) \s+ (?: question | instruction ) \s* (?: \# | \d | : )
        | \b given\s+ items? \s* \#? \s* \d+ \b
        | \b the\s+ (?: rewritten | original | parent ) \s+ question \s* (?: [,.;?!)] | $ | (?: is | was | asks | asked | asking | about | and | which | that | did | does ) \b )
        | ``` \s* json
        | < \| \s* [a-z_]+ \s* \| >
        | < /? think(?:ing)? >
        | \[ /? INST \]
        | \b (?: given | provided | supplied | above ) \s+ (?: list\ of\s+ )? (?: bounding\ box(?:es)? | boxes | box\ coordinates | detections? ) (?: \s+ list )? \b
        | \b bounding\ boxes \s+ list \b
        | \b (?: given | provided | supplied | accompanying | above ) \s+ (?: image \s+ )? caption \b
        | \b according\ to\ the\s+ (?: image \s+ )? caption \b
        | \b (?: return | output | respond\ with | provide ) \s+ only \s+ (?: a \s+ | the \s+ )? json \s+ (?: list | array ) \b
        | \b (?: atomic | nine ) \s+ (?: abilities | capabilities | propositions ) \b
        | \b image_position \b",
    )
    .expect("the pattern is a constant")
});

/// Whether a text holds a variable or a gap that should have been filled in.
pub(super) fn has_placeholder(text: &str) -> bool {
    let is_markup = text.contains("</");
    PLACEHOLDER.is_match(text)
        || (UNFILLED_TAG.is_match(text) && !is_markup)
        || (UNFILLED_NAME.is_match(text) && !is_markup && !text.contains("```"))
}

/// Whether a question is nothing but a sign that it should have been written.
pub(super) fn is_unwritten(question: &str) -> bool {
    UNWRITTEN.is_match(question)
}

/// Whether a text repeats the prompt, or talks about what only the prompt shows.
pub(super) fn repeats_prompt(text: &str) -> bool {
    PROMPT_WORDS.find_iter(text).any(|found| {
        let is_about_caption = found.as_str().to_lowercase().ends_with("caption");
        !(is_about_caption && VISIBLE_CAPTION.is_match(&text[found.end()..]))
    })
}
