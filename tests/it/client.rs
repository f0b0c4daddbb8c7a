//! The OpenAI-compatible client against an endpoint that misbehaves on purpose.

mod connections;
mod limits;
mod wording;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mmevol::image::RequestJpeg;
use mmevol::model::limits::Limits;
use mmevol::model::openai::{ApiKey, OpenAiModel, OpenAiModelBuilder, RetryPolicy};
use mmevol::model::{CallKind, ChatErrorKind, ChatModel, ChatRequest, FinishReason, Parameters, RequestImage, ResponseSchema, Task};
use serde_json::{Value, json};

use crate::endpoint::{Behaviour, Endpoint};
use crate::stores::KEY;

/// A client that retries at once.
fn builder(endpoint: &Endpoint) -> OpenAiModelBuilder {
    let first_delay = Duration::from_millis(1);
    let retry_policy = RetryPolicy { max_attempts: 4, first_delay, max_delay: first_delay, ..RetryPolicy::default() };
    OpenAiModel::builder("gpt-4o-mini").base_url(endpoint.base_url()).api_key(ApiKey::new(KEY)).retry_policy(retry_policy)
}

fn client(endpoint: &Endpoint) -> OpenAiModel {
    builder(endpoint).build().unwrap()
}

fn with_concurrency(endpoint: &Endpoint, concurrency: usize) -> OpenAiModel {
    builder(endpoint).limits(Limits { concurrency: NonZeroUsize::new(concurrency), ..Limits::default() }).build().unwrap()
}

fn request(prompt: &str) -> ChatRequest {
    ChatRequest {
        kind: CallKind::Complete,
        prompt: prompt.to_owned(),
        image_ids: Vec::new(),
        parameters: Parameters::default(),
        schema: None,
        sample_index: 0,
        task: Task::Complete,
    }
}

fn structured_request(prompt: &str) -> ChatRequest {
    let schema = json!({
        "type": "object", "properties": { "items": { "type": "array" } }, "required": ["items"], "additionalProperties": false
    });
    ChatRequest { schema: Some(Arc::new(ResponseSchema { name: "evolved_instructions".to_owned(), schema })), ..request(prompt) }
}

fn image(bytes: &'static [u8]) -> Arc<RequestImage> {
    Arc::new(RequestImage::new("an-image", RequestJpeg { jpeg: Bytes::from_static(bytes), width: 1, height: 1 }))
}

fn bodies(endpoint: &Endpoint) -> Vec<Value> {
    endpoint.received().into_iter().map(|received| received.body).collect()
}

/// How each request asked for structured output.
fn response_formats(endpoint: &Endpoint) -> Vec<String> {
    bodies(endpoint).iter().map(|body| body["response_format"]["type"].as_str().unwrap_or("none").to_owned()).collect()
}

fn embedding_request(text: &str) -> ChatRequest {
    ChatRequest { kind: CallKind::Embed, task: Task::Embed, ..structured_request(text) }
}

#[tokio::test]
async fn a_text_is_embedded() {
    let vector = json!({ "data": [{ "index": 0, "embedding": [0.25, -1] }], "usage": { "prompt_tokens": 2, "total_tokens": 2 } });
    let endpoint = Endpoint::sequence(vec![Behaviour::rate_limited(1), Behaviour::Json(vector)]);
    let reply = client(&endpoint).chat(&embedding_request("a dog"), &[]).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.attempts), ("[0.25,-1.0]", 2));
    assert_eq!((reply.usage.prompt_tokens, reply.usage.completion_tokens), (Some(2), Some(0)));
    assert_eq!(bodies(&endpoint).pop(), Some(json!({ "model": "gpt-4o-mini", "input": "a dog", "encoding_format": "float" })));
}

#[tokio::test]
async fn an_answer_without_a_vector_is_an_error() {
    let endpoint = Endpoint::start(|_| Behaviour::reply("a dog"));
    let error = client(&endpoint).chat(&embedding_request("a dog"), &[]).await.unwrap_err();
    assert_eq!(error.kind, ChatErrorKind::InvalidResponse);
    assert!(error.message.contains("the answer is no embedding but JSON without a vector"), "{error}");
    // Nothing in such a request can be worded differently.
    let endpoint = Endpoint::start(|_| Behaviour::error(400, "response_format and seed are not supported"));
    let error = client(&endpoint).chat(&embedding_request("a dog"), &[]).await.unwrap_err();
    assert_eq!((error.kind, endpoint.requests()), (ChatErrorKind::BadRequest, 1));
}

#[tokio::test]
async fn an_answer_comes_back_with_its_circumstances() {
    let endpoint = Endpoint::start(|_| Behaviour::reply("four"));
    let reply = client(&endpoint).chat(&request("2 + 2?"), &[]).await.unwrap();
    assert_eq!((reply.text.as_str(), &reply.finish_reason), ("four", &FinishReason::Stop));
    assert_eq!((reply.usage.prompt_tokens, reply.usage.completion_tokens), (Some(10), Some(5)));
    assert_eq!((reply.attempts, reply.http_status), (1, Some(200)));

    let received = endpoint.received().remove(0);
    assert_eq!(
        received.body,
        json!({
            "model": "gpt-4o-mini",
            "messages": [{ "role": "user", "content": "2 + 2?" }],
            "temperature": 1.0,
            "max_tokens": 4096,
            "seed": 3407,
        })
    );
    assert_eq!(received.headers["authorization"], format!("Bearer {KEY}"));
}

#[tokio::test]
async fn images_come_first_as_data_urls_of_low_detail() {
    let endpoint = Endpoint::start(|_| Behaviour::reply("a dog"));
    let images = [image(b"\xff\xd8 one"), image(b"\xff\xd8 two")];
    client(&endpoint).chat(&structured_request("What is this?"), &images).await.unwrap();
    let body = bodies(&endpoint).remove(0);
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            { "type": "image_url", "image_url": { "url": "data:image/jpeg;base64,/9ggb25l", "detail": "low" } },
            { "type": "image_url", "image_url": { "url": "data:image/jpeg;base64,/9ggdHdv", "detail": "low" } },
            { "type": "text", "text": "What is this?" },
        ])
    );
    assert_eq!(body["response_format"]["json_schema"]["name"], "evolved_instructions");
    assert_eq!(body["response_format"]["json_schema"]["strict"], true);
    assert_eq!(body["response_format"]["json_schema"]["schema"]["type"], "object");
}

#[tokio::test]
async fn what_fails_by_chance_is_asked_again() {
    let page = b"<html><title>Welcome</title></html>".to_vec();
    for fault in [
        Behaviour::rate_limited(1),
        Behaviour::error(500, "oops"),
        Behaviour::error(503, "overloaded"),
        Behaviour::error(408, "too slow"),
        Behaviour::error(409, "conflict"),
        Behaviour::CutBody,
        Behaviour::Garbage(b"{\"choices\": [".to_vec()),
        Behaviour::Garbage(page),
        Behaviour::Garbage(Vec::new()),
        Behaviour::Json(json!({ "choices": [] })),
        Behaviour::Json(json!({ "error": { "message": "the backend is busy", "code": 502 } })),
    ] {
        let endpoint = Endpoint::sequence(vec![fault.clone(), Behaviour::reply("fine")]);
        let reply = client(&endpoint).chat(&request("?"), &[]).await.unwrap();
        assert_eq!((reply.text.as_str(), reply.attempts, endpoint.requests()), ("fine", 2, 2), "{fault:?}");
    }
}

#[tokio::test]
async fn attempts_end() {
    for (fault, kind, requests, words) in [
        (Behaviour::error(500, "oops"), ChatErrorKind::ServerError, 4, "500 Internal Server Error: oops"),
        (Behaviour::rate_limited(1), ChatErrorKind::RateLimited, 20, "429 Too Many Requests: slow down"),
        (Behaviour::error(503, "no backend"), ChatErrorKind::ServerError, 4, "503 Service Unavailable: no backend"),
        (Behaviour::CutBody, ChatErrorKind::Connection, 4, "cut off"),
        (Behaviour::Garbage(b"Hello".to_vec()), ChatErrorKind::InvalidResponse, 4, "no chat completion but Hello"),
    ] {
        let endpoint = Endpoint::start(move |_| fault.clone());
        let error = client(&endpoint).chat(&request("?"), &[]).await.unwrap_err();
        assert_eq!((error.kind, error.attempts as usize, endpoint.requests()), (kind, requests, requests), "{error}");
        assert!(error.message.contains(words) && error.message.contains(&format!("{requests} requests made")), "{error}");
    }
}

/// What has given an answer is there: it may be busy for longer.
#[tokio::test]
async fn an_endpoint_that_has_answered_is_waited_for() {
    let endpoint = Endpoint::sequence(vec![Behaviour::reply("fine"), Behaviour::error(503, "busy")]);
    let model = client(&endpoint);
    model.chat(&request("first"), &[]).await.unwrap();
    let error = model.chat(&request("second"), &[]).await.unwrap_err();
    assert_eq!((error.kind, error.attempts, endpoint.requests()), (ChatErrorKind::ServerError, 20, 21), "{error}");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_a_timeout() {
    let endpoint = Endpoint::sequence(vec![Behaviour::Hang]);
    let retry_policy = RetryPolicy { max_attempts: 1, ..RetryPolicy::default() };
    let model = builder(&endpoint).request_timeout(Duration::from_millis(50)).retry_policy(retry_policy).build().unwrap();
    let error = model.chat(&request("?"), &[]).await.unwrap_err();
    assert_eq!((error.kind, error.attempts), (ChatErrorKind::Timeout, 1));
    assert!(error.message.contains("no complete answer within 50ms"), "{error}");
}

#[tokio::test]
async fn a_slow_answer_is_asked_for_again() {
    let slow = Behaviour::Delay(Duration::from_secs(3600), Box::new(Behaviour::reply("late")));
    let endpoint = Endpoint::sequence(vec![slow, Behaviour::reply("fine")]);
    let model = builder(&endpoint).request_timeout(Duration::from_secs(1)).build().unwrap();
    let reply = model.chat(&request("?"), &[]).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.attempts), ("fine", 2));
}

#[tokio::test]
async fn a_refusal_is_final_and_quoted() {
    let declined =
        json!({ "choices": [{ "message": { "content": null, "refusal": "I cannot look at faces." }, "finish_reason": "stop" }] });
    let endpoint = Endpoint::start(move |_| Behaviour::Json(declined.clone()));
    let error = client(&endpoint).chat(&request("Who is this?"), &[]).await.unwrap_err();
    assert_eq!((error.kind, error.http_status, endpoint.requests()), (ChatErrorKind::Refusal, Some(200), 1));
    assert!(error.message.contains("I cannot look at faces."), "{error}");
}

/// What a misplaced reasoning parser makes of a whole answer: asking again would be answered, and paid for, in the same way.
#[tokio::test]
async fn an_answer_among_the_reasoning_is_said_to_be_there() {
    let message = json!({ "content": null, "reasoning_content": "[{}]" });
    let usage = json!({ "prompt_tokens": 7, "completion_tokens": 2 });
    let reasoned = json!({ "choices": [{ "message": message, "finish_reason": "stop" }], "usage": usage });
    let endpoint = Endpoint::start(move |_| Behaviour::Json(reasoned.clone()));
    let error = client(&endpoint).chat(&structured_request("?"), &[]).await.unwrap_err();
    assert_eq!((error.kind, endpoint.requests()), (ChatErrorKind::InvalidResponse, 1));
    assert_eq!((error.usage.prompt_tokens, error.usage.completion_tokens), (Some(7), Some(2)));
    assert!(error.message.contains("into reasoning_content: turn its reasoning parser off"), "{error}");
}

/// Groq, where a model's answer does not keep to the schema.
#[tokio::test]
async fn an_answer_that_fails_its_schema_is_asked_for_again() {
    let body = json!({ "error": { "message": "Failed to generate JSON. Please adjust your prompt.", "code": "json_validate_failed" } });
    let failed = Behaviour::Status { code: 400, headers: Vec::new(), body: body.to_string() };
    let endpoint = Endpoint::sequence(vec![failed, Behaviour::reply("[]")]);
    assert_eq!(client(&endpoint).chat(&structured_request("?"), &[]).await.unwrap().text, "[]");
    assert_eq!(response_formats(&endpoint), ["json_schema", "json_schema"]);
}

#[tokio::test]
async fn a_cut_answer_is_an_answer() {
    let cut = json!({ "choices": [{ "message": { "content": null }, "finish_reason": "length" }] });
    let endpoint = Endpoint::start(move |_| Behaviour::Json(cut.clone()));
    let reply = client(&endpoint).chat(&request("?"), &[]).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.finish_reason, reply.usage.prompt_tokens), ("", FinishReason::Length, None));
}

/// Nobody asked for it; once it has come, it is an answer like any other.
#[tokio::test]
async fn an_answer_that_is_streamed_is_put_together() {
    let pieces = "data: {\"choices\":[{\"delta\":{\"content\":\"fi\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"ne\"}}]}\n\ndata: [DONE]\n\n";
    let endpoint = Endpoint::start(move |_| Behaviour::Garbage(pieces.as_bytes().to_vec()));
    assert_eq!(client(&endpoint).chat(&request("?"), &[]).await.unwrap().text, "fine");
    assert_eq!(endpoint.requests(), 1);
}

/// As OpenRouter tells of a provider that failed midway.
#[tokio::test]
async fn an_answer_that_broke_off_is_asked_for_again() {
    let broken = json!({ "choices": [{ "message": { "content": "half a" }, "finish_reason": "error", "error": { "code": 502, "message": "gone" } }] });
    let endpoint = Endpoint::start(move |_| Behaviour::Json(broken.clone()));
    let error = client(&endpoint).chat(&request("?"), &[]).await.unwrap_err();
    assert_eq!((error.kind, endpoint.requests()), (ChatErrorKind::ServerError, 4));
    assert!(error.message.contains("the answer broke off: gone"), "{error}");
}

#[tokio::test]
async fn a_wrong_key_under_a_200_fails_at_once() {
    let body = json!({ "error": { "message": "Invalid key", "code": 401 }, "choices": null });
    let endpoint = Endpoint::start(move |_| Behaviour::Json(body.clone()));
    let error = client(&endpoint).chat(&request("?"), &[]).await.unwrap_err();
    assert_eq!((error.kind, endpoint.requests()), (ChatErrorKind::Authentication, 1), "{error}");
}

#[tokio::test]
async fn a_prompt_that_is_too_long_fails_at_once() {
    let message = "This model's maximum context length is 4096 tokens, but you asked for 5000. Lower max_tokens or max_completion_tokens.";
    let endpoint = Endpoint::start(move |_| Behaviour::error(400, message));
    let error = client(&endpoint).chat(&structured_request("long"), &[]).await.unwrap_err();
    assert_eq!((error.kind, error.http_status, endpoint.requests()), (ChatErrorKind::ContextOverflow, Some(400), 1));
}

#[tokio::test]
async fn a_bad_request_fails_at_once_with_a_short_message() {
    let endpoint = Endpoint::start(|_| Behaviour::error(400, &"The image is broken. ".repeat(100)));
    let error = client(&endpoint).chat(&structured_request("?"), &[]).await.unwrap_err();
    assert_eq!((error.kind, endpoint.requests()), (ChatErrorKind::BadRequest, 1));
    assert!(error.message.contains("The image is broken.") && error.message.len() < 450, "{error}");
}

#[tokio::test]
async fn a_rejected_key_fails_once_for_all_who_wait() {
    let endpoint = Endpoint::start(|_| Behaviour::error(401, &format!("Incorrect API key provided: {KEY}")));
    let model = Arc::new(with_concurrency(&endpoint, 4));
    let requests: Vec<ChatRequest> = (0..20).map(|number| request(&number.to_string())).collect();
    let outcomes = futures::future::join_all(requests.iter().map(|request| model.chat(request, &[]))).await;
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind, ChatErrorKind::Authentication);
        assert!(error.message.contains("OPENAI_API_KEY") && !error.message.contains(KEY), "{error}");
    }
    assert_eq!(endpoint.requests(), 1);
    model.chat(&request("a later one"), &[]).await.unwrap_err();
    assert_eq!(endpoint.requests(), 2, "the key may have been unlocked since");
}

#[tokio::test]
async fn an_account_without_credit_is_not_asked_again() {
    let body = json!({ "error": { "message": "You exceeded your current quota.", "code": "insufficient_quota" } }).to_string();
    let endpoint = Endpoint::start(move |_| Behaviour::Status { code: 429, headers: Vec::new(), body: body.clone() });
    let error = client(&endpoint).chat(&request("?"), &[]).await.unwrap_err();
    assert_eq!((error.kind, error.http_status, endpoint.requests()), (ChatErrorKind::Authentication, Some(429), 1));
    assert!(error.message.contains("no credit left"), "{error}");
}

/// Gemini's words for a full minute are those for an account without credit, and only the body says how long to wait.
#[tokio::test]
async fn a_quota_of_a_minute_is_waited_for() {
    let body = json!([{ "error": {
        "code": 429,
        "message": "You exceeded your current quota, please check your plan and billing details. Please retry in 0.02s.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            { "violations": [{ "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier" }] },
            { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.01s" },
        ],
    } }]);
    let full = Behaviour::Status { code: 429, headers: Vec::new(), body: body.to_string() };
    let endpoint = Endpoint::sequence(vec![full, Behaviour::reply("fine")]);
    let reply = client(&endpoint).chat(&request("?"), &[]).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.attempts, endpoint.requests()), ("fine", 2, 2));
}

#[tokio::test]
async fn an_unknown_model_is_told_from_those_that_are_offered() {
    let script = |_: &Value| Behaviour::error(404, "The model does not exist");
    let endpoint = Endpoint::start_with_models(script, &["llava:7b", "gpt-4o-mini"]);
    let model = OpenAiModel::builder("gpt-4o-mni").base_url(endpoint.base_url()).build().unwrap();
    let error = model.chat(&request("?"), &[]).await.unwrap_err();
    assert_eq!((error.kind, endpoint.requests()), (ChatErrorKind::NotFound, 1));
    let expected = "404 Not Found: The model does not exist. Did you mean 'gpt-4o-mini'? The endpoint offers gpt-4o-mini, llava:7b.";
    assert_eq!(error.message, expected);
}

#[tokio::test]
async fn a_wrong_path_hints_at_the_base_url() {
    let endpoint = Endpoint::start(|_| Behaviour::reply("never asked"));
    let without_path = endpoint.base_url().replace("/v1", "/");
    let error = OpenAiModel::builder("m").base_url(without_path).build().unwrap().chat(&request("?"), &[]).await.unwrap_err();
    assert_eq!(error.kind, ChatErrorKind::NotFound);
    assert!(error.message.contains("many servers want it to end in /v1"), "{error}");
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_soon_reported() {
    let endpoint = Endpoint::start(|_| Behaviour::reply("never asked"));
    let model = client(&endpoint);
    drop(endpoint);
    let error = model.chat(&request("?"), &[]).await.unwrap_err();
    assert_eq!((error.kind, error.attempts), (ChatErrorKind::Connection, 2));
    assert!(error.message.contains("connection refused"), "{error}");
}

#[tokio::test]
async fn the_key_is_never_shown() {
    let endpoint = Endpoint::start(|_| Behaviour::error(500, &format!("no backend for key '{KEY}'")));
    let builder = builder(&endpoint);
    assert!(!format!("{builder:?}").contains(KEY));
    let model = builder.build().unwrap();
    assert!(!format!("{model:?}").contains(KEY));
    let error = model.chat(&request("?"), &[]).await.unwrap_err();
    assert!(error.message.contains("no backend for key '***'"), "{error}");
    assert!(!format!("{error:?}").contains(KEY));

    let unsendable = OpenAiModel::builder("m").api_key(ApiKey::new("sk-\u{1}secret")).build().unwrap_err();
    assert!(!format!("{unsendable} {unsendable:?}").contains("secret"));
}

#[tokio::test]
async fn the_evolving_endpoint_answers_both_kinds_of_prompt() {
    let endpoint = Endpoint::evolving();
    let model = client(&endpoint);
    let ask = async |prompt: &str| {
        let reply = model.chat(&request(prompt), &[]).await.unwrap();
        let list = reply.text.trim_start_matches("```json").trim_end_matches("```").to_owned();
        serde_json::from_str::<Vec<Value>>(&list).unwrap()
    };
    let prompt = "Boxes:\n```json\n[]\n```\nItems:\n```json\n[{\"item\": 2, \"question\": \"Why?\", \"answer\": \"So.\"}]\n```";
    let evolved = ask(prompt).await;
    assert_eq!(evolved[0]["item"], 2);
    assert_ne!(evolved[0]["question"], "Why?");
    assert_eq!(ask(prompt).await, evolved);
    assert_eq!((endpoint.requests(), endpoint.distinct_requests()), (2, 1));

    let scores = ask("```json\n[{\"item\": 1, \"rewritten\": {\"question\": \"Why?\"}}]\n```").await;
    assert_eq!(scores[0]["item"], 1);
    assert!(scores[0]["improved"].is_string() && scores[0]["score"].is_u64());
}
