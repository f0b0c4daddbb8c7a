//! The frame of a function that asks a model: a row becomes a request, its answer a value, and what went wrong is data of the row.
//!
//! Such a function cannot be evaluated like other functions: the planner takes it out of its expression and gives it a plan node of its
//! own (`query/model_calls`), which asks for many rows at once. What is here is what that node needs to know of a function.

use std::fmt;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use async_trait::async_trait;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarFunctionArgs;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::options::{ModelOptions, OnError};
use super::shared_outcomes::SharedOutcomes;
use crate::model::ChatRequest;
use crate::model::outcome::{Answer, CallFailure, CallOutcome};
use crate::model::service::{ModelService, PreparedRequest};
use crate::model::spending::BUDGET;

/// What a function gives back for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// The answer's value, NULL where there is none.
    Value,
    /// A struct of the value, the error and the cost.
    Outcome,
}

/// What a function asks for the arguments of a row.
pub enum Asked {
    /// The arguments make no request: the result is NULL.
    Nothing,
    /// The arguments make no request that could be sent, for this reason.
    Refused(CallFailure),
    /// This request, rendered from the prompt of that id.
    Request {
        /// What is sent.
        request: ChatRequest,
        /// `None` for a prompt that came with the row.
        prompt_id: Option<String>,
    },
}

/// A function that asks a model, row by row.
pub trait RowCall: Send + Sync + 'static {
    /// The arguments of a row, by parameter name.
    type Row: DeserializeOwned + Send;
    /// What an answer is read as.
    type Value: Serialize;

    /// The type of [`Self::Value`] in SQL.
    fn value_type(&self) -> DataType;

    /// Who answers.
    fn service(&self) -> &ModelService;

    /// What to ask for a row.
    ///
    /// # Errors
    /// What is wrong with the statement rather than with the row.
    fn ask(&self, row: Self::Row, options: &ModelOptions) -> crate::Result<Asked>;

    /// The value of an answer, or why it has none.
    fn value(&self, request: &ChatRequest, answer: &Answer) -> Result<Self::Value, CallFailure>;

    /// Whether an answer is of use. The request is made again, for another answer, while it is not.
    fn is_usable(&self, request: &ChatRequest, answer: &Answer) -> bool {
        self.value(request, answer).is_ok()
    }
}

/// The request of a row, ready to be made.
#[derive(Debug, Clone)]
pub struct RowRequest {
    pub(super) prepared: PreparedRequest,
    pub(super) prompt_id: Option<String>,
}

/// What is asked for a row: a request that is still to be made, or an outcome that is known already.
pub enum RowState {
    /// Nothing is left to ask; `None` where the result is NULL.
    Known(Option<RowOutcome>),
    /// To be made.
    Due(RowRequest),
}

/// What became of a row that was asked for.
#[derive(Debug, Clone)]
pub struct RowOutcome {
    pub(super) request: Option<RowRequest>,
    /// Cost, tokens and answer of the last request that was made for it.
    pub outcome: CallOutcome,
    /// Requests that were made for it, each with all its retries: a second one where the first answer was of no use. 0 where an earlier call
    /// or another row has its answer.
    pub calls: u32,
    /// Why no other answer was asked for, although this one is of no use.
    pub(super) not_asked_again: Option<String>,
}

impl RowOutcome {
    pub(super) fn new(request: Option<RowRequest>, outcome: CallOutcome) -> RowOutcome {
        RowOutcome { request, calls: u32::from(outcome.attempts > 0), outcome, not_asked_again: None }
    }

    /// Whether a request for it was not made because of a limit, or because the command was told to stop after another one.
    pub fn is_over_limit(&self) -> bool {
        self.not_asked_again.is_some() || self.outcome.result.as_ref().is_err_and(|failure| failure.kind == BUDGET)
    }
}

/// The results of some rows as a column.
pub struct Results {
    /// One value a row, in order; NULL where there is none.
    pub values: ArrayRef,
    /// Rows that have no value because something failed.
    pub failed: usize,
}

/// A function that asks a model, as a plan node sees it.
#[async_trait]
pub trait ModelCall: fmt::Debug + Send + Sync {
    /// The function's name in SQL.
    fn name(&self) -> &'static str;

    /// The type of its results.
    fn result_type(&self) -> &DataType;

    /// Who answers.
    fn service(&self) -> &ModelService;

    /// What to ask for each row. Rows that were answered by earlier calls are looked up together.
    async fn prepare(&self, args: ScalarFunctionArgs) -> Result<Vec<RowState>>;

    /// Makes the request of a row, again while its answer is of no use. Attempts, tokens and cost are those of all requests together. A row whose
    /// question is among those of its query (`shared`) gets what became of that.
    async fn answer(&self, request: RowRequest, shared: &SharedOutcomes) -> Result<RowOutcome>;

    /// The column of the rows' results.
    ///
    /// # Errors
    /// The first failure, where `on_error` is [`OnError::Fail`] and failures are not values.
    fn results(&self, rows: &[Option<RowOutcome>], on_error: OnError) -> Result<Results>;
}
