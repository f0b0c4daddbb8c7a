//! The JSON of a body, also of a server that is careless about it: an answer that was paid for is not thrown away for what stands around it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::{describe, says_nothing};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The JSON in a body, whatever follows it. Half a surrogate pair, which no text can hold, becomes U+FFFD.
///
/// # Errors
/// What the body is instead, in words.
pub(super) fn read_json(body: &[u8]) -> Result<Value, String> {
    let json = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    first_value(json).or_else(|_| first_value(&with_whole_surrogates(json))).map_err(|cause| unreadable(body, &cause))
}

/// A body that cannot be read, in words.
pub(super) fn unreadable(body: &[u8], cause: &serde_json::Error) -> String {
    match body.trim_ascii_start().first() {
        Some(b'{' | b'[') => format!("JSON that cannot be read ({cause}): {}", describe(body)),
        _ => describe(body),
    }
}

/// A page that begins with a number or a word is no JSON with something behind it.
fn first_value(json: &[u8]) -> serde_json::Result<Value> {
    let value = Value::deserialize(&mut serde_json::Deserializer::from_slice(json))?;
    if value.is_object() { Ok(value) } else { serde_json::from_slice(json) }
}

fn with_whole_surrogates(json: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some(place) = rest.iter().position(|byte| *byte == b'\\') {
        let (before, escape) = rest.split_at(place);
        whole.extend_from_slice(before);
        let length = match (code_unit(escape), escape.get(6..).and_then(code_unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(_), _) => 6,
            (None, _) => escape.len().min(2),
        };
        let (escape, after) = escape.split_at(length);
        let is_half = length == 6 && matches!(code_unit(escape), Some(0xD800..=0xDFFF));
        whole.extend_from_slice(if is_half { &b"\\ufffd"[..] } else { escape });
        rest = after;
    }
    whole.extend_from_slice(rest);
    whole
}

/// The code unit of an escape such as `\ud83d` at the beginning of a text.
fn code_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The chat completion whose pieces a server streams although nobody asked it to, put together; `None` for a body that is no stream. One that
/// ended early has an error in place of an end; one that is nothing but a complaint is that.
pub(super) fn read_stream(body: &[u8]) -> Option<Value> {
    let stream = std::str::from_utf8(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)).ok()?;
    let data = stream.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
    // Some are sent to keep the connection open.
    let mut pieces = data.filter(|piece| !piece.is_empty()).peekable();
    pieces.peek()?;
    let mut message: BTreeMap<String, String> = BTreeMap::new();
    let (mut finish_reason, mut usage, mut error) = (Value::Null, Value::Null, json!("the stream ended early"));
    for piece in pieces {
        if piece == "[DONE]" {
            error = Value::Null;
            break;
        }
        let piece = read_json(piece.as_bytes()).ok()?;
        let choice = &piece["choices"][0];
        // Some send the whole message as the only piece.
        let said = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        for (name, text) in said.as_object().into_iter().flatten() {
            if let Some(text) = text.as_str() {
                message.entry(name.clone()).or_default().push_str(text);
            }
        }
        if !says_nothing(&choice["finish_reason"]) {
            finish_reason = choice["finish_reason"].clone();
            error = Value::Null;
        }
        if !piece["usage"].is_null() {
            usage = piece["usage"].clone();
        }
        if !piece["error"].is_null() {
            if choice.is_null() && message.is_empty() {
                return Some(piece);
            }
            error = piece["error"].clone();
            break;
        }
    }
    Some(json!({ "choices": [{ "message": message, "finish_reason": finish_reason, "error": error }], "usage": usage }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Value {
        read_json(body.as_bytes()).unwrap()
    }

    #[test]
    fn what_stands_around_json_does_not_matter() {
        for body in [
            "{\"a\": 1}",
            "\u{feff}{\"a\": 1}",
            "\n\n {\"a\": 1} \n",
            "{\"a\": 1}\n\0\n",
            "{\"a\": 1}\ndata: [DONE]\n",
            "{\"a\": 0, \"a\": 1}",
        ] {
            assert_eq!(read(body), json!({ "a": 1 }), "{body}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_becomes_a_replacement_character() {
        for (json, text) in [
            (r"x\ud83d", "x\u{fffd}"),
            (r"\udc00x", "\u{fffd}x"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
            (r"\ud83d\u0041", "\u{fffd}A"),
            (r"\\ud83d \ud83d", "\\ud83d \u{fffd}"),
        ] {
            assert_eq!(read(&format!("{{\"a\": \"{json}\"}}")), json!({ "a": text }), "{json}");
        }
    }

    #[test]
    fn what_is_no_json_is_named_with_the_reason() {
        let instead = |body: &str| read_json(body.as_bytes()).unwrap_err();
        assert_eq!(instead("404 page not found"), "404 page not found");
        assert_eq!(instead(""), "an empty body");
        let cut = instead("{\"choices\": [");
        assert!(cut.starts_with("JSON that cannot be read (EOF while parsing") && cut.ends_with(": {\"choices\": ["), "{cut}");
    }

    #[test]
    fn the_pieces_of_a_stream_are_put_together() {
        let body = "event: message\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"a \"}}]}\n\n: still here\n\n\
                    data: {\"choices\":[{\"delta\":{\"content\":\"dog\"},\"finish_reason\":\"stop\"}]}\n\n\
                    data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5}}\n\ndata: [DONE]\n\n";
        let message = json!({ "role": "assistant", "content": "a dog" });
        let choice = json!({ "message": message, "finish_reason": "stop", "error": null });
        assert_eq!(read_stream(body.as_bytes()), Some(json!({ "choices": [choice], "usage": { "prompt_tokens": 5 } })));
        let whole = "\u{feff}data: \r\n\r\ndata: {\"choices\":[{\"message\":{\"content\":\"a dog\"},\"finish_reason\":\"stop\"}]}\r\n\r\n";
        assert_eq!(read_stream(whole.as_bytes()).unwrap()["choices"][0]["message"]["content"], "a dog");
        assert_eq!(read_stream(b"Hello"), None);
        assert_eq!(read_stream(b"data: or not\n"), None);
    }

    #[test]
    fn a_stream_without_an_end_has_an_error() {
        let error = |body: &str| read_stream(body.as_bytes()).unwrap()["choices"][0]["error"].clone();
        let piece = "data: {\"choices\":[{\"delta\":{\"content\":\"a \"}}]}\n\n";
        assert_eq!(error(piece), json!("the stream ended early"));
        let unsaid = piece.replace("}}]", "},\"finish_reason\":\"\"}]");
        assert_eq!(error(&unsaid), json!("the stream ended early"), "{unsaid}");
        assert_eq!(error(&format!("{piece}data: [DONE]\n\n")), Value::Null);
        assert_eq!(error(&format!("{piece}data: {{\"error\":{{\"message\":\"gone\"}}}}\n\n")), json!({ "message": "gone" }));
        let complaint = json!({ "error": { "message": "slow down", "code": 429 } });
        assert_eq!(read_stream(format!("data: {complaint}\n\n").as_bytes()), Some(complaint));
    }
}
