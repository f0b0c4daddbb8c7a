//! Where the endpoint is, with which key, and how patiently it is asked.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use reqwest::header::HeaderValue;
use url::Url;

use super::OpenAiModel;
use super::dialect::Negotiation;
use super::retry::RetryPolicy;
use crate::model::limits::{DEFAULT_CONCURRENCY, Limiter, Limits};

/// OpenAI's own endpoint.
pub const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Long enough for thousands of tokens from a busy server of one's own.
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(600);

/// Characters from which on a key is taken for a secret and not for a word that stands in for one.
const SHORTEST_SECRET: usize = 8;

/// An API key. It is shown as `***` wherever it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// A key without the white space around it, which files and environment variables tend to add. `None` when nothing is left.
    pub fn new(key: &str) -> Option<ApiKey> {
        let key = key.trim();
        (!key.is_empty()).then(|| ApiKey(key.to_owned()))
    }

    /// The `Authorization` header, or `None` when the key holds characters that no header can carry.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The text without the key, should someone have put it there. A key as short as a word, such as local servers take, goes only where it
    /// stands alone: as a part of other words it tells nothing, and they would be mangled.
    pub(super) fn scrub(&self, text: &str) -> String {
        if self.0.chars().count() >= SHORTEST_SECRET {
            return text.replace(&self.0, "***");
        }
        let is_of_word = |neighbour: Option<char>| neighbour.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'));
        let mut scrubbed = String::with_capacity(text.len());
        let mut copied = 0;
        for (start, key) in text.match_indices(&self.0) {
            let end = start + key.len();
            if !is_of_word(text[..start].chars().next_back()) && !is_of_word(text[end..].chars().next()) {
                scrubbed.push_str(&text[copied..start]);
                scrubbed.push_str("***");
                copied = end;
            }
        }
        scrubbed + &text[copied..]
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant says what its fields are")]
pub enum OpenAiConfigError {
    /// An address that is no http or https URL.
    #[error("Failed to use '{base_url}' as base URL: {reason}. Give an address such as http://localhost:8000/v1.")]
    BaseUrl { base_url: String, reason: String },
    /// The URL itself is not shown: it holds a secret.
    #[error("Failed to use the base URL: it holds a user name or password. Give the key in OPENAI_API_KEY and the URL without it.")]
    CredentialsInBaseUrl,
    /// A key that cannot be sent.
    #[error("Failed to use the API key: it holds characters that no HTTP header can carry. Check OPENAI_API_KEY.")]
    ApiKey,
    /// The HTTP client could not be set up.
    #[error("Failed to set up HTTP: {0}")]
    Http(#[source] reqwest::Error),
}

/// Builds an [`OpenAiModel`].
#[derive(Debug, Clone)]
pub struct OpenAiModelBuilder {
    model: String,
    base_url: String,
    api_key: Option<ApiKey>,
    limits: Limits,
    connect_timeout: Duration,
    request_timeout: Duration,
    retry_policy: RetryPolicy,
}

impl OpenAiModelBuilder {
    pub(super) fn new(model: String) -> OpenAiModelBuilder {
        OpenAiModelBuilder {
            model,
            base_url: DEFAULT_BASE_URL.to_owned(),
            api_key: None,
            limits: Limits::default(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            request_timeout: DEFAULT_REQUEST_TIMEOUT,
            retry_policy: RetryPolicy::default(),
        }
    }

    /// What `/chat/completions` is appended to; [`DEFAULT_BASE_URL`] when not given. Used as it is, but for a slash or a
    /// `/chat/completions` at its end.
    #[must_use]
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// The key sent as bearer token; none by default, which servers of one's own accept.
    #[must_use]
    pub fn api_key(mut self, api_key: Option<ApiKey>) -> Self {
        self.api_key = api_key;
        self
    }

    /// Limits for this model at this endpoint, shared by all clients of the process (see [`Limiter::shared`]).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long connecting may take; 10 seconds by default.
    #[must_use]
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// How long one attempt may take from connecting to the last byte of the answer; 600 seconds by default.
    #[must_use]
    pub fn request_timeout(mut self, request_timeout: Duration) -> Self {
        self.request_timeout = request_timeout;
        self
    }

    /// How often and how fast a failed request is tried again.
    #[must_use]
    pub fn retry_policy(mut self, retry_policy: RetryPolicy) -> Self {
        self.retry_policy = retry_policy;
        self
    }

    /// Makes the client. Sends nothing.
    ///
    /// # Errors
    /// When the base URL is no http or https URL or holds credentials, when the key cannot be sent, or when TLS cannot be set up.
    pub fn build(self) -> Result<OpenAiModel, OpenAiConfigError> {
        let base_url = parse_base_url(&self.base_url)?;
        let authorization = match &self.api_key {
            Some(key) => Some(key.authorization().ok_or(OpenAiConfigError::ApiKey)?),
            None => None,
        };
        let concurrency = self.limits.concurrency.unwrap_or(DEFAULT_CONCURRENCY);
        let http_client = |idle_connections: usize| {
            reqwest::Client::builder()
                .user_agent(concat!("mmevol/", env!("CARGO_PKG_VERSION")))
                .default_headers(authorization.iter().map(|value| (reqwest::header::AUTHORIZATION, value.clone())).collect())
                .connect_timeout(self.connect_timeout)
                .timeout(self.request_timeout)
                .pool_max_idle_per_host(idle_connections)
                .tcp_nodelay(true)
                // A redirected POST would become a GET, or carry the prompt to a host nobody named.
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(OpenAiConfigError::Http)
        };
        let http = http_client(concurrency.get())?;
        let unpooled_http = http_client(0)?;
        Ok(OpenAiModel {
            limiter: Limiter::shared(&base_url, &self.model, self.limits),
            negotiation: Negotiation::default(),
            completions_url: format!("{base_url}/chat/completions"),
            embeddings_url: format!("{base_url}/embeddings"),
            models_url: format!("{base_url}/models"),
            base_url,
            model: self.model,
            api_key: self.api_key,
            http,
            unpooled_http,
            connect_timeout: self.connect_timeout,
            request_timeout: self.request_timeout,
            retry_policy: self.retry_policy,
            endpoint_failure: Mutex::new(None),
            unavailable: AtomicU32::new(0),
        })
    }
}

/// The normalized URL, without a slash at its end.
fn parse_base_url(base_url: &str) -> Result<String, OpenAiConfigError> {
    let base_url = base_url.trim();
    let refuse = |reason: String| match base_url.contains('@') {
        true => OpenAiConfigError::CredentialsInBaseUrl,
        false => OpenAiConfigError::BaseUrl { base_url: base_url.to_owned(), reason },
    };
    let url = Url::parse(base_url).map_err(|error| refuse(error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OpenAiConfigError::CredentialsInBaseUrl);
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse(format!("'{}' is neither http nor https", url.scheme())));
    }
    if url.query().is_some() || url.fragment().is_some() {
        // Queries tend to hold keys, and the base URL is recorded with every call.
        let without_query = base_url.split(['?', '#']).next().unwrap_or_default();
        return Err(OpenAiConfigError::BaseUrl { base_url: without_query.to_owned(), reason: "it goes on with ? or #".to_owned() });
    }
    let url = url.as_str().trim_end_matches('/');
    Ok(url.strip_suffix("/chat/completions").unwrap_or(url).trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_used_as_given_but_for_their_end() {
        for (given, used) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1"),
            (" http://localhost:8000/v1/ ", "http://localhost:8000/v1"),
            ("http://localhost:8000", "http://localhost:8000"),
            ("http://localhost:8000/", "http://localhost:8000"),
            ("http://localhost:8000/v1/chat/completions", "http://localhost:8000/v1"),
        ] {
            assert_eq!(parse_base_url(given).unwrap(), used, "{given}");
        }
    }

    #[test]
    fn other_base_urls_are_refused_in_words() {
        for (given, expected) in [
            ("ftp://localhost/v1", "neither http nor https"),
            ("localhost:8000/v1", "neither http nor https"),
            ("api.openai.com", "relative URL without a base"),
            ("http://", "empty host"),
            ("http://localhost/v1?key=secret", "goes on with ?"),
            ("http://ann:secret@localhost/v1", "user name or password"),
            ("ann:secret@localhost/v1", "user name or password"),
        ] {
            let error = parse_base_url(given).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{given}: {error}");
        }
    }

    #[test]
    fn keys_are_never_printed() {
        let key = ApiKey::new(" sk-secret\n").unwrap();
        assert_eq!(format!("{key} {key:?}"), "*** ***");
        assert_eq!(key.scrub("you sent sk-secret."), "you sent ***.");
        assert_eq!(ApiKey::new(" \n"), None);
    }

    #[test]
    fn a_key_as_short_as_a_word_mangles_no_other_words() {
        let scrub = |key: &str, text: &str| ApiKey::new(key).unwrap().scrub(text);
        assert_eq!(scrub("x", "max_tokens is not x, and 'x' is no key"), "max_tokens is not ***, and '***' is no key");
        assert_eq!(scrub("none", "nonetheless, none-such: x=none"), "nonetheless, none-such: x=***");
        assert_eq!(scrub("é", "é, né"), "***, né");
        assert_eq!(scrub("long-key", "a_long-key_b"), "a_***_b");
    }
}
