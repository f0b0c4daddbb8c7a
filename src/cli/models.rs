//! The flags that name models, shared by the commands that ask them.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::error::{Error, Result};
use crate::model::lexical::LexicalModel;
use crate::model::limits::Limits;
use crate::model::openai::{ApiKey, DEFAULT_BASE_URL, OpenAiModel};
use crate::model::prices::PriceTable;
use crate::model::rules::RulesModel;
use crate::model::{ChatModel, Parameters};
use crate::prompt::PromptLibrary;

/// Environment variable with the key of the endpoint; there is no flag, so that keys stay out of shell histories.
const API_KEY: &str = "OPENAI_API_KEY";

#[derive(Debug, Args)]
#[command(next_help_heading = "Models")]
pub struct ModelArguments {
    /// The model: 'rules' (embedded, rule-based, free) or the name of a model at the endpoint.
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// The model that judges [default: the same].
    #[arg(long, value_name = "NAME")]
    pub judge: Option<String>,
    #[command(flatten)]
    endpoint: EndpointArguments,
    /// Longest answer, in tokens.
    #[arg(long, value_name = "N", default_value_t = Parameters::default().max_tokens, value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: u32,
    /// Sampling temperature.
    #[arg(long, value_name = "T", default_value_t = Parameters::default().temperature, value_parser = temperature)]
    temperature: f64,
    /// Seed of the draws and of the requests.
    #[arg(long, value_name = "N", default_value_t = Parameters::default().seed)]
    seed: i64,
    /// Prompts of your own in place of the embedded ones, by file name; see 'mmevol prompts list'.
    #[arg(long, value_name = "DIR")]
    prompts: Option<PathBuf>,
    #[command(flatten)]
    pub spending: SpendingArguments,
}

/// Where models answer, and how fast they may be asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Models")]
pub struct EndpointArguments {
    /// The OpenAI-compatible endpoint; its key is read from OPENAI_API_KEY.
    #[arg(long, value_name = "URL", env = "OPENAI_BASE_URL")]
    base_url: Option<String>,
    /// Requests in flight at most.
    #[arg(long, value_name = "N")]
    concurrency: Option<NonZeroUsize>,
    /// Requests per minute at most.
    #[arg(long, value_name = "N")]
    rpm: Option<NonZeroU32>,
    /// Tokens per minute at most.
    #[arg(long, value_name = "N")]
    tpm: Option<NonZeroU32>,
    /// Seconds until a request is given up and tried again.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
}

/// What may be spent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Models")]
pub struct SpendingArguments {
    /// Prices of your own (TOML) on top of the embedded ones.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// New model calls at most.
    #[arg(long, value_name = "N")]
    pub max_calls: Option<u64>,
    /// Start no new call once this much is spent.
    #[arg(long, value_name = "USD", value_parser = amount)]
    pub budget_usd: Option<f64>,
}

/// For the commands that can ask for vectors.
#[derive(Debug, Args)]
#[command(next_help_heading = "Models")]
pub struct EmbeddingArguments {
    /// The model that embeds: 'lexical' (embedded, compares words and letters, free) or the name of a model at the endpoint [default: the
    /// same, or 'lexical' with 'rules'].
    #[arg(long, value_name = "NAME")]
    embedding_model: Option<String>,
}

fn temperature(text: &str) -> std::result::Result<f64, String> {
    text.parse().ok().filter(|degree| Parameters::TEMPERATURES.contains(degree)).ok_or_else(|| "a number from 0 to 2 is needed".to_owned())
}

/// Not NaN, which no amount that was spent is larger than.
fn amount(text: &str) -> std::result::Result<f64, String> {
    let amount = text.parse().ok().filter(|amount: &f64| amount.is_finite() && *amount >= 0.0);
    amount.ok_or_else(|| "an amount of dollars from 0 is needed".to_owned())
}

impl EmbeddingArguments {
    /// The model that embeds, beside a model of name `model`. It is a client of its own even for the same model, which may well answer chat
    /// requests and no others.
    pub fn embedder(&self, model: &str, arguments: &ModelArguments) -> Result<Arc<dyn ChatModel>> {
        match self.embedding_model.as_deref().unwrap_or(model) {
            RulesModel::NAME => Ok(Arc::new(LexicalModel)),
            name => arguments.chat_model(name),
        }
    }
}

impl EndpointArguments {
    /// The model of that name, to be asked.
    pub fn chat_model(&self, name: &str) -> Result<Arc<dyn ChatModel>> {
        let is_embedded = [RulesModel::NAME, LexicalModel::NAME].contains(&name);
        if !is_embedded && api_key().is_none() && self.base_url() == DEFAULT_BASE_URL {
            return Err(Error::Argument {
                name: format!("model '{name}'"),
                message: format!("{DEFAULT_BASE_URL} wants a key and {API_KEY} is not set"),
                hints: vec![format!("set {API_KEY}, or name another endpoint with --base-url, or use --model rules")],
            });
        }
        self.unasked_model(name)
    }

    /// The model of that name, of which a plan says what it would be asked: that needs no key.
    pub fn unasked_model(&self, name: &str) -> Result<Arc<dyn ChatModel>> {
        match name {
            RulesModel::NAME => return Ok(Arc::new(RulesModel)),
            LexicalModel::NAME => return Ok(Arc::new(LexicalModel)),
            _ => {}
        }
        let limits = Limits { concurrency: self.concurrency, requests_per_minute: self.rpm, tokens_per_minute: self.tpm };
        let model = OpenAiModel::builder(name)
            .base_url(self.base_url())
            .api_key(api_key())
            .limits(limits)
            .request_timeout(Duration::from_secs(self.timeout))
            .build()
            .map_err(|cause| Error::argument("--base-url", cause.to_string()))?;
        Ok(Arc::new(model))
    }

    fn base_url(&self) -> &str {
        self.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL)
    }
}

fn api_key() -> Option<ApiKey> {
    std::env::var(API_KEY).ok().as_deref().and_then(ApiKey::new)
}

impl ModelArguments {
    /// The model of that name, to be asked.
    pub fn chat_model(&self, name: &str) -> Result<Arc<dyn ChatModel>> {
        self.endpoint.chat_model(name)
    }

    /// The model of that name, of which a plan says what it would be asked.
    pub fn unasked_model(&self, name: &str) -> Result<Arc<dyn ChatModel>> {
        self.endpoint.unasked_model(name)
    }

    pub fn parameters(&self) -> Parameters {
        Parameters { temperature: self.temperature, max_tokens: self.max_tokens, seed: self.seed }
    }

    pub fn prompt_library(&self) -> Result<PromptLibrary> {
        Ok(PromptLibrary::of(self.prompts.as_deref())?)
    }
}

impl SpendingArguments {
    pub fn price_table(&self) -> Result<PriceTable> {
        match &self.prices {
            Some(path) => PriceTable::load(path).map_err(|cause| Error::argument("--prices", cause.to_string())),
            None => Ok(PriceTable::embedded()),
        }
    }
}
