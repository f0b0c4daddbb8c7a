//! Which parameters an endpoint takes. Servers and models differ; what one refuses is asked for in another way, or left out,
//! and that is remembered for as long as the client lives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::wire::Complaint;

/// How long requests wait for the first answer of a new client, so that they need not all learn by themselves what the
/// endpoint refuses. A refusal comes at once; an answer may take long, and is not waited for.
const WAIT_FOR_FIRST_ANSWER: Duration = Duration::from_secs(1);

/// How requests to one endpoint are worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) structure: Structure,
    pub(super) token_limit: TokenLimit,
    pub(super) seed: bool,
    pub(super) temperature: bool,
}

/// How a request that wants structured output asks for it, the most exact way first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Structure {
    JsonSchema,
    JsonObject,
    /// In the prompt only.
    Prompt,
}

/// What the parameter is called that limits the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenLimit {
    MaxTokens,
    MaxCompletionTokens,
}

/// A parameter that can be asked for differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    Structure,
    TokenLimit,
    Seed,
    Temperature,
}

impl Dialect {
    const RICHEST: Dialect =
        Dialect { structure: Structure::JsonSchema, token_limit: TokenLimit::MaxTokens, seed: true, temperature: true };

    /// The dialect to try when the parameter was refused; itself when there is no other way.
    fn without(mut self, refused: Parameter) -> Dialect {
        match refused {
            Parameter::Structure if self.structure == Structure::JsonSchema => self.structure = Structure::JsonObject,
            Parameter::Structure => self.structure = Structure::Prompt,
            Parameter::TokenLimit => self.token_limit = TokenLimit::MaxCompletionTokens,
            Parameter::Seed => self.seed = false,
            Parameter::Temperature => self.temperature = false,
        }
        self
    }

    /// The parameter as this dialect sends it.
    pub(super) fn spelling(self, parameter: Parameter) -> &'static str {
        match (parameter, self.structure, self.token_limit) {
            (Parameter::Structure, Structure::JsonSchema, _) => "response_format json_schema",
            (Parameter::Structure, ..) => "response_format json_object",
            (Parameter::TokenLimit, _, TokenLimit::MaxTokens) => "max_tokens",
            (Parameter::TokenLimit, ..) => "max_completion_tokens",
            (Parameter::Seed, ..) => "seed",
            (Parameter::Temperature, ..) => "temperature",
        }
    }

    /// The parameter that a complaint is about, if this dialect sent it and another does not.
    pub(super) fn refused_parameter(self, complaint: &Complaint, wants_structure: bool) -> Option<Parameter> {
        let about = complaint.text.to_lowercase();
        let names = |parameter: &str| complaint.parameter.as_deref() == Some(parameter);
        let mentions = |words: &[&str]| words.iter().any(|word| about.contains(word));
        let unsupported = complaint.code.as_deref().is_some_and(|code| code.starts_with("unsupported_")) || mentions(UNSUPPORTED);

        let sends_max_tokens = self.token_limit == TokenLimit::MaxTokens;
        if sends_max_tokens && unsupported && (names("max_tokens") || mentions(&["max_completion_tokens"])) {
            return Some(Parameter::TokenLimit);
        }
        let asks_for_structure = wants_structure && self.structure != Structure::Prompt;
        if asks_for_structure && (names("response_format") || mentions(STRUCTURED_OUTPUT)) {
            return Some(Parameter::Structure);
        }
        if self.seed && unsupported && (names("seed") || mentions(&["seed"])) {
            return Some(Parameter::Seed);
        }
        if self.temperature && unsupported && (names("temperature") || mentions(&["temperature"])) {
            return Some(Parameter::Temperature);
        }
        None
    }
}

/// Whether a complaint is about the schema that was sent: the endpoint takes others.
pub(super) fn refuses_schema(complaint: &Complaint) -> bool {
    complaint.code.as_deref() == Some("invalid_json_schema") || complaint.text.to_lowercase().contains("invalid schema")
}

/// Whether a complaint says nothing but that the request is bad, as Gemini's does about a schema that is too much for it.
pub(super) fn is_vague(complaint: &Complaint) -> bool {
    const WORDS: &[&str] = &[
        // Gemini
        "request contains an invalid argument",
        // OpenRouter, of whatever a provider said.
        "provider returned error",
        "invalid argument",
        "invalid request",
        "bad request",
    ];
    let text = complaint.text.to_lowercase();
    WORDS.contains(&text.trim().trim_end_matches('.'))
}

/// How servers say that they do not take a parameter, as opposed to its value.
const UNSUPPORTED: &[&str] = &[
    "unsupported",
    "not supported",
    "does not support",
    "doesn't support",
    "unrecognized",
    "unknown",
    "unexpected",
    "not permitted",
    "not allowed",
    "extra inputs",
    "extra fields",
    "only the default",
    "not implemented",
];

/// What servers call structured output when they refuse it.
const STRUCTURED_OUTPUT: &[&str] = &[
    "response_format",
    "response format",
    "json_schema",
    "json schema",
    "json_object",
    "json mode",
    // Gemini, about a keyword of the schema that it does not know.
    "response_schema",
    "response_json_schema",
    "additionalproperties",
    "guided",
    "grammar",
    // Ollama, where it cannot make a grammar for the model.
    "required for format",
    // llama.cpp, where it cannot make a grammar of the schema.
    "failed to initialize samplers",
    "structured output",
    "must contain the word 'json'",
];

/// Whether there is another wording to try for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Concession {
    /// There is, from now on for all requests.
    New,
    /// There is, since another request was refused.
    Made,
    /// There is none.
    Impossible,
}

/// What a client and its endpoint have agreed on.
#[derive(Debug)]
pub(super) struct Negotiation {
    dialect: Mutex<Dialect>,
    plain_settled: AtomicBool,
    structure_settled: AtomicBool,
    first: tokio::sync::Mutex<()>,
}

impl Default for Negotiation {
    fn default() -> Negotiation {
        Negotiation {
            dialect: Mutex::new(Dialect::RICHEST),
            plain_settled: AtomicBool::new(false),
            structure_settled: AtomicBool::new(false),
            first: tokio::sync::Mutex::new(()),
        }
    }
}

impl Negotiation {
    /// Waits a little while another request finds out what the endpoint takes. Keep the guard until the answer is there.
    pub(super) async fn turn(&self, wants_structure: bool) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if self.settled(wants_structure).load(Ordering::Acquire) {
            return None;
        }
        let turn = tokio::time::timeout(WAIT_FOR_FIRST_ANSWER, self.first.lock()).await.ok();
        turn.filter(|_| !self.settled(wants_structure).load(Ordering::Acquire))
    }

    pub(super) fn dialect(&self) -> Dialect {
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer came: the endpoint takes what it was sent.
    pub(super) fn settle(&self, wants_structure: bool) {
        self.settled(wants_structure).store(true, Ordering::Release);
    }

    /// A parameter was refused in a request worded as `sent`. An endpoint that has given a structured answer takes structured output: what it
    /// refuses later is one request's schema, and takes nothing away from the others.
    pub(super) fn concede(&self, sent: Dialect, refused: Parameter) -> Concession {
        let mut dialect = self.dialect.lock().unwrap_or_else(PoisonError::into_inner);
        if *dialect != sent {
            return Concession::Made;
        }
        if refused == Parameter::Structure && self.structure_settled.load(Ordering::Acquire) {
            return Concession::Impossible;
        }
        *dialect = sent.without(refused);
        if *dialect == sent { Concession::Impossible } else { Concession::New }
    }

    /// Another wording for a request of its own, where the refusal of what was `sent` may have another reason; `None` where there is none, or
    /// where the endpoint has given a structured answer. Nobody else's changes before that one is answered: see [`Negotiation::adopt`].
    pub(super) fn guess(&self, sent: Dialect, refused: Parameter) -> Option<Dialect> {
        let agreed = self.dialect();
        if agreed.structure > sent.structure {
            return Some(agreed);
        }
        let is_settled = refused == Parameter::Structure && self.structure_settled.load(Ordering::Acquire);
        Some(sent.without(refused)).filter(|other| *other != sent && !is_settled)
    }

    /// A structured answer came to a wording that one request tried for itself: all ask for it in that way from now on. Whether that is new.
    pub(super) fn adopt(&self, tried: Dialect) -> bool {
        let mut dialect = self.dialect.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = tried.structure > dialect.structure && !self.structure_settled.load(Ordering::Acquire);
        if is_new {
            dialect.structure = tried.structure;
        }
        is_new
    }

    fn settled(&self, wants_structure: bool) -> &AtomicBool {
        if wants_structure { &self.structure_settled } else { &self.plain_settled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, parameter: Option<&str>) -> Option<Parameter> {
        let complaint = Complaint { text: text.to_owned(), parameter: parameter.map(str::to_owned), ..Complaint::default() };
        Dialect::RICHEST.refused_parameter(&complaint, true)
    }

    #[test]
    fn complaints_about_parameters_are_told_from_complaints_about_values() {
        use Parameter::{Seed, Structure, Temperature, TokenLimit};
        let instead = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        for (text, parameter, expected) in [
            (instead, Some("max_tokens"), Some(TokenLimit)),
            ("max_tokens is too large: 4096. This model supports at most 2048 completion tokens", Some("max_tokens"), None),
            ("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model", None, Some(Structure)),
            ("guided_json requires a newer engine", None, Some(Structure)),
            ("Unknown name \"additionalProperties\" at 'generation_config.response_schema': Cannot find field.", None, Some(Structure)),
            ("Failed to initialize samplers: std::exception", None, Some(Structure)),
            ("Failed to create new sequence: failed to load model vocabulary required for format", None, Some(Structure)),
            ("'temperature' does not support 0.5 with this model. Only the default (1) value is supported", None, Some(Temperature)),
            ("temperature must be at most 2", Some("temperature"), None),
            ("body.seed: Extra inputs are not permitted", Some("seed"), Some(Seed)),
            ("Invalid schema for response_format 'answer': 'minimum' is not permitted.", Some("response_format"), Some(Structure)),
            ("the image is broken", None, None),
        ] {
            assert_eq!(refused(text, parameter), expected, "{text}");
        }
    }

    #[test]
    fn every_parameter_is_conceded_in_the_end() {
        let negotiation = Negotiation::default();
        let mut requests = 1;
        while negotiation.concede(negotiation.dialect(), Parameter::Structure) == Concession::New {
            requests += 1;
        }
        assert_eq!((requests, negotiation.dialect().structure), (3, Structure::Prompt));
    }

    #[test]
    fn an_endpoint_that_took_one_schema_takes_structured_output() {
        let negotiation = Negotiation::default();
        negotiation.settle(false);
        assert_eq!(negotiation.concede(negotiation.dialect(), Parameter::Structure), Concession::New);
        negotiation.settle(true);
        assert_eq!(negotiation.concede(negotiation.dialect(), Parameter::Structure), Concession::Impossible);
        assert_eq!(negotiation.dialect().structure, Structure::JsonObject);
        assert_eq!(negotiation.concede(negotiation.dialect(), Parameter::Seed), Concession::New);
    }

    #[test]
    fn a_guess_is_everybodys_once_it_is_answered() {
        let negotiation = Negotiation::default();
        let object = negotiation.guess(Dialect::RICHEST, Parameter::Structure).unwrap();
        let prompt = negotiation.guess(object, Parameter::Structure).unwrap();
        assert_eq!((object.structure, prompt.structure), (Structure::JsonObject, Structure::Prompt));
        assert_eq!(negotiation.guess(prompt, Parameter::Structure), None);
        assert_eq!(negotiation.dialect(), Dialect::RICHEST);
        assert!(negotiation.adopt(object));
        negotiation.settle(true);
        assert!(!negotiation.adopt(prompt));
        assert_eq!(negotiation.dialect(), object);
        // What was on its way is asked again as agreed; what was asked so already is bad itself.
        assert_eq!(negotiation.guess(Dialect::RICHEST, Parameter::Structure), Some(object));
        assert_eq!(negotiation.guess(object, Parameter::Structure), None);
    }

    #[test]
    fn only_a_complaint_without_a_subject_is_vague() {
        let is_vague = |text: &str| is_vague(&Complaint { text: text.to_owned(), ..Complaint::default() });
        assert!(is_vague("Request contains an invalid argument.") && is_vague("Provider returned error") && is_vague("Bad Request"));
        assert!(!is_vague("The image is broken.") && !is_vague("Invalid argument: the image is broken.") && !is_vague(""));
    }

    #[test]
    fn a_late_refusal_takes_nothing_more_away() {
        let negotiation = Negotiation::default();
        let sent = negotiation.dialect();
        assert_eq!(negotiation.concede(sent, Parameter::Structure), Concession::New);
        assert_eq!(negotiation.concede(sent, Parameter::Structure), Concession::Made);
        assert_eq!(negotiation.dialect().structure, Structure::JsonObject);
    }
}
