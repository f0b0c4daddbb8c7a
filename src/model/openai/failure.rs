//! What went wrong with one attempt, in words, and whether another may help.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;

use super::config::ApiKey;
use super::dialect::Parameter;
use super::retry::Retry;
use super::wire::{Complaint, NoAnswer};
use crate::error::{LEAST_LIKENESS, likeness};
use crate::model::{ChatError, ChatErrorKind, Usage};
use crate::text::beginning;

/// Characters of a server's message that are quoted.
const QUOTED_CHARACTERS: usize = 300;

/// Models that an error lists.
const LISTED_MODELS: usize = 8;

/// One attempt without an answer.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) kind: ChatErrorKind,
    /// Why, without the key and without saying what was asked of whom.
    pub(super) cause: String,
    pub(super) http_status: Option<u16>,
    pub(super) retry: Retry,
    /// How long the endpoint wants to be left alone.
    pub(super) retry_after: Option<Duration>,
    /// The parameter to ask for differently.
    pub(super) refused: Option<Parameter>,
    /// That parameter is a guess: the endpoint does not say what is wrong with the request.
    pub(super) is_vague: bool,
    pub(super) usage: Usage,
}

impl Failure {
    pub(super) fn new(kind: ChatErrorKind, retry: Retry, cause: String) -> Failure {
        Failure { kind, cause, http_status: None, retry, retry_after: None, refused: None, is_vague: false, usage: Usage::default() }
    }

    /// A status other than 2xx, and what the endpoint says about it.
    pub(super) fn from_status(status: StatusCode, complaint: &Complaint, api_key: Option<&ApiKey>) -> Failure {
        use ChatErrorKind as Kind;
        let quoted = quote(&complaint.text, api_key);
        let cause = format!("{status}: {quoted}");
        let (kind, retry, cause) = match status.as_u16() {
            403 if is_moderated(complaint) => (Kind::Refusal, Retry::Never, cause),
            401 | 403 => (Kind::Authentication, Retry::Never, with_key_hint(&cause, api_key)),
            400..=599 if takes_no_images(complaint) => (Kind::Image, Retry::Never, with_image_hint(&cause)),
            402 => (Kind::Authentication, Retry::Never, out_of_credit(&cause)),
            429 if is_out_of_credit(complaint) => (Kind::Authentication, Retry::Never, out_of_credit(&cause)),
            300..=399 => (Kind::NotFound, Retry::Never, format!("{}. Redirects are not followed: check the base URL.", unended(&cause))),
            404 | 405 => (Kind::NotFound, Retry::Never, cause),
            400..=499 if exceeds_context(status, complaint) => (Kind::ContextOverflow, Retry::Never, with_window_hint(&cause, complaint)),
            400..=499 if is_content_filter(complaint) => (Kind::Refusal, Retry::Never, cause),
            429 => (Kind::RateLimited, Retry::Later, cause),
            // Groq, of an answer that kept to no schema: another may.
            400..=499 if complaint.code.as_deref() == Some("json_validate_failed") => (Kind::InvalidResponse, Retry::Again, cause),
            408 => (Kind::Timeout, Retry::Again, cause),
            409 | 425 => (Kind::ServerError, Retry::Again, cause),
            502..=504 => (Kind::ServerError, Retry::Unavailable, cause),
            529 => (Kind::ServerError, Retry::Later, cause),
            500..=599 => (Kind::ServerError, Retry::Again, cause),
            400..=499 => (Kind::BadRequest, Retry::Never, cause),
            _ => (Kind::InvalidResponse, Retry::Again, cause),
        };
        Failure { http_status: Some(status.as_u16()), retry_after: complaint.retry_after, ..Failure::new(kind, retry, cause) }
    }

    /// A 2xx without an answer in it.
    pub(super) fn from_no_answer(status: StatusCode, no_answer: NoAnswer, api_key: Option<&ApiKey>) -> Failure {
        let failure = match no_answer {
            NoAnswer::Refused(text, usage) => {
                let cause = match text.is_empty() {
                    true => "the content filter withheld the answer".to_owned(),
                    false => format!("the model declined: {}", quote(&text, api_key)),
                };
                Failure { usage, ..Failure::new(ChatErrorKind::Refusal, Retry::Never, cause) }
            }
            NoAnswer::OnlyReasoning(member, usage) => {
                let cause = format!("the endpoint put the whole answer into {member}: turn its reasoning parser off");
                Failure { usage, ..Failure::new(ChatErrorKind::InvalidResponse, Retry::Never, cause) }
            }
            NoAnswer::Complaint(complaint, Some(meant)) => {
                let meant = StatusCode::from_u16(meant).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Failure::from_status(meant, &complaint, api_key)
            }
            NoAnswer::Complaint(complaint, None) => {
                let cause = format!("the answer is an error: {}", quote(&complaint.text, api_key));
                Failure::new(ChatErrorKind::InvalidResponse, Retry::Again, cause)
            }
            NoAnswer::BrokenOff(why) => {
                let cause = format!("the answer broke off: {}", quote(&why, api_key));
                Failure::new(ChatErrorKind::ServerError, Retry::Again, cause)
            }
            NoAnswer::NoCompletion(instead) => {
                let cause = format!("the answer is no chat completion but {}", quote(&instead, api_key));
                Failure::new(ChatErrorKind::InvalidResponse, Retry::Again, cause)
            }
            NoAnswer::NoEmbedding(instead) => {
                let cause = format!("the answer is no embedding but {}", quote(&instead, api_key));
                Failure::new(ChatErrorKind::InvalidResponse, Retry::Again, cause)
            }
        };
        Failure { http_status: Some(status.as_u16()), ..failure }
    }

    /// No complete answer came. `reachable` tells whether the endpoint has ever answered.
    pub(super) fn from_transport(error: &reqwest::Error, connect_timeout: Duration, request_timeout: Duration, reachable: bool) -> Failure {
        use ChatErrorKind::{Connection, Timeout};
        if error.is_builder() {
            return Failure::new(
                ChatErrorKind::BadRequest,
                Retry::Never,
                format!("the request cannot be sent: {}", innermost_cause(error)),
            );
        }
        let retry = if !reachable && (error.is_connect() || error.is_timeout()) { Retry::Unreachable } else { Retry::Again };
        let (kind, cause) = match (error.is_connect(), error.is_timeout()) {
            (true, true) => (Timeout, format!("no connection within {connect_timeout:?}")),
            (false, true) => (Timeout, format!("no complete answer within {request_timeout:?}. A slow model needs a longer --timeout.")),
            (true, false) => (Connection, format!("cannot connect: {}. Is the server running, and the address right?", in_words(error))),
            (false, false) if error.is_body() || error.is_decode() => (Connection, format!("the answer was cut off: {}", in_words(error))),
            (false, false) => (Connection, format!("the connection was lost: {}", in_words(error))),
        };
        Failure::new(kind, retry, cause)
    }

    /// The error of the whole request, after so many HTTP requests.
    pub(super) fn into_error(self, attempts: u32) -> ChatError {
        let tries = if attempts > 1 { format!(" ({attempts} requests made)") } else { String::new() };
        ChatError { kind: self.kind, message: self.cause + &tries, attempts, http_status: self.http_status, usage: self.usage }
    }
}

/// A sentence without the full stop that its end may have: another one follows.
pub(super) fn unended(cause: &str) -> &str {
    cause.trim_end_matches('.')
}

fn with_key_hint(cause: &str, api_key: Option<&ApiKey>) -> String {
    let cause = unended(cause);
    match api_key {
        Some(_) => format!("{cause}. Check the key in OPENAI_API_KEY."),
        None => format!("{cause}. No key was given: set OPENAI_API_KEY."),
    }
}

fn with_image_hint(cause: &str) -> String {
    format!("{}. The model takes no images: name one that does, or send none (evolve --text-only).", unended(cause))
}

/// Where the room kept for the answer is part of what is too long, less of it helps.
fn with_window_hint(cause: &str, complaint: &Complaint) -> String {
    const ROOM_FOR_ANSWER: &[&str] = &["max_tokens", "max_completion_tokens", "max_new_tokens", "in the completion"];
    match ROOM_FOR_ANSWER.iter().any(|words| complaint.text.contains(words)) {
        true => format!("{}. Leave the prompt more of the model's window with a lower --max-tokens.", unended(cause)),
        false => cause.to_owned(),
    }
}

fn out_of_credit(cause: &str) -> String {
    format!("{}. The account has no credit left: check its plan and billing, or use the OPENAI_API_KEY of another.", unended(cause))
}

/// What to ask for instead of a model that the endpoint does not offer, the most alike first.
pub(super) fn model_hint(model: &str, offered: &[String], api_key: Option<&ApiKey>) -> String {
    let similarity = |name: &str| match name.contains(model) {
        true => 1.0,
        false => likeness(model, name),
    };
    let mut ranked: Vec<(f64, &String)> = offered.iter().map(|name| (similarity(name), name)).collect();
    ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let meant = ranked.first().filter(|(similarity, _)| *similarity > LEAST_LIKENESS);
    let question = meant.map_or_else(String::new, |(_, name)| format!("Did you mean '{}'? ", quote(name, api_key)));
    let listed: Vec<String> = ranked.iter().take(LISTED_MODELS).map(|(_, name)| quote(name, api_key)).collect();
    let more = match ranked.len().saturating_sub(LISTED_MODELS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{question}The endpoint offers {}{more}.", listed.join(", "))
}

fn is_out_of_credit(complaint: &Complaint) -> bool {
    let says_so = || complaint.text.contains("exceeded your current quota") && !is_soon_over(complaint);
    complaint.code.as_deref() == Some("insufficient_quota") || says_so()
}

/// Whether a quota is one of a minute: Gemini has the same words for it as for an account that is not paid for. Of a quota of a day it says to
/// come back in a few seconds, too, which does not help.
fn is_soon_over(complaint: &Complaint) -> bool {
    let names = |period: &str| complaint.details.contains(period) || complaint.text.contains(period);
    !names("PerDay") && (complaint.retry_after.is_some() || names("PerMinute"))
}

/// Whether the prompt is too long for the model, or for the account's tokens per minute, which waiting does not change.
fn exceeds_context(status: StatusCode, complaint: &Complaint) -> bool {
    const TOO_LARGE_FOR_ITS_MINUTE: &str = "request too large for";
    const WORDS: &[&str] = &[
        "context length",
        "context_length",
        "context window",
        "context size",
        "max_model_len",
        "maximum number of tokens",
        "too many tokens",
        "prompt is too long",
        "input is too long",
        TOO_LARGE_FOR_ITS_MINUTE,
        // TGI
        "inputs tokens + max_new_tokens",
    ];
    let text = complaint.text.to_lowercase().replace('`', "");
    let says_so = match status {
        // Bedrock has "too many tokens" for those of all requests together.
        StatusCode::TOO_MANY_REQUESTS => text.contains(TOO_LARGE_FOR_ITS_MINUTE),
        _ => WORDS.iter().any(|words| text.contains(words)),
    };
    complaint.code.as_deref() == Some("context_length_exceeded") || says_so
}

/// Whether images are refused whatever they show. Servers do so under all kinds of statuses, also as an error of their own.
fn takes_no_images(complaint: &Complaint) -> bool {
    const WORDS: &[&str] = &[
        // llama.cpp
        "image input is not supported",
        // vLLM
        "at most 0 image",
        "is not a multimodal model",
        // OpenAI
        "image_url is only supported by",
        "does not support image",
        // OpenRouter
        "support image input",
        // DeepSeek
        "unknown variant `image_url`",
        "image_url is not supported",
        "images are not supported",
        // Ollama
        "missing data required for image input",
    ];
    let text = complaint.text.to_lowercase();
    WORDS.iter().any(|words| text.contains(words))
}

fn is_content_filter(complaint: &Complaint) -> bool {
    matches!(complaint.code.as_deref(), Some("content_filter" | "content_policy_violation" | "data_inspection_failed"))
}

/// Whether it is one request that is forbidden, for what is in it, and not the key or whose it is.
fn is_moderated(complaint: &Complaint) -> bool {
    const WORDS: &[&str] = &["moderation", "flagged", "content policy"];
    const OF_WHO_ASKS: &[&str] = &["account", "api key", "api_key", "your key", "organization", "project", "your team", "permission"];
    let text = complaint.text.to_lowercase();
    let has_one_of = |list: &[&str]| list.iter().any(|words| text.contains(words));
    let speaks_of_content = has_one_of(WORDS) && !has_one_of(OF_WHO_ASKS);
    complaint.is_flagged || is_content_filter(complaint) || speaks_of_content
}

/// A server's words without the key, on one line, shortened. The key goes first, or half of it could stay at the cut.
fn quote(text: &str, api_key: Option<&ApiKey>) -> String {
    let text = api_key.map_or_else(|| text.to_owned(), |key| key.scrub(text));
    // Providers echo a key with its middle masked; what is left of it is nobody's business either.
    let words = text.split_whitespace().map(|word| if word.contains("sk-") && word.contains('*') { "***" } else { word });
    let mut line = String::with_capacity(text.len());
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match beginning(&line, QUOTED_CHARACTERS) {
        (shown, true) => format!("{shown}..."),
        _ => line,
    }
}

/// The cause of a transport error as people say it.
fn in_words(error: &reqwest::Error) -> String {
    let io_error = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last();
    match io_error.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        Some(io::ErrorKind::ConnectionReset) => "connection reset".to_owned(),
        Some(io::ErrorKind::UnexpectedEof) => "the connection was closed".to_owned(),
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => "the host cannot be reached".to_owned(),
        _ if causes(error).any(|cause| cause.to_string().contains("dns error")) => "unknown host".to_owned(),
        _ => innermost_cause(error),
    }
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

fn innermost_cause(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| "unknown cause".to_owned(), |cause| cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str, code: Option<&str>) -> Complaint {
        Complaint { text: text.to_owned(), code: code.map(str::to_owned), ..Complaint::default() }
    }

    #[test]
    fn statuses_have_kinds() {
        use ChatErrorKind as Kind;
        for (status, text, code, kind, retry) in [
            (401, "bad key", None, Kind::Authentication, Retry::Never),
            (403, "forbidden", Some("403"), Kind::Authentication, Retry::Never),
            (403, "Your account was flagged", None, Kind::Authentication, Retry::Never),
            (403, "This API key was flagged for abuse", None, Kind::Authentication, Retry::Never),
            (403, "You have no permission to use the moderation model", None, Kind::Authentication, Retry::Never),
            (403, "Your chosen model requires moderation and your input was flagged", Some("403"), Kind::Refusal, Retry::Never),
            (400, "Input data may contain inappropriate content.", Some("data_inspection_failed"), Kind::Refusal, Retry::Never),
            (400, "Failed to generate JSON. Please adjust your prompt.", Some("json_validate_failed"), Kind::InvalidResponse, Retry::Again),
            (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096.", None, Kind::ContextOverflow, Retry::Never),
            (500, "failed to process inputs: this model is missing data required for image input", None, Kind::Image, Retry::Never),
            (404, "no such model", None, Kind::NotFound, Retry::Never),
            (400, "broken image", None, Kind::BadRequest, Retry::Never),
            (413, "body too large", None, Kind::BadRequest, Retry::Never),
            (400, "This model's maximum context length is 4096 tokens", None, Kind::ContextOverflow, Retry::Never),
            (400, "too long", Some("context_length_exceeded"), Kind::ContextOverflow, Retry::Never),
            (400, "filtered", Some("content_filter"), Kind::Refusal, Retry::Never),
            (429, "slow down", Some("rate_limit_exceeded"), Kind::RateLimited, Retry::Later),
            (429, "Request too large for gpt-4o", Some("rate_limit_exceeded"), Kind::ContextOverflow, Retry::Never),
            (429, "no money", Some("insufficient_quota"), Kind::Authentication, Retry::Never),
            (429, "You exceeded your current quota, please check your plan.", None, Kind::Authentication, Retry::Never),
            (429, "Too many tokens, please wait before trying again.", Some("throttling_error"), Kind::RateLimited, Retry::Later),
            (429, "too long", Some("context_length_exceeded"), Kind::ContextOverflow, Retry::Never),
            (400, "Too many tokens", None, Kind::ContextOverflow, Retry::Never),
            (409, "", None, Kind::ServerError, Retry::Again),
            (500, "", None, Kind::ServerError, Retry::Again),
            (503, "", None, Kind::ServerError, Retry::Unavailable),
            (529, "", None, Kind::ServerError, Retry::Later),
            (302, "", None, Kind::NotFound, Retry::Never),
            (
                500,
                "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
                None,
                Kind::Image,
                Retry::Never,
            ),
            (400, "At most 0 image(s) may be provided in one prompt.", None, Kind::Image, Retry::Never),
            (400, "At most 1 image(s) may be provided in one prompt.", None, Kind::BadRequest, Retry::Never),
            (404, "No endpoints found that support image input", None, Kind::Image, Retry::Never),
            (400, "Invalid content type. image_url is only supported by certain models.", None, Kind::Image, Retry::Never),
            (422, "unknown variant `image_url`, expected `text`", None, Kind::Image, Retry::Never),
        ] {
            let failure = Failure::from_status(StatusCode::from_u16(status).unwrap(), &complaint(text, code), None);
            assert_eq!((failure.kind, failure.retry), (kind, retry), "{status} {text}");
        }
    }

    /// Gemini's words for an account without credit are those for a full minute.
    #[test]
    fn a_quota_of_a_minute_is_no_lack_of_credit() {
        use ChatErrorKind::{Authentication, RateLimited};
        let wait = Duration::from_secs(1);
        for (details, retry_after, kind) in [
            (r#"{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}"#, Some(wait), RateLimited),
            (r#"{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}"#, None, RateLimited),
            ("", Some(wait), RateLimited),
            (r#"{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}"#, Some(wait), Authentication),
            ("", None, Authentication),
        ] {
            let text = "You exceeded your current quota, please check your plan and billing details.";
            let complaint = Complaint { retry_after, details: details.to_owned(), ..complaint(text, Some("429")) };
            let failure = Failure::from_status(StatusCode::TOO_MANY_REQUESTS, &complaint, None);
            assert_eq!((failure.kind, failure.retry_after), (kind, retry_after), "{details} {retry_after:?}");
        }
    }

    #[test]
    fn sentences_end_once() {
        let quota = complaint("You exceeded your current quota, please check your plan and billing details.", Some("insufficient_quota"));
        for (status, complaint) in [(429, &quota), (402, &quota), (401, &quota), (302, &quota)] {
            let cause = Failure::from_status(StatusCode::from_u16(status).unwrap(), complaint, None).cause;
            assert!(cause.contains("billing details. ") && !cause.contains(".."), "{cause}");
        }
    }

    #[test]
    fn room_for_the_answer_is_room_the_prompt_lacks() {
        let cause = |text: &str| Failure::from_status(StatusCode::BAD_REQUEST, &complaint(text, None), None).cause;
        let of_vllm = "'max_tokens' is too large: 4096. This model's maximum context length is 4096 tokens and your request has 3210.";
        assert!(cause(of_vllm).ends_with("your request has 3210. Leave the prompt more of the model's window with a lower --max-tokens."));
        assert!(!cause("This model's maximum context length is 4096 tokens").contains("--max-tokens"));
    }

    #[test]
    fn the_models_most_alike_are_offered_first() {
        let offered = ["llava:7b", "gpt-4o-mini", "gpt-4o"].map(str::to_owned);
        assert_eq!(
            model_hint("gpt-4o-mni", &offered, None),
            "Did you mean 'gpt-4o-mini'? The endpoint offers gpt-4o-mini, gpt-4o, llava:7b."
        );
        assert_eq!(model_hint("llava", &offered, None), "Did you mean 'llava:7b'? The endpoint offers llava:7b, gpt-4o-mini, gpt-4o.");
        let many: Vec<String> = (0..20).map(|number| format!("model-{number}")).collect();
        assert!(model_hint("phi", &many, None).ends_with(" and 12 more."), "{}", model_hint("phi", &many, None));
    }

    #[test]
    fn quotes_are_short_and_hold_no_key() {
        let key = ApiKey::new("sk-secret").unwrap();
        assert_eq!(quote("bad\n  key sk-secret here", Some(&key)), "bad key *** here");
        assert_eq!(quote("Incorrect API key provided: sk-se***ret.", Some(&key)), "Incorrect API key provided: ***");
        let at_the_cut = quote(&format!("{}sk-secret", "x".repeat(QUOTED_CHARACTERS - 4)), Some(&key));
        assert!(at_the_cut.ends_with("xxx***") && !at_the_cut.contains("sk-"), "{at_the_cut}");
        assert_eq!(quote(&"ä".repeat(301), None), format!("{}...", "ä".repeat(300)));
    }
}
