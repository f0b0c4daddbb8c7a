//! Endpoints that refuse how a request asks: it is asked in the next best wording, and that is remembered.

use std::sync::Arc;

use mmevol::model::openai::RetryPolicy;
use mmevol::model::{CallKind, ChatErrorKind, ChatModel, ChatRequest, ResponseSchema};
use serde_json::{Value, json};

use super::{bodies, builder, client, image, request, response_formats, structured_request, with_concurrency};
use crate::endpoint::{Behaviour, Endpoint};

/// Refuses json_schema and json_object, as older servers do.
fn without_structured_output(body: &Value) -> Behaviour {
    match body["response_format"]["type"].as_str() {
        Some(kind) => Behaviour::error(400, &format!("response_format of type {kind} is not supported")),
        None => Behaviour::reply("[]"),
    }
}

#[tokio::test]
async fn refused_structured_output_is_asked_for_in_the_next_best_way_and_that_is_remembered() {
    let endpoint = Endpoint::start(without_structured_output);
    let model = client(&endpoint);
    let reply = model.chat(&structured_request("1"), &[]).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.attempts), ("[]", 3));
    model.chat(&structured_request("2"), &[]).await.unwrap();
    assert_eq!(response_formats(&endpoint), ["json_schema", "json_object", "none", "none"]);
}

/// One row's schema took structured output away from all rows after it.
#[tokio::test]
async fn a_refused_schema_is_refused_to_its_own_request_alone() {
    let endpoint = Endpoint::start(|body| match body["response_format"]["json_schema"]["schema"].to_string() {
        schema if schema.contains("minimum") => Behaviour::error(
            400,
            "Invalid schema for response_format 'answer': In context=('properties', 'a'), 'minimum' is not permitted.",
        ),
        schema if schema.contains("oneOf") => Behaviour::error(400, "response_format: 'oneOf' is not permitted."),
        _ => Behaviour::reply("[]"),
    });
    let with_schema = |schema: Value| {
        let schema = Arc::new(ResponseSchema { name: "answer".to_owned(), schema });
        ChatRequest { schema: Some(schema), ..request("?") }
    };
    let model = client(&endpoint);
    let minimum = with_schema(json!({ "type": "integer", "minimum": 1 }));
    // Before anything was answered, and after.
    let error = model.chat(&minimum, &[]).await.unwrap_err();
    assert_eq!((error.kind, error.attempts), (ChatErrorKind::BadRequest, 1), "{error}");
    model.chat(&structured_request("1"), &[]).await.unwrap();
    for schema in [minimum, with_schema(json!({ "oneOf": [{ "type": "integer" }] }))] {
        let error = model.chat(&schema, &[]).await.unwrap_err();
        assert_eq!((error.kind, error.attempts), (ChatErrorKind::BadRequest, 1), "{error}");
        assert!(error.message.contains("is not permitted"), "{error}");
    }
    model.chat(&structured_request("2"), &[]).await.unwrap();
    assert_eq!(response_formats(&endpoint), ["json_schema"; 5]);
}

/// Nobody could evolve anything with such an endpoint: the schema of evolved items is no user's, and not to be changed.
#[tokio::test]
async fn where_our_own_schema_is_refused_structured_output_is_given_up() {
    let endpoint = Endpoint::start(|body| match body["response_format"]["type"].as_str() {
        Some("json_schema") => Behaviour::error(400, "Invalid schema for response_format: a list of types is not permitted."),
        _ => Behaviour::reply("[]"),
    });
    let model = client(&endpoint);
    for prompt in ["1", "2"] {
        model.chat(&ChatRequest { kind: CallKind::Evolve, ..structured_request(prompt) }, &[]).await.unwrap();
    }
    assert_eq!(response_formats(&endpoint), ["json_schema", "json_object", "json_object"]);
}

/// llama.cpp says so of both kinds, where it cannot make a grammar of the schema.
#[tokio::test]
async fn samplers_that_cannot_be_made_are_a_refusal_of_structured_output() {
    let endpoint = Endpoint::start(|body| match body.get("response_format") {
        Some(_) => Behaviour::error(400, "Failed to initialize samplers: "),
        None => Behaviour::reply("[]"),
    });
    let model = client(&endpoint);
    for prompt in ["1", "2"] {
        model.chat(&structured_request(prompt), &[]).await.unwrap();
    }
    assert_eq!(response_formats(&endpoint), ["json_schema", "json_object", "none", "none"]);
}

/// Ollama fails so where it cannot make a grammar for the model.
#[tokio::test]
async fn a_server_error_over_the_structure_is_a_refusal_of_it() {
    let endpoint = Endpoint::start(|body| match body.get("response_format") {
        Some(_) => Behaviour::error(500, "Failed to create new sequence: failed to load model vocabulary required for format"),
        None => Behaviour::reply("[]"),
    });
    let model = client(&endpoint);
    for prompt in ["1", "2"] {
        model.chat(&structured_request(prompt), &[]).await.unwrap();
    }
    assert_eq!(response_formats(&endpoint), ["json_schema", "json_object", "none", "none"]);
}

const VAGUE: &str = "Request contains an invalid argument.";

/// Gemini does not say that it is the schema.
#[tokio::test]
async fn a_refusal_that_names_nothing_may_be_of_the_structure() {
    let endpoint = Endpoint::start(|body| match body["response_format"]["type"].as_str() {
        Some("json_schema") => Behaviour::error(400, VAGUE),
        _ => Behaviour::reply("[]"),
    });
    let model = client(&endpoint);
    for prompt in ["1", "2"] {
        model.chat(&ChatRequest { kind: CallKind::Evolve, ..structured_request(prompt) }, &[]).await.unwrap();
    }
    assert_eq!(response_formats(&endpoint), ["json_schema", "json_object", "json_object"]);
    // A user's schema is refused to its own request alone.
    let error = client(&endpoint).chat(&structured_request("3"), &[]).await.unwrap_err();
    assert_eq!((error.kind, error.attempts), (ChatErrorKind::BadRequest, 1), "{error}");
}

/// It is its own fault: nothing is taken away from the others.
#[tokio::test]
async fn a_bad_request_that_is_refused_without_a_word_keeps_the_structure() {
    let endpoint = Endpoint::start(|body| match body["messages"][0]["content"].as_str() {
        Some("bad") => Behaviour::error(400, VAGUE),
        _ => Behaviour::reply("[]"),
    });
    let model = client(&endpoint);
    let request = |prompt: &str| ChatRequest { kind: CallKind::Evolve, ..structured_request(prompt) };
    for attempts in [3, 1] {
        let error = model.chat(&request("bad"), &[]).await.unwrap_err();
        assert_eq!((error.kind, error.attempts), (ChatErrorKind::BadRequest, attempts), "{error}");
        assert!(error.message.contains(VAGUE), "{error}");
        model.chat(&request("good"), &[]).await.unwrap();
    }
    assert_eq!(response_formats(&endpoint), ["json_schema", "json_object", "none", "json_schema", "json_schema", "json_schema"]);
}

#[tokio::test]
async fn images_that_a_model_does_not_take_are_not_sent_again() {
    for (code, message) in [
        (500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"),
        (400, "At most 0 image(s) may be provided in one request."),
        (400, "This model does not support image input"),
        (400, "image_url is not supported by this model"),
    ] {
        let endpoint = Endpoint::start(move |_| Behaviour::error(code, message));
        let error = client(&endpoint).chat(&structured_request("?"), &[image(b"\xff\xd8")]).await.unwrap_err();
        assert_eq!((error.kind, error.http_status, endpoint.requests()), (ChatErrorKind::Image, Some(code), 1), "{message}");
        assert!(error.message.contains("--text-only"), "{error}");
    }
}

#[tokio::test]
async fn of_many_first_requests_one_finds_out_what_is_refused() {
    let endpoint = Endpoint::start(without_structured_output);
    let model = with_concurrency(&endpoint, 16);
    let requests: Vec<ChatRequest> = (0..16).map(|number| structured_request(&number.to_string())).collect();
    let replies = futures::future::join_all(requests.iter().map(|request| model.chat(request, &[]))).await;
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(endpoint.requests(), 16 + 2);
}

#[tokio::test]
async fn wording_does_not_use_up_attempts() {
    let endpoint = Endpoint::start(without_structured_output);
    let retry_policy = RetryPolicy { max_attempts: 1, ..RetryPolicy::default() };
    let model = builder(&endpoint).retry_policy(retry_policy).build().unwrap();
    assert!(model.chat(&structured_request("?"), &[]).await.is_ok());
}

#[tokio::test]
async fn parameters_that_a_model_refuses_are_replaced_or_left_out() {
    let endpoint = Endpoint::start(|body| {
        let refuse = |parameter: &str, message: &str| Behaviour::Status {
            code: 400,
            headers: Vec::new(),
            body: json!({ "error": { "message": message, "param": parameter, "code": "unsupported_parameter" } }).to_string(),
        };
        if body.get("max_tokens").is_some() {
            refuse("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        } else if body.get("temperature").is_some() {
            refuse("temperature", "'temperature' does not support 0.2 with this model. Only the default (1) value is supported.")
        } else if body.get("seed").is_some() {
            refuse("seed", "Unknown parameter: 'seed'.")
        } else {
            Behaviour::reply("fine")
        }
    });
    let model = client(&endpoint);
    model.chat(&request("1"), &[]).await.unwrap();
    model.chat(&request("2"), &[]).await.unwrap();
    let bodies = bodies(&endpoint);
    assert_eq!(bodies.len(), 5);
    let last = &bodies[4];
    assert_eq!(last["max_completion_tokens"], 4096);
    assert!(["max_tokens", "temperature", "seed"].iter().all(|parameter| last.get(*parameter).is_none()), "{last}");
}
