//! From any text a model wrote, the JSON values in it that could be its answer.
//!
//! Strict JSON is read by `serde_json` and nothing else. Whatever it refuses goes through a lenient reader of our own: models wrap
//! answers in prose, fences and thoughts, forget commas, quotes and brackets, write Python or comments, and stop in the middle.
//!
//! # Why not a crate
//! Three exist for this; each was tried on the texts of `tests/data/malformed.jsonl`. `json-repair` 0.4 does not build on stable Rust.
//! `llm_json` 1.0 keeps only the first item of a list that needs any repair. `jsonrepair` 0.1 closes an item that the token limit
//! cut off, so that it looks whole, and splits texts at their commas. None of them tells what was lost, and the last two overflow
//! the stack on 200,000 brackets. A data engine must know which items the model really finished.
//!
//! # What it promises
//! - One pass, time linear in the text; the reader never goes back behind what it has read by more than one bracket.
//! - No recursion: an explicit stack of at most [`MAX_DEPTH`] frames, so neither reading nor dropping a value overflows the stack.
//! - When in doubt an item is dropped, not guessed: what was cut off is left out and sets [`Repaired::truncated`];
//!   what cannot be read is reported as [`Part::Broken`], and reading goes on at the next bracket.

mod cursor;
mod keys;
mod latex;
mod reader;
mod strings;

use serde_json::Value;

use self::reader::Reader;

/// How deep values may nest. `serde_json` has the same limit; real answers nest five levels.
pub const MAX_DEPTH: usize = 127;

/// How models mark the beginning and the end of their thoughts; in lower case, since they write it in any. In gpt-oss's format the answer
/// is a channel of its own.
const THOUGHTS: [(&str, &str); 16] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<analysis>", "</analysis>"),
    ("◁think▷", "◁/think▷"),
    ("[think]", "[/think]"),
    ("<seed:think>", "</seed:think>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<|start_thinking|>", "<|end_thinking|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel|>analysis", "<|channel|>final"),
    ("<|start|>assistant<|channel|>analysis", "<|channel|>final"),
    ("<|im_start|>think", "<|im_start|>answer"),
];

/// gpt-oss's channels where the server leaves their special tokens out: `analysisLet me see.assistantfinal[...]`.
const BARE_THOUGHT: (&str, &str) = ("analysis", "assistantfinal");

/// How a model ends its turn. What it writes behind that is somebody else's part of a conversation.
const TURN_ENDS: [&str; 6] = ["<|im_end|>", "<|eot_id|>", "<|end_of_turn|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>"];

/// The readable parts of a text, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Repaired {
    /// Empty for a text without lists and objects.
    pub parts: Vec<Part>,
    /// The text ends inside a value, or inside a thought that was never closed.
    pub truncated: bool,
    /// Some brackets nest deeper than [`MAX_DEPTH`]; they were skipped.
    pub too_deep: bool,
}

/// One part of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A list or an object: a whole one, or the finished members of one that was cut off or broken.
    Value(Value),
    /// The source text of an object that could not be read, up to the brace where reading goes on.
    Broken(String),
}

impl Repaired {
    /// The values among the parts.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(value) => Some(value),
            Part::Broken(_) => None,
        })
    }
}

/// Reads every list and object in `text`, up to where the model ends its turn behind an object. Scalars outside of lists and objects are
/// prose. Objects without brackets between them (`{"a": 1, "b": 2, "a": 3, "b": 4}`) are read as several. Time is linear in the text.
pub fn repair(text: &str) -> Repaired {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    match serde_json::from_str(text) {
        // The whole answer encoded once more, as a JSON string.
        Ok(Value::String(inner)) => return read_all(&inner),
        Ok(value @ (Value::Array(_) | Value::Object(_))) if needs_no_repair(text) => {
            return Repaired { parts: vec![Part::Value(value)], ..Repaired::default() };
        }
        _ => {}
    }
    match without_thoughts(text) {
        Some(answer) => read_answer(without_escapes(answer).as_deref().unwrap_or(answer)),
        None => Repaired { truncated: true, ..Repaired::default() },
    }
}

/// The lists and objects in a text that is a value inside JSON, as models encode an answer once more. Empty for any other text.
pub fn encoded_values(text: &str) -> Vec<Value> {
    let text = text.trim_start();
    if !text.starts_with(['[', '{']) && !text.starts_with("```") {
        return Vec::new();
    }
    let is_value = |part| if let Part::Value(value) = part { Some(value) } else { None };
    repair(text).parts.into_iter().filter_map(is_value).collect()
}

/// What follows the model's thoughts, `None` when they never end: a draft in a thought is no answer.
fn without_thoughts(text: &str) -> Option<&str> {
    // Of the same length as the text, so that places in one are places in the other.
    let folded = text.to_ascii_lowercase();
    let mut answer = text;
    if let Some(thought) = text.strip_prefix(BARE_THOUGHT.0) {
        answer = match thought.rfind(BARE_THOUGHT.1) {
            Some(end) => thought[end + BARE_THOUGHT.1.len()..].trim_start(),
            // No word begins like this: `analysisLet me see`.
            None if thought.starts_with(char::is_alphabetic) => return None,
            None => text,
        };
    }
    for (opening, closing) in THOUGHTS {
        let unread = &folded[text.len() - answer.len()..];
        let is_open = unread.starts_with(opening);
        // Some chat templates write the opening tag themselves, so that only the closing one arrives.
        match unread.rfind(closing).and_then(|start| answer.get(start + closing.len()..)) {
            Some(rest) if is_open || rest.contains(['{', '[']) => answer = rest.trim_start(),
            None if is_open => return None,
            _ => {}
        }
    }
    Some(answer)
}

/// A text whose quotes are all escaped, such as `[{\"question\": \"Q\"}]`, without one level of escapes; `None` for any other text.
fn without_escapes(text: &str) -> Option<String> {
    let before_quote = text[..text.find('"')?].strip_suffix('\\')?;
    if !before_quote.replace("\\n", "").trim_end().ends_with(['{', '[']) {
        return None;
    }
    let on_one_line = text.replace('\r', "").replace('\n', "\\n").replace('\t', "\\t");
    serde_json::from_str::<String>(&format!("\"{on_one_line}\"")).ok()
}

/// Reads an answer that may lack the brace before its first key.
fn read_answer(text: &str) -> Repaired {
    let repaired = read_all(text);
    if !cursor::quoted_key_and_colon(text) {
        return repaired;
    }
    let braced = read_all(&format!("{{{text}"));
    let broken = |read: &Repaired| read.parts.iter().filter(|part| matches!(part, Part::Broken(_))).count();
    // `"Here it is": [...]` is no object, nor is `"Here": it is [...]`.
    if (braced.truncated && !repaired.truncated) || broken(&braced) > broken(&repaired) { repaired } else { braced }
}

fn read_all(text: &str) -> Repaired {
    let mut repaired = Repaired::default();
    let mut position = 0;
    let mut has_object = false;
    while let Some(start) = next_opening(text, position) {
        // A text may begin with such a mark, and prose may have brackets.
        if has_object && text.get(position..start).is_some_and(|prose| TURN_ENDS.iter().any(|end| prose.contains(end))) {
            break;
        }
        position = match read_strictly(text, start) {
            Some((value, end)) => {
                repaired.parts.push(Part::Value(value));
                end
            }
            None => Reader::new(text, start, &mut repaired).read(),
        };
        has_object |= text.get(start..position).is_some_and(|read| read.contains('{'));
    }
    repaired
}

/// A value that needs no repair, with the position after it.
fn read_strictly(text: &str, start: usize) -> Option<(Value, usize)> {
    let rest = text.get(start..)?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let value = values.next()?.ok()?;
    let length = values.byte_offset();
    needs_no_repair(rest.get(..length)?).then_some((value, start + length))
}

/// Whether sound JSON says all that its author meant.
fn needs_no_repair(json: &str) -> bool {
    !latex::occurs_in(json) && !keys::repeat_in(json)
}

/// The next bracket that opens JSON rather than prose such as `[see left]` or `{name}`.
fn next_opening(text: &str, mut position: usize) -> Option<usize> {
    loop {
        let start = position + text.get(position..)?.find(['{', '['])?;
        let inside = text.get(start + 1..)?;
        let opens_json = if text[start..].starts_with('{') { cursor::opens_object(inside) } else { cursor::opens_list(inside) };
        if opens_json {
            return Some(start);
        }
        position = start + 1;
    }
}

#[cfg(test)]
#[path = "repair/tests.rs"]
mod tests;
