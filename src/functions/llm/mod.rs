//! Functions that ask a model. They cost money; each request and its answer is a row of `calls`.
//!
//! Every function comes twice: `llm_x` gives the answer and NULL where there is none, `try_llm_x` gives a struct with the
//! answer, what went wrong and what it cost. A failed request is a value of its row; the query goes on.

mod call;
pub mod evolve;
mod refused;
pub mod score;

use std::sync::Arc;

use datafusion::logical_expr::{Documentation, ScalarUDF};

use crate::functions::arguments::Description;
use crate::model::Parameters;
use crate::model::service::ModelService;
use crate::prompt::PromptLibrary;

/// Everything the `llm_*` functions of a session work with.
#[derive(Debug, Clone)]
pub struct ModelSession {
    /// Answers `llm_evolve`.
    pub model: ModelService,
    /// Answers `llm_score`.
    pub judge: ModelService,
    pub prompts: Arc<PromptLibrary>,
    pub parameters: Parameters,
}

static DESCRIPTIONS: [&Description; 4] = [&evolve::LLM_EVOLVE, &evolve::TRY_LLM_EVOLVE, &score::LLM_SCORE, &score::TRY_LLM_SCORE];

/// The documentation of a function that asks a model: the engine's wrapper of asynchronous functions does not pass it on.
pub fn documentation(name: &str) -> Option<Documentation> {
    DESCRIPTIONS.into_iter().find(|description| description.name == name).map(Description::documentation)
}

/// The functions that ask a model; without one, functions of the same names that refuse at plan time.
pub fn model_functions(session: Option<Arc<ModelSession>>) -> Vec<ScalarUDF> {
    match session {
        Some(session) => vec![
            call::function(&evolve::LLM_EVOLVE, call::Form::Value, evolve::Evolve(Arc::clone(&session))),
            call::function(&evolve::TRY_LLM_EVOLVE, call::Form::Outcome, evolve::Evolve(Arc::clone(&session))),
            call::function(&score::LLM_SCORE, call::Form::Value, score::Score(Arc::clone(&session))),
            call::function(&score::TRY_LLM_SCORE, call::Form::Outcome, score::Score(session)),
        ],
        None => DESCRIPTIONS.into_iter().map(refused::function).collect(),
    }
}
