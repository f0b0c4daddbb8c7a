//! The frame of a function that asks a model: a row becomes a request, its answer a value, and what went wrong is data of the row.
//!
//! Such a function cannot be evaluated like other functions: the planner takes it out of its expression and gives it a plan node of its
//! own (`query/calls`), which asks for many rows at once. What is here is what that node needs to know of a function.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use async_trait::async_trait;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::aliases;
use super::options::{ModelOptions, OnError};
use crate::error::Error;
use crate::functions::arguments::Description;
use crate::functions::pure::{column, result_field};
use crate::model::ChatRequest;
use crate::model::service::{Answer, BUDGET, CallFailure, CallOutcome, ModelService, PreparedRequest, STOPPED, UNUSABLE_ANSWER};

/// How many new requests are made for a usable answer.
const ANSWER_ATTEMPTS: u32 = 2;

/// How far the sample index of another request for the same answer is away: farther than anybody numbers the answers that are wanted.
const NEXT_ATTEMPT: u32 = 1 << 24;

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
    prepared: PreparedRequest,
    prompt_id: Option<String>,
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
    request: Option<RowRequest>,
    /// Cost, tokens and answer of the last request that was made for it.
    pub outcome: CallOutcome,
    /// Why no other answer was asked for, although this one is of no use.
    not_asked_again: Option<String>,
}

impl RowOutcome {
    fn new(request: Option<RowRequest>, outcome: CallOutcome) -> RowOutcome {
        RowOutcome { request, outcome, not_asked_again: None }
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

    /// Who answers.
    fn service(&self) -> &ModelService;

    /// What to ask for each row. Rows that were answered by earlier calls are looked up together.
    async fn prepare(&self, args: ScalarFunctionArgs) -> Result<Vec<RowState>>;

    /// Makes the request of a row, again while its answer is of no use. Attempts, tokens and cost are those of all requests together.
    async fn answer(&self, request: RowRequest) -> Result<RowOutcome>;

    /// The column of the rows' results.
    ///
    /// # Errors
    /// The first failure, where `on_error` is [`OnError::Fail`] and failures are not values.
    fn results(&self, rows: &[Option<RowOutcome>], on_error: OnError) -> Result<Results>;
}

/// The call that a SQL function stands for, if it asks a model.
pub fn model_call(function: &ScalarUDF) -> Option<Arc<dyn ModelCall>> {
    function.inner().downcast_ref::<ModelFunction>().map(|function| Arc::clone(&function.call))
}

/// The SQL function that makes `call` for each row.
pub fn function<C: RowCall>(description: &'static Description, form: Form, call: C) -> ScalarUDF {
    let value_type = call.value_type();
    let result = match form {
        Form::Value => value_type,
        Form::Outcome => outcome_type(value_type),
    };
    ScalarUDF::new_from_impl(ModelFunction {
        description,
        aliases: aliases(description.name),
        signature: Description::signature(Volatility::Volatile),
        documentation: description.documentation(),
        result: result.clone(),
        call: Arc::new(FormedCall { description, form, result, call }),
    })
}

/// What the engine sees: a volatile function that only a plan node can evaluate.
#[derive(Debug)]
struct ModelFunction {
    description: &'static Description,
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
    result: DataType,
    call: Arc<dyn ModelCall>,
}

impl ScalarUDFImpl for ModelFunction {
    fn name(&self) -> &str {
        self.description.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.description.check(arguments)?;
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(Error::Sql {
            message: format!("{} cannot be called in this place", self.description.name),
            position: None,
            hints: vec!["compute it in a subquery, and use its result here".into()],
        }
        .into())
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl PartialEq for ModelFunction {
    fn eq(&self, other: &Self) -> bool {
        self.description.name == other.description.name && Arc::ptr_eq(&self.call, &other.call)
    }
}

impl Eq for ModelFunction {}

impl Hash for ModelFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.description.name.hash(state);
    }
}

/// A [`RowCall`] in one of its forms.
struct FormedCall<C> {
    description: &'static Description,
    form: Form,
    result: DataType,
    call: C,
}

impl<C> fmt::Debug for FormedCall<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description.name)
    }
}

impl<C: RowCall> FormedCall<C> {
    fn is_usable(&self, request: &RowRequest, outcome: &CallOutcome) -> bool {
        outcome.result.as_ref().map_or(true, |answer| self.call.is_usable(&request.prepared.request, answer))
    }

    /// The arguments of each row. What cannot be read, such as a box of three numbers, is an error of its row.
    fn rows(&self, fields: &[FieldRef], arrays: &[ArrayRef], count: usize) -> Vec<Result<C::Row, CallFailure>> {
        if let Ok(rows) = self.description.rows(fields, arrays) {
            return rows.into_iter().map(Ok).collect();
        }
        let row = |number: usize| {
            let row: Vec<ArrayRef> = arrays.iter().map(|array| array.slice(number, 1)).collect();
            let read = self.description.rows::<C::Row>(fields, &row).map(|rows| rows.into_iter().next());
            let failure = |message: String| CallFailure { kind: "argument", message };
            read.map_err(|cause| failure(cause.to_string()))?.ok_or_else(|| failure("an argument has no value".into()))
        };
        (0..count).map(row).collect()
    }

    fn value(&self, row: &RowOutcome) -> Result<C::Value, CallFailure> {
        let answer = row.outcome.result.as_ref().map_err(Clone::clone)?;
        let value = match &row.request {
            Some(request) => self.call.value(&request.prepared.request, answer),
            None => Err(CallFailure { kind: "internal", message: "an answer without a request".into() }),
        };
        value.map_err(|failure| match &row.not_asked_again {
            Some(reason) => CallFailure { message: format!("{}; {reason}", failure.message), ..failure },
            None => failure,
        })
    }
}

#[async_trait]
impl<C: RowCall> ModelCall for FormedCall<C> {
    fn name(&self) -> &'static str {
        self.description.name
    }

    fn service(&self) -> &ModelService {
        self.call.service()
    }

    async fn prepare(&self, args: ScalarFunctionArgs) -> Result<Vec<RowState>> {
        let service = self.call.service();
        let options = ModelOptions::of(&args.config_options);
        if service.spending.is_stopped() {
            // What is not begun yet costs nothing, neither a request nor the making of one.
            let stopped = || RowOutcome::new(None, CallOutcome::failed(None, service.spending.refuse_stopped()));
            return Ok((0..args.number_rows).map(|_| RowState::Known(Some(stopped()))).collect());
        }
        let (fields, arrays) = self.description.arguments(&args)?;
        let rows: Vec<Result<C::Row, CallFailure>> = self.rows(&fields, &arrays, args.number_rows);
        let mut states = Vec::with_capacity(rows.len());
        for row in rows {
            let asked = match row {
                Ok(row) => self.call.ask(row, &options)?,
                Err(failure) => Asked::Refused(failure),
            };
            states.push(match asked {
                Asked::Nothing => RowState::Known(None),
                Asked::Refused(failure) => RowState::Known(Some(RowOutcome::new(None, CallOutcome::failed(None, failure)))),
                Asked::Request { request, prompt_id } => RowState::Due(RowRequest { prepared: service.prepare(request), prompt_id }),
            });
        }
        let due: Vec<&PreparedRequest> =
            states.iter().filter_map(|state| if let RowState::Due(request) = state { Some(&request.prepared) } else { None }).collect();
        let mut cached = service.cached(&due).await?.into_iter();
        for state in &mut states {
            let RowState::Due(request) = state else { continue };
            // An answer that is of no use is not taken: the row goes on to ask for another one.
            if let Some(outcome) = cached.next().flatten().filter(|outcome| self.is_usable(request, outcome)) {
                service.spending.count_cached(1);
                *state = RowState::Known(Some(RowOutcome::new(Some(request.clone()), outcome)));
            }
        }
        Ok(states)
    }

    async fn answer(&self, mut request: RowRequest) -> Result<RowOutcome> {
        let service = self.call.service();
        let mut asked = 0;
        let mut before: Option<RowOutcome> = None;
        loop {
            let mut outcome = service.call(&request.prepared).await?;
            asked += u32::from(!outcome.cached);
            if let Some(before) = before {
                // The row was asked, answered and paid for: that its answer is of no use says more than that there is no other. An answer
                // whose use its reader judges is left for the next time, when it can be asked for once more.
                if let Some(reason) = not_asked_again(&outcome)
                    && self.value(&before).is_err()
                {
                    return Ok(RowOutcome { not_asked_again: Some(reason), ..before });
                }
                outcome.add_cost(&before.outcome);
            }
            if asked >= ANSWER_ATTEMPTS || self.is_usable(&request, &outcome) {
                return Ok(RowOutcome::new(Some(request), outcome));
            }
            let again = ChatRequest {
                sample_index: request.prepared.request.sample_index.wrapping_add(NEXT_ATTEMPT),
                ..request.prepared.request.as_ref().clone()
            };
            before = Some(RowOutcome::new(Some(request.clone()), outcome));
            request.prepared = service.prepare(again);
        }
    }

    fn results(&self, rows: &[Option<RowOutcome>], on_error: OnError) -> Result<Results> {
        let field = result_field(&self.result);
        let mut failed = 0;
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(row) = row else {
                values.push(None);
                continue;
            };
            let value = self.value(row);
            failed += usize::from(value.is_err());
            let spending = &self.call.service().spending;
            match (&value, self.form) {
                (Err(failure), Form::Value) if on_error == OnError::Fail => return Err(self.raised(failure).into()),
                (Err(failure), Form::Value) => spending.count_unanswered(failure),
                // Calls that failed and requests that were not made are counted as such.
                (Err(failure), Form::Outcome) if failure.kind == UNUSABLE_ANSWER => spending.count_unusable(failure),
                _ => {}
            }
            values.push(Some((row, value)));
        }
        let values = match self.form {
            Form::Value => column(values.into_iter().map(|row| row.and_then(|(_, value)| value.ok())), &field),
            Form::Outcome => {
                let model = self.call.service().model.name();
                column(values.into_iter().map(|row| row.map(|(row, value)| OutcomeRow::new(model, row, value))), &field)
            }
        }?;
        Ok(Results { values, failed })
    }
}

/// Why a request for another answer was not made; `None` if it was.
fn not_asked_again(outcome: &CallOutcome) -> Option<String> {
    let failure = outcome.result.as_ref().err().filter(|failure| matches!(failure.kind, BUDGET | STOPPED))?;
    Some(failure.message.replacen("not asked", "not asked again", 1))
}

impl<C: RowCall> FormedCall<C> {
    fn raised(&self, failure: &CallFailure) -> Error {
        let name = self.description.name;
        Error::Sql {
            message: format!("{name} failed on a row: {}: {}", failure.kind, failure.message),
            position: None,
            hints: vec![format!(
                "what came back is kept in calls; SET mmevol.on_error = 'null' goes on, try_{name} gives errors as values"
            )],
        }
    }
}

/// The outcome of a call as a SQL struct.
#[derive(Serialize)]
struct OutcomeRow<'a, V> {
    value: Option<V>,
    error_kind: Option<&'static str>,
    error: Option<String>,
    attempts: u32,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    cost_usd: Option<f64>,
    latency_ms: Option<u64>,
    cached: bool,
    request_id: Option<&'a str>,
    finish_reason: Option<&'a str>,
    model: &'a str,
    prompt_id: Option<&'a str>,
}

impl<'a, V> OutcomeRow<'a, V> {
    fn new(model: &'a str, row: &'a RowOutcome, value: Result<V, CallFailure>) -> Self {
        let outcome = &row.outcome;
        let (value, failure) = match value {
            Ok(value) => (Some(value), None),
            Err(failure) => (None, Some(failure)),
        };
        let (error_kind, error) = failure.map(|failure| (failure.kind, failure.message)).unzip();
        OutcomeRow {
            value,
            error_kind,
            error,
            attempts: outcome.attempts,
            prompt_tokens: outcome.prompt_tokens,
            completion_tokens: outcome.completion_tokens,
            cost_usd: outcome.cost_usd,
            latency_ms: outcome.latency_ms,
            cached: outcome.cached,
            request_id: outcome.request_id.as_deref(),
            finish_reason: outcome.result.as_ref().ok().map(|answer| answer.finish_reason.as_str()),
            model,
            prompt_id: row.request.as_ref().and_then(|request| request.prompt_id.as_deref()),
        }
    }
}

fn outcome_type(value: DataType) -> DataType {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let count = |name: &str| Field::new(name, DataType::Int64, true);
    DataType::Struct(
        vec![
            Field::new("value", value, true),
            text("error_kind"),
            text("error"),
            count("attempts"),
            count("prompt_tokens"),
            count("completion_tokens"),
            Field::new("cost_usd", DataType::Float64, true),
            count("latency_ms"),
            Field::new("cached", DataType::Boolean, true),
            text("request_id"),
            text("finish_reason"),
            text("model"),
            text("prompt_id"),
        ]
        .into(),
    )
}
