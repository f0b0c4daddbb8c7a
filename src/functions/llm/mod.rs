//! Functions that ask a model. They cost money; each request and its answer is a row of `calls`.
//!
//! Every function comes twice: `llm_x` gives the answer and NULL where there is none, `try_llm_x` gives a struct with the
//! answer, what went wrong and what it cost. A failed request is a value of its row; the query goes on.

pub mod call;
mod call_options;
pub mod complete;
pub mod embed;
pub mod evolve;
pub mod filter;
mod formed;
pub mod function;
pub mod options;
mod outcome;
mod question;
mod schema;
pub mod score;
pub mod shared_outcomes;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

pub(crate) use crate::functions::arguments::Description;
use crate::model::Parameters;
use crate::model::service::ModelService;
use crate::prompt::PromptLibrary;

/// Everything the `llm_*` functions of a session work with.
#[derive(Debug, Clone)]
pub struct ModelSession {
    /// Answers `llm_complete`, `llm_filter` and `llm_evolve`.
    pub model: ModelService,
    /// Answers `llm_score`.
    pub judge: ModelService,
    /// Answers `llm_embed`.
    pub embedder: ModelService,
    /// The templates of the requests.
    pub prompts: Arc<PromptLibrary>,
    /// Sampling, where a call names none of its own.
    pub parameters: Parameters,
}

static DESCRIPTIONS: [&Description; 10] = [
    &complete::LLM_COMPLETE,
    &complete::TRY_LLM_COMPLETE,
    &filter::LLM_FILTER,
    &filter::TRY_LLM_FILTER,
    &embed::LLM_EMBED,
    &embed::TRY_LLM_EMBED,
    &evolve::LLM_EVOLVE,
    &evolve::TRY_LLM_EVOLVE,
    &score::LLM_SCORE,
    &score::TRY_LLM_SCORE,
];

/// The function that asks a model under a name of its own or one that other engines use.
pub(crate) fn description(name: &str) -> Option<&'static Description> {
    DESCRIPTIONS.into_iter().find(|description| description.name == name || aliases(description.name).iter().any(|alias| alias == name))
}

/// Names under which other engines know a function.
fn aliases(name: &str) -> Vec<String> {
    let aliases: &[&str] = match name {
        "llm_complete" => &["ai", "prompt"],
        "try_llm_complete" => &["try_ai", "try_prompt"],
        "llm_embed" => &["embed"],
        "try_llm_embed" => &["try_embed"],
        _ => &[],
    };
    aliases.iter().map(|alias| (*alias).to_owned()).collect()
}

/// The functions that ask a model; without one, functions of the same names that refuse at plan time.
pub fn model_functions(session: Option<Arc<ModelSession>>) -> Vec<ScalarUDF> {
    use call::Form::{Outcome, Value};
    match session {
        Some(session) => vec![
            function::asking(&complete::LLM_COMPLETE, Value, complete::Complete(Arc::clone(&session))),
            function::asking(&complete::TRY_LLM_COMPLETE, Outcome, complete::Complete(Arc::clone(&session))),
            function::asking(&filter::LLM_FILTER, Value, filter::Filter(Arc::clone(&session))),
            function::asking(&filter::TRY_LLM_FILTER, Outcome, filter::Filter(Arc::clone(&session))),
            function::asking(&embed::LLM_EMBED, Value, embed::Embed(Arc::clone(&session))),
            function::asking(&embed::TRY_LLM_EMBED, Outcome, embed::Embed(Arc::clone(&session))),
            function::asking(&evolve::LLM_EVOLVE, Value, evolve::Evolve(Arc::clone(&session))),
            function::asking(&evolve::TRY_LLM_EVOLVE, Outcome, evolve::Evolve(Arc::clone(&session))),
            function::asking(&score::LLM_SCORE, Value, score::Score(Arc::clone(&session))),
            function::asking(&score::TRY_LLM_SCORE, Outcome, score::Score(session)),
        ],
        None => DESCRIPTIONS.into_iter().map(function::refused).collect(),
    }
}
