//! The endpoint's JSON for `/embeddings`: a text is sent, a vector comes back.

use serde::{Deserialize, Serialize};

use super::lenient::{read_json, unreadable};
use super::wire::{NoAnswer, Written, complaint_in, count, usage_in};
use crate::model::{ChatRequest, FinishReason, Usage};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: &'a str,
    encoding_format: &'static str,
}

/// The body of one request. There are no parameters: an embedding is not sampled.
pub(super) fn request_body(model: &str, request: &ChatRequest) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Body { model, input: &request.prompt, encoding_format: "float" })
}

#[derive(Deserialize)]
struct Embeddings {
    #[serde(default)]
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    embedding: Vec<Option<f64>>,
}

/// Reads the body of a 2xx. The text is the vector as a JSON array, with as many digits as a float of 32 bits has. A vector of no use, which is
/// empty or holds null, is an answer: it was paid for, and asking the same again would be answered the same.
pub(super) fn parse(body: &[u8]) -> Result<Written, NoAnswer> {
    let json = read_json(body).map_err(NoAnswer::NoEmbedding)?;
    let other = |instead: String| complaint_in(&json, body).unwrap_or(NoAnswer::NoEmbedding(instead));
    let embeddings = Embeddings::deserialize(&json).map_err(|cause| other(unreadable(body, &cause)))?;
    let vector = embeddings.data.into_iter().next().ok_or_else(|| other("JSON without a vector".to_owned()))?;
    let numbers: Vec<Option<f32>> = vector.embedding.into_iter().map(|number| number.map(|number| number as f32)).collect();
    let text = serde_json::to_string(&numbers).map_err(|error| other(error.to_string()))?;
    let usage = &json["usage"];
    let prompt_tokens = usage_in(usage).prompt_tokens.or_else(|| count(&usage["total_tokens"]));
    // Nothing is written, which is what makes the cost known.
    let usage = Usage { prompt_tokens, completion_tokens: prompt_tokens.map(|_| 0) };
    Ok(Written { text, finish_reason: FinishReason::Stop, usage })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_written_as_a_json_array() {
        let body = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-2,3e-5]}],"usage":{"prompt_tokens":3,"total_tokens":3}}"#;
        let written = parse(body.as_bytes()).unwrap();
        assert_eq!(
            (written.text.as_str(), written.usage.prompt_tokens, written.usage.completion_tokens),
            ("[0.1,-2.0,0.00003]", Some(3), Some(0))
        );
        assert_eq!(parse(br#"{"data":[{"embedding":[1]}]}"#).unwrap().usage.prompt_tokens, None);
    }

    #[test]
    fn a_vector_of_no_use_is_paid_for_like_any_other() {
        for (vector, text) in [("[]", "[]"), ("[null,1]", "[null,1.0]"), ("[1e300]", "[null]")] {
            let body = format!(r#"{{"data":[{{"embedding":{vector}}}],"usage":{{"prompt_tokens":3}}}}"#);
            let written = parse(body.as_bytes()).unwrap();
            assert_eq!((written.text.as_str(), written.usage.prompt_tokens), (text, Some(3)));
        }
    }

    #[test]
    fn what_is_no_vector_is_named() {
        assert_eq!(parse(br#"{"data":[]}"#), Err(NoAnswer::NoEmbedding("JSON without a vector".to_owned())));
        assert_eq!(parse(b"<html></html>"), Err(NoAnswer::NoEmbedding("an HTML page".to_owned())));
        assert!(matches!(parse(br#"{"data":[{"embedding":"AAAA"}]}"#), Err(NoAnswer::NoEmbedding(_))));
        let gateway = br#"{"error":{"message":"slow down","code":429}}"#;
        assert!(matches!(parse(gateway), Err(NoAnswer::Complaint(complaint, Some(429))) if complaint.text == "slow down"));
    }
}
