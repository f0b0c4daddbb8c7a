//! The endpoint's JSON: what is sent, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::dialect::{Dialect, Structure, TokenLimit};
use super::lenient::{read_json, read_stream};
use super::retry::{written_duration, written_wait};
use crate::model::{ChatRequest, FinishReason, RequestImage, ResponseSchema, Usage};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: [Message<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Parts(Vec<Part<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    ImageUrl { image_url: ImageUrl<'a> },
    Text { text: &'a str },
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: &'a str,
    detail: &'static str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat<'a> {
    JsonSchema { json_schema: JsonSchema<'a> },
    JsonObject,
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    name: &'a str,
    strict: bool,
    schema: &'a Value,
}

/// The body of one request: images first, as the reference sends them, then the prompt. Without images the content is plain
/// text, which text-only servers insist on.
pub(super) fn request_body(
    model: &str,
    dialect: Dialect,
    request: &ChatRequest,
    images: &[Arc<RequestImage>],
) -> serde_json::Result<Vec<u8>> {
    let prompt = request.prompt.as_str();
    let content = if images.is_empty() {
        Content::Text(prompt)
    } else {
        let images = images.iter().map(|image| Part::ImageUrl { image_url: ImageUrl { url: image.data_url(), detail: "low" } });
        Content::Parts(images.chain([Part::Text { text: prompt }]).collect())
    };
    let limit_as = |name| (dialect.token_limit == name).then_some(request.parameters.max_tokens);
    let body = Body {
        model,
        messages: [Message { role: "user", content }],
        temperature: dialect.temperature.then_some(request.parameters.temperature),
        max_tokens: limit_as(TokenLimit::MaxTokens),
        max_completion_tokens: limit_as(TokenLimit::MaxCompletionTokens),
        seed: dialect.seed.then_some(request.seed()),
        response_format: request.schema.as_deref().and_then(|schema| response_format(dialect.structure, schema)),
    };
    let image_bytes: usize = images.iter().map(|image| image.data_url().len()).sum();
    let mut bytes = Vec::with_capacity(image_bytes + prompt.len() + prompt.len() / 8 + 1024);
    serde_json::to_writer(&mut bytes, &body)?;
    Ok(bytes)
}

fn response_format(structure: Structure, schema: &ResponseSchema) -> Option<ResponseFormat<'_>> {
    match structure {
        Structure::JsonSchema => {
            let strict = takes_strict(&schema.schema);
            Some(ResponseFormat::JsonSchema { json_schema: JsonSchema { name: &schema.name, strict, schema: &schema.schema } })
        }
        Structure::JsonObject => Some(ResponseFormat::JsonObject),
        Structure::Prompt => None,
    }
}

/// Whether a schema keeps to what OpenAI's strict mode takes: every object names all its properties, requires them and allows no other.
/// It refuses other schemas, which it takes as a guide without strict mode.
fn takes_strict(schema: &Value) -> bool {
    match schema {
        Value::Object(keywords) => {
            let is_object = keywords.get("type").is_some_and(|name| name == "object") || keywords.contains_key("properties");
            (!is_object || is_closed(keywords)) && keywords.values().all(takes_strict)
        }
        Value::Array(schemas) => schemas.iter().all(takes_strict),
        _ => true,
    }
}

fn is_closed(keywords: &Map<String, Value>) -> bool {
    let required = keywords.get("required").and_then(Value::as_array);
    let is_required = |name: &String| required.is_some_and(|names| names.iter().any(|required| required == name));
    let properties = keywords.get("properties").and_then(Value::as_object);
    let is_bounded = keywords.get("additionalProperties") == Some(&Value::Bool(false));
    is_bounded && properties.is_some_and(|properties| properties.keys().all(is_required))
}

/// What a model wrote.
#[derive(Debug, PartialEq)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) finish_reason: FinishReason,
    pub(super) usage: Usage,
}

/// Why the body of a 2xx holds no answer.
#[derive(Debug, PartialEq)]
pub(super) enum NoAnswer {
    /// The model, or the provider for it, declined; with its words, and what it counted for them.
    Refused(String, Usage),
    /// Nothing but reasoning, in the member of this name, though the model had said all; with what was counted for it.
    OnlyReasoning(&'static str, Usage),
    /// An error that some gateways deliver as a success, with the status they mean.
    Complaint(Complaint, Option<u16>),
    /// A gateway's provider failed while it wrote, and why.
    BrokenOff(String),
    /// No chat completion, and what it is instead.
    NoCompletion(String),
    /// No embedding, and what it is instead.
    NoEmbedding(String),
}

/// Reads the body of a 2xx. A message without text, as of a model that calls tools or was cut off before its first word, is an empty answer: it was
/// paid for, and asking the same again would be answered the same. For the same reason members are read for what they may say, whatever their type.
pub(super) fn parse_completion(body: &[u8]) -> Result<Written, NoAnswer> {
    let completion = read_json(body).or_else(|instead| read_stream(body).ok_or(NoAnswer::NoCompletion(instead)))?;
    let Some(choice) = completion["choices"].get(0).filter(|choice| choice.is_object()) else {
        return Err(complaint_in(&completion, body).unwrap_or_else(|| NoAnswer::NoCompletion("JSON without choices".to_owned())));
    };
    let finish_reason = scalar_text(&choice["finish_reason"]).unwrap_or_default();
    // Why a gateway's provider did not get to the end.
    let error = &choice["error"];
    if !says_nothing(error) || finish_reason == "error" {
        let why = scalar_text(error.get("message").unwrap_or(error));
        return Err(NoAnswer::BrokenOff(why.unwrap_or_else(|| "it does not say why".to_owned())));
    }
    let finish_reason = match finish_reason.as_str() {
        "" => FinishReason::Unknown,
        "stop" => FinishReason::Stop,
        // OpenAI; Anthropic and Gemini, whose own words some gateways pass on; Mistral.
        "length" | "max_tokens" | "MAX_TOKENS" | "model_length" => FinishReason::Length,
        "content_filter" => FinishReason::ContentFilter,
        other => FinishReason::Other(other.to_owned()),
    };
    let usage = usage_in(&completion["usage"]);
    let message = &choice["message"];
    let refusal = text_of(&message["refusal"]).or_else(|| join_parts(&message["content"], "refusal"));
    if let Some(refusal) = refusal.filter(|refusal| !refusal.is_empty()) {
        return Err(NoAnswer::Refused(refusal, usage));
    }
    let content = text_of(&message["content"]).or_else(|| join_parts(&message["content"], "text"));
    // The older completions API, which some servers still speak, has it beside the message.
    let content = content.or_else(|| text_of(&choice["text"]));
    if finish_reason == FinishReason::ContentFilter {
        return Err(NoAnswer::Refused(content.unwrap_or_default(), usage));
    }
    if let Some(member) = reasoning_member(message)
        && matches!(finish_reason, FinishReason::Stop | FinishReason::Unknown)
        && content.as_deref().is_none_or(|text| text.trim().is_empty())
    {
        return Err(NoAnswer::OnlyReasoning(member, usage));
    }
    let is_left_empty = message.is_object() && (says_nothing(&message["content"]) || message["content"].is_array());
    let text = match content {
        Some(text) => text,
        None if is_left_empty || finish_reason == FinishReason::Length => String::new(),
        None => return Err(NoAnswer::NoCompletion("a choice without text".to_owned())),
    };
    Ok(Written { text, finish_reason, usage })
}

/// The member in which a reasoning parser put what it took out of the text, by the name that the server has for it.
fn reasoning_member(message: &Value) -> Option<&'static str> {
    let is_text = |name: &&str| message[*name].as_str().is_some_and(|text| !text.trim().is_empty());
    ["reasoning_content", "reasoning"].into_iter().find(is_text)
}

/// Whether a member is there for its name alone.
pub(super) fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// A text as it is, or beside its annotations.
fn text_of(value: &Value) -> Option<String> {
    value.as_str().or_else(|| value.get("value")?.as_str()).map(str::to_owned)
}

/// The texts of an answer that comes in pieces; `member` has that of each.
fn join_parts(content: &Value, member: &str) -> Option<String> {
    let texts: Vec<String> = content.as_array()?.iter().filter_map(|part| text_of(&part[member])).collect();
    (!texts.is_empty()).then(|| texts.concat())
}

/// What an endpoint counted. An answer is not thrown away because its count is odd: that is unknown then.
pub(super) fn usage_in(usage: &Value) -> Usage {
    let prompt_tokens = count(&usage["prompt_tokens"]);
    let rest = || count(&usage["total_tokens"])?.checked_sub(prompt_tokens?);
    Usage { prompt_tokens, completion_tokens: count(&usage["completion_tokens"]).or_else(rest) }
}

/// A number of tokens, also one that is written as 5.0. No request has more of them than 32 bits count: such a number is an error of the endpoint,
/// and would use up limits, or fit in no column.
pub(super) fn count(value: &Value) -> Option<u64> {
    let whole = |number: &f64| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number);
    let count = value.as_u64().or_else(|| value.as_f64().filter(whole).map(|number| number as u64))?;
    (count <= u64::from(u32::MAX)).then_some(count)
}

/// The error that a gateway delivers as a success.
pub(super) fn complaint_in(json: &Value, body: &[u8]) -> Option<NoAnswer> {
    json.get("error").filter(|error| !error.is_null())?;
    let complaint = complaint_of(json, body);
    let status = complaint.code.as_deref().and_then(|code| code.parse().ok()).filter(|status| (400..600).contains(status));
    Some(NoAnswer::Complaint(complaint, status))
}

/// What an endpoint says is wrong.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Complaint {
    pub(super) text: String,
    pub(super) code: Option<String>,
    /// The parameter it is about, where the endpoint says.
    pub(super) parameter: Option<String>,
    /// The endpoint says that a moderation flagged what it was sent.
    pub(super) is_flagged: bool,
    /// How long the endpoint wants to be left alone, where it says so in the body.
    pub(super) retry_after: Option<Duration>,
    /// What Google adds, as JSON: among other things which quotas are used up. Empty from others.
    pub(super) details: String,
}

/// Reads the body of an error: OpenAI's `{"error": {...}}` and what other servers make of it (`{"error": "..."}`,
/// `{"message": ...}`, a list of one, FastAPI's `{"detail": [...]}`). A body that is no JSON is the complaint itself.
pub(super) fn parse_complaint(body: &[u8]) -> Complaint {
    match read_json(body) {
        Ok(json) => complaint_of(&json, body),
        Err(_) => Complaint { text: describe(body), ..Complaint::default() },
    }
}

fn complaint_of(json: &Value, body: &[u8]) -> Complaint {
    let value = json.get(0).unwrap_or(json);
    if let Some(details) = value.get("detail").and_then(Value::as_array) {
        return validation_complaint(details);
    }
    let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(value);
    let field = |name| error.get(name).and_then(scalar_text);
    let text = ["message", "error", "detail", "msg"].into_iter().find_map(field).or_else(|| scalar_text(error));
    // OpenRouter's.
    let metadata = |name: &str| error.get("metadata")?.get(name).filter(|value| !value.is_null());
    let is_flagged = ["reasons", "flagged_input"].into_iter().any(|name| metadata(name).is_some());
    let text = text.unwrap_or_else(|| describe(body));
    let details = error.get("details").and_then(Value::as_array);
    let retry_delay = details.and_then(|details| details.iter().find_map(|detail| detail.get("retryDelay")?.as_str()));
    Complaint {
        code: field("code").or_else(|| field("type")),
        parameter: field("param"),
        is_flagged,
        retry_after: retry_delay.and_then(written_duration).or_else(|| written_wait(&text)),
        details: details.into_iter().flatten().map(Value::to_string).collect(),
        text,
    }
}

/// FastAPI's list of what is wrong with a request. It quotes the request, which is left out here.
fn validation_complaint(details: &[Value]) -> Complaint {
    let path = |detail: &Value| -> Vec<String> {
        detail.get("loc").and_then(Value::as_array).map(|path| path.iter().filter_map(scalar_text).collect()).unwrap_or_default()
    };
    let describe = |detail: &Value| {
        let message = detail.get("msg").and_then(scalar_text).unwrap_or_default();
        format!("{}: {message}", path(detail).join("."))
    };
    Complaint {
        text: details.iter().map(describe).collect::<Vec<_>>().join("; "),
        parameter: details.first().and_then(|detail| path(detail).into_iter().nth(1)),
        ..Complaint::default()
    }
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A body nobody expected, in words.
pub(super) fn describe(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() {
        "an empty body".to_owned()
    } else if text.starts_with('<') {
        let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).map(|(title, _)| title.trim());
        title.map_or_else(|| "an HTML page".to_owned(), |title| format!("an HTML page titled '{title}'"))
    } else {
        text.to_owned()
    }
}

/// The names in the answer to `GET /models`; empty when it is something else.
pub(super) fn parse_model_names(body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct List {
        data: Vec<Model>,
    }
    #[derive(Deserialize)]
    struct Model {
        id: String,
    }
    serde_json::from_slice::<List>(body).map(|list| list.data.into_iter().map(|model| model.id).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
