//! Words that belong to the prompt or to an unfinished answer.
//!
//! Each pattern is narrow: a picture may show code, a caption or a form, so braces, tags, `caption` and `prompt` alone say nothing.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::boxes::before;
use crate::instruction::Instruction;
use crate::instruction::vocabulary::normalize_format;

/// Variables of the prompt.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        \b (?: bbx | bbox | txt | res | tgt ) _ (?: \d+ | [ijkn] ) \b
        | \b bbx _ [a-z] \w* \b
        | \[ \s* bbox _ [a-z] \w* \s* \]
        | \{ \s* (?: given_ \w+ | persona | bbox | bbx | caption | boxes | objects? | question | answer ) \s* \}",
    )
    .expect("the pattern is a constant")
});

/// A tag for a box. Models also write boxes between such tags: `<box>[[0.1, 0.2, 0.3, 0.4]]</box>`.
static BOX_TAG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)<\s*(?:box|bbox|bbx|boxes|coordinates?|region|placeholder|insert\b[^>\n]{0,60})\s*>")
        .expect("the pattern is a constant")
});

/// Gaps that a question may speak of and an answer should have filled in: `[color]`, `[dog coordinates]`. Links, indexes and code look alike.
static GAP_OF_ANSWER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        \[ \s* (?: [a-z]+ \s+ ){1,3} coordinates \s* \] (?: [^(\w] | $ )
        | (?: ^ | [\s'(:] ) \[ \s* (?: the \s+ )? (?: colou?r | brand | species | breed | animal ) \s* \] (?: [^(\w] | $ )",
    )
    .expect("the pattern is a constant")
});

/// A blank where an answer should have said something: `The brand is ____.`
static BLANK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:is|are|was|were|a|an|the|of|named|called)\s+_{3,}").expect("the pattern is a constant"));

/// Words of questions about writing, which may have blanks.
static ABOUT_WRITING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) \b (?: says? | said | writ(?:e|es|ten|ing) | reads? | texts? | sentences? | words? | worksheets? | exercises? | printed
        | quiz | questions? | forms? | signs? | boards? | slides? | screens? | pages? | documents? | quotes? | underscores? ) \b",
    )
    .expect("the pattern is a constant")
});

/// Gaps that nobody filled in. A question may have one to be filled in, or to say what the answer shall look like.
static GAP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        \[ \s* (?: insert | your | placeholder | to\ be\ (?:filled|determined) | fill\ in ) \b [^\]\n]{0,120} \]
        | \[ \s* (?: the\s+ | exact\s+ | normali[sz]ed\s+ )* (?: coordinates? | bounding\ box(?:es)? | bbox | box | location | position | region )
            (?: \s+ (?: of | for | here | \d+ ) \b [^\]\n]{0,80} )? \s* \]
        | \[ \s* (?: the\s+ | exact\s+ | normali[sz]ed\s+ )* (?: (?: bounding\ )? box \s+ )? coordinates (?: \s+ [^\]\n\d:]{1,80} )? \s* \]
        | \[ [^\[\]\n]{1,40} ['’] s? \s+ (?: (?: bounding\ )? box \s+ )? (?: coordinates? | bounding\ box | bbox ) \s* \]
        | \[ \s* (?: description | name | label | object | answer | question | text | number | count ) (?: \s+ (?: of | for | here ) \b [^\]\n]{0,80} | _\d+ )? \s* \]
        | [\[(<] \s* x_?(?:1|min) \s* , \s* y_?(?:1|min) \s* , \s* x_?(?:2|max) \s* , \s* y_?(?:2|max) \s* [\])>]
        | [\[(<] \s* x \s* , \s* y \s* , \s* (?: w | width ) \s* , \s* (?: h | height ) \s* [\])>]
        | [\[(] \s* \d* \. x{1,4} (?: \s* , \s* \d* \. x{1,4} ){1,3} \s* [\])]",
    )
    .expect("the pattern is a constant")
});

/// Questions whose gaps are for the reader.
static ASKS_TO_FILL_IN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:fill\s+(?:in|out)|complete\s+(?:the|this)|blanks?|gaps?|missing\s+(?:words?|numbers?))\b")
        .expect("the pattern is a constant")
});

/// What stands before a gap that says what the answer shall look like: `in the format [x1, y1, x2, y2]`.
static FORMAT_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:(?:formats?|formatted|form|notation|template|json)\b[^.?!]*|as\s*(?:a\s+list\s*)?\W{0,3})$")
        .expect("the pattern is a constant")
});

/// The same behind it: `in [x1, y1, x2, y2] format`.
static FORMAT_BEHIND: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)^\W{0,3}(?:formats?|form|notation|order)\b").expect("the pattern is a constant"));

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
        r"(?i)^\s+(?:that\s+is\s+|which\s+is\s+)?(?:printed\s+|written\s+|shown\s+|visible\s+)?(?:below|under|underneath|beneath|beside|next\s+to|on|in|inside|at)\s+(?:the|this|each|its)\b|^\s+of\s+(?:the|this|each)\s+(?:meme|comic|cartoon|poster|figure|table|chart|graph|diagram|map|panel)\b",
    )
    .expect("the pattern is a constant")
});

/// How boxes are to be written: `with bounding boxes given as (x1, y1, x2, y2)`.
static WRITTEN_BOXES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\s+(?:as|in\s+(?:the\s+|a\s+)?(?:formats?|form|json|pixels?|normali[sz]ed|absolute|relative))\b")
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
        | \b (?: given | provided | supplied | above ) \s+ (?: list\ of\s+ )? (?: bounding\ box(?:es)? | box\ coordinates | detections? ) (?: \s+ list )? \b
        | \b (?: given | provided | supplied | above ) \s+ (?: list\ of\s+boxes | boxes\s+list ) \b
        | \b (?: according\s+to | based\s+on | from | using ) \s+ the \s+ (?: given | provided | supplied | above ) \s+ boxes \b
        | \b (?: according\s+to | based\s+on ) \s+ the \s+ (?: given | provided | supplied ) \s+ coordinates \b
        | \b bounding\ boxes \s+ (?: list | (?: (?: that \s+ | which \s+ )? (?: are | were ) \s+ )? (?: given | provided | supplied ) ) \b
        | \b (?: given | provided | supplied | accompanying | above ) \s+ (?: image \s+ )? caption \b
        | \b (?: according\s+to | based\s+on | as \s+ (?: described | stated | mentioned | noted | given | said ) \s+ (?: in | by ) ) \s+ the \s+ (?: image \s+ )? caption \b
        | \b (?: return | output | respond\ with | provide ) \s+ only \s+ (?: a \s+ | the \s+ )? json \s+ (?: list | array ) \b
        | \b (?: atomic | nine ) \s+ (?: abilities | capabilities | propositions ) \b
        | \b image_position \b",
    )
    .expect("the pattern is a constant")
});

/// Questions that quote the caption they speak of, so that who reads them knows it.
static QUOTES_A_CAPTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?ix)
        \b caption \s* (?: is | reads | says )? \s* [:,]? \s* ["“'‘] \w
        | \b caption \s* : \s* \S+ \s+ \S
        | \b caption \b [^?\n]{0,60} \b (?: match (?:es)? | fits? | accurate | correct | consistent | true | describes? | agrees? ) \b [^?\n]{0,60}
            \? \s* (?: \S+ \s+ ){2,} \S
        | \b (?: match (?:es)? | fits? | agrees? | consistent ) \b [^?\n]{0,60} \b caption \b [^?\n]{0,60} \? \s* (?: \S+ \s+ ){2,} \S"#,
    )
    .expect("the pattern is a constant")
});

/// Questions that want JSON or code in the answer. The name behind a fence is no wish.
static ASKS_FOR_CODE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)(?:^|[^`\w])(?:json|code|snippet|script)\b").expect("the pattern is a constant"));

/// Tokens that models write around boxes and what is in them.
const BOX_TOKENS: [&str; 3] = ["ref", "det", "box"];
const BEGINNINGS_OF_BOX_TOKENS: [&str; 3] = ["box_", "object_ref_", "quad_"];

/// Whether the question or the answer holds a variable or a gap that should have been filled in.
pub(super) fn has_placeholder(item: &Instruction) -> bool {
    let (question, answer) = (item.question.as_str(), item.answer.as_str());
    let has_empty_tag = |text: &str| BOX_TAG.find_iter(text).any(|tag| !holds_number(&text[tag.end()..]));
    let has_variable = [question, answer].into_iter().any(|text| VARIABLE.is_match(text) || has_empty_tag(text));
    let is_form = normalize_format(&item.format) == Some("fill_in_the_blank") || ASKS_TO_FILL_IN.is_match(question);
    let is_format =
        |gap: &Range<usize>| FORMAT_BEFORE.is_match(before(question, gap.start)) || FORMAT_BEHIND.is_match(&question[gap.end..]);
    // What the image shows may have blanks, too.
    let may_have_blanks = || is_form || question.contains("__") || ABOUT_WRITING.is_match(question) || answer.contains(['"', '“', '`']);
    has_variable
        || gaps(answer).next().is_some()
        || (!answer.contains("```") && GAP_OF_ANSWER.is_match(answer))
        || (BLANK.is_match(answer) && !may_have_blanks())
        || (!is_form && gaps(question).any(|gap| !is_format(&gap)))
}

/// Whether a number stands between a tag and its closing tag, or at once behind a tag that nothing closes.
fn holds_number(behind: &str) -> bool {
    /// Where the closing tag is looked for: a text of nothing but tags would be read again and again.
    const LONGEST_BOX_CHARACTERS: usize = 400;
    let end = behind.char_indices().nth(LONGEST_BOX_CHARACTERS).map_or(behind.len(), |(end, _)| end);
    let behind = &behind[..end];
    match behind.split_once("</") {
        Some((inside, _)) => inside.contains(|c: char| c.is_ascii_digit()),
        None => behind.trim_start_matches([' ', '[', '(']).starts_with(|c: char| c.is_ascii_digit()),
    }
}

/// Where a text has gaps.
fn gaps(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_markup = text.contains("</");
    let patterns = [(&GAP, true), (&UNFILLED_TAG, !is_markup), (&UNFILLED_NAME, !is_markup && !text.contains("```"))];
    let patterns = patterns.into_iter().filter(|(_, applies)| *applies);
    patterns.flat_map(move |(pattern, _)| pattern.find_iter(text).map(|gap| gap.range()))
}

/// Whether a question is nothing but a sign that it should have been written.
pub(super) fn is_unwritten(question: &str) -> bool {
    UNWRITTEN.is_match(question)
}

/// Whether the question or the answer repeats the prompt, or talks about what only the prompt shows.
pub(super) fn repeats_prompt(item: &Instruction) -> bool {
    let (question, format) = (item.question.as_str(), normalize_format(&item.format));
    let has_caption = format == Some("text_image_matching") || QUOTES_A_CAPTION.is_match(question);
    let wants_json = format == Some("instruction_following") || ASKS_FOR_CODE.is_match(question);
    [question, item.answer.as_str()].into_iter().any(|text| {
        PROMPT_WORDS.find_iter(text).any(|found| {
            let (words, behind) = (found.as_str().to_lowercase(), &text[found.end()..]);
            let is_known = words.ends_with("caption") && (has_caption || VISIBLE_CAPTION.is_match(behind));
            let is_format = words.starts_with("bounding boxes") && WRITTEN_BOXES.is_match(behind);
            let is_wanted = words.contains("json") && wants_json;
            !is_known && !is_format && !is_wanted && !is_box_token(&words)
        })
    })
}

/// Whether a token of a chat is one around a box: `<|box_start|>`.
fn is_box_token(words: &str) -> bool {
    let Some(token) = words.strip_prefix("<|") else { return false };
    let token = token.trim_matches([' ', '|', '>']);
    BOX_TOKENS.contains(&token) || BEGINNINGS_OF_BOX_TOKENS.iter().any(|beginning| token.starts_with(beginning))
}
