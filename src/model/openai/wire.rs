//! The endpoint's JSON: what is sent, and what comes back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::dialect::{Dialect, Structure, TokenLimit};
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

#[derive(Deserialize)]
struct Completion {
    choices: Option<Vec<Choice>>,
    /// Read with leniency: an answer is not thrown away because its count is odd.
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<Answer>,
    /// Of the older completions API, which some servers still speak.
    text: Option<String>,
    finish_reason: Option<String>,
    /// Why a gateway's provider did not get to the end.
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Answer {
    content: Option<AnswerContent>,
    refusal: Option<String>,
    /// What a reasoning parser took out of the text; whatever it is, it must not cost the answer.
    #[serde(default)]
    reasoning_content: Value,
    /// The same, as other servers call it.
    #[serde(default)]
    reasoning: Value,
}

impl Answer {
    /// The member that holds reasoning, if there is any.
    fn reasoning_member(&self) -> Option<&'static str> {
        let members = [("reasoning_content", &self.reasoning_content), ("reasoning", &self.reasoning)];
        members.into_iter().find(|(_, value)| value.as_str().is_some_and(|text| !text.trim().is_empty())).map(|(name, _)| name)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AnswerContent {
    Text(String),
    Parts(Vec<AnswerPart>),
}

#[derive(Deserialize)]
struct AnswerPart {
    text: Option<String>,
    refusal: Option<String>,
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
/// paid for, and asking the same again would be answered the same.
pub(super) fn parse_completion(body: &[u8]) -> Result<Written, NoAnswer> {
    let other = |instead: String| complaint_in(body).unwrap_or(NoAnswer::NoCompletion(instead));
    let completion: Completion = serde_json::from_slice(body).map_err(|_| other(describe(body)))?;
    let Some(choice) = completion.choices.into_iter().flatten().next() else {
        return Err(other("JSON without choices".to_owned()));
    };
    if choice.error.is_some() || choice.finish_reason.as_deref() == Some("error") {
        let why = choice.error.as_ref().and_then(|error| scalar_text(error.get("message").unwrap_or(error)));
        return Err(NoAnswer::BrokenOff(why.unwrap_or_else(|| "it does not say why".to_owned())));
    }
    let finish_reason = match choice.finish_reason.as_deref() {
        None | Some("") => FinishReason::Unknown,
        Some("stop") => FinishReason::Stop,
        Some("length") => FinishReason::Length,
        Some("content_filter") => FinishReason::ContentFilter,
        Some(other) => FinishReason::Other(other.to_owned()),
    };
    let count = |name: &str| completion.usage.get(name).and_then(Value::as_u64);
    let usage = Usage { prompt_tokens: count("prompt_tokens"), completion_tokens: count("completion_tokens") };
    let reasoning_member = choice.message.as_ref().and_then(Answer::reasoning_member);
    let (content, refusal) = match choice.message {
        Some(answer) => {
            let (content, refusal_in_parts) = answer.content.map_or((None, None), join_parts);
            (Some(content.or(choice.text).unwrap_or_default()), answer.refusal.or(refusal_in_parts))
        }
        None => (choice.text, None),
    };
    if let Some(refusal) = refusal.filter(|refusal| !refusal.is_empty()) {
        return Err(NoAnswer::Refused(refusal, usage));
    }
    if finish_reason == FinishReason::ContentFilter {
        return Err(NoAnswer::Refused(content.unwrap_or_default(), usage));
    }
    if let Some(member) = reasoning_member
        && matches!(finish_reason, FinishReason::Stop | FinishReason::Unknown)
        && content.as_deref().is_none_or(|text| text.trim().is_empty())
    {
        return Err(NoAnswer::OnlyReasoning(member, usage));
    }
    let text = match content {
        Some(text) => text,
        None if finish_reason == FinishReason::Length => String::new(),
        None => return Err(NoAnswer::NoCompletion("a choice without text".to_owned())),
    };
    Ok(Written { text, finish_reason, usage })
}

/// The error that a gateway delivers as a success.
pub(super) fn complaint_in(body: &[u8]) -> Option<NoAnswer> {
    serde_json::from_slice::<Value>(body).ok().filter(|value| value.get("error").is_some_and(|error| !error.is_null()))?;
    let complaint = parse_complaint(body);
    let status = complaint.code.as_deref().and_then(|code| code.parse().ok()).filter(|status| (400..600).contains(status));
    Some(NoAnswer::Complaint(complaint, status))
}

/// Text and refusal of an answer, which may come in pieces.
fn join_parts(content: AnswerContent) -> (Option<String>, Option<String>) {
    match content {
        AnswerContent::Text(text) => (Some(text), None),
        AnswerContent::Parts(parts) => {
            let join = |texts: Vec<String>| (!texts.is_empty()).then(|| texts.concat());
            let (texts, refusals): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.text, part.refusal)).unzip();
            (join(texts.into_iter().flatten().collect()), join(refusals.into_iter().flatten().collect()))
        }
    }
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
}

/// Reads the body of an error: OpenAI's `{"error": {...}}` and what other servers make of it (`{"error": "..."}`,
/// `{"message": ...}`, a list of one, FastAPI's `{"detail": [...]}`). A body that is no JSON is the complaint itself.
pub(super) fn parse_complaint(body: &[u8]) -> Complaint {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Complaint { text: describe(body), ..Complaint::default() };
    };
    let value = value.get(0).unwrap_or(&value);
    if let Some(details) = value.get("detail").and_then(Value::as_array) {
        return validation_complaint(details);
    }
    let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(value);
    let field = |name| error.get(name).and_then(scalar_text);
    let text = ["message", "error", "detail", "msg"].into_iter().find_map(field).or_else(|| scalar_text(error));
    // OpenRouter's.
    let metadata = |name: &str| error.get("metadata")?.get(name).filter(|value| !value.is_null());
    let is_flagged = ["reasons", "flagged_input"].into_iter().any(|name| metadata(name).is_some());
    Complaint {
        text: text.unwrap_or_else(|| describe(body)),
        code: field("code").or_else(|| field("type")),
        parameter: field("param"),
        is_flagged,
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
