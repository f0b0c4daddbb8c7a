//! The frame of a function that asks a model: rows in, one request each, answers or outcomes out, in order.

use std::fmt;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use async_trait::async_trait;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::functions::arguments::Description;
use crate::functions::pure::{column, result_field};
use crate::model::ChatRequest;
use crate::model::service::{CallOutcome, ModelService};

/// How many rows of a batch wait for their answers at once. The model's own limiter decides how many are sent.
const ROWS_IN_FLIGHT: usize = 1024;

/// What a function gives back for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// The answer's text, NULL where there is none.
    Value,
    /// A struct of the answer, the error and the cost.
    Outcome,
}

impl Form {
    fn result(self) -> DataType {
        match self {
            Form::Value => DataType::Utf8,
            Form::Outcome => outcome_type(),
        }
    }
}

/// Asks a model for one row.
pub trait RowCall: Send + Sync + 'static {
    /// The arguments of a row, by parameter name.
    type Row: DeserializeOwned + Send;

    /// The outcome, or `None` for a row whose arguments make no request.
    fn call(&self, row: Self::Row) -> impl Future<Output = crate::Result<Option<PromptedOutcome>>> + Send;
}

/// How many new requests are made for a usable answer.
const ANSWER_ATTEMPTS: u32 = 2;

/// Makes a request, and makes it again under the next sample index while the answer is no use. Answers of earlier calls are passed over
/// without cost; a request that failed was retried below already.
pub async fn ask_until_usable(
    service: &ModelService,
    request: &mut ChatRequest,
    usable: impl Fn(&str) -> bool,
) -> crate::Result<CallOutcome> {
    let mut asked = 0;
    loop {
        let outcome = service.call(request).await?;
        asked += u32::from(!outcome.cached);
        let done = outcome.result.as_ref().map_or(true, |answer| usable(&answer.text));
        if done || asked >= ANSWER_ATTEMPTS {
            return Ok(outcome);
        }
        request.sample_index += 1;
    }
}

/// An outcome with the model that was asked and the prompt that was used.
#[derive(Debug, Clone)]
pub struct PromptedOutcome {
    pub model: String,
    pub prompt_id: String,
    pub outcome: CallOutcome,
}

/// The outcome of a call as a SQL struct.
#[derive(Serialize)]
struct OutcomeRow {
    value: Option<String>,
    error_kind: Option<&'static str>,
    error: Option<String>,
    attempts: u32,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    cost_usd: Option<f64>,
    latency_ms: Option<u64>,
    cached: bool,
    request_id: Option<String>,
    finish_reason: Option<String>,
    model: String,
    prompt_id: String,
}

fn outcome_type() -> DataType {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let count = |name: &str| Field::new(name, DataType::Int64, true);
    DataType::Struct(
        vec![
            text("value"),
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

impl From<PromptedOutcome> for OutcomeRow {
    fn from(PromptedOutcome { model, prompt_id, outcome }: PromptedOutcome) -> Self {
        let (answer, failure) = match outcome.result {
            Ok(answer) => (Some(answer), None),
            Err(failure) => (None, Some(failure)),
        };
        let (value, finish_reason) = answer.map(|answer| (answer.text, answer.finish_reason)).unzip();
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
            request_id: outcome.request_id,
            finish_reason,
            model,
            prompt_id,
        }
    }
}

/// The SQL function that makes `call` for each row.
pub fn function<C: RowCall>(description: &'static Description, form: Form, call: C) -> ScalarUDF {
    let function = CallFunction {
        description,
        form,
        call: Arc::new(call),
        signature: Description::signature(Volatility::Volatile),
        documentation: description.documentation(),
    };
    AsyncScalarUDF::new(Arc::new(function)).into_scalar_udf()
}

struct CallFunction<C> {
    description: &'static Description,
    form: Form,
    call: Arc<C>,
    signature: Signature,
    documentation: Documentation,
}

impl<C: RowCall> ScalarUDFImpl for CallFunction<C> {
    fn name(&self) -> &str {
        self.description.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.description.check(arguments)?;
        Ok(self.form.result())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("{} is asynchronous and was called directly", self.description.name)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[async_trait]
impl<C: RowCall> AsyncScalarUDFImpl for CallFunction<C> {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (fields, arrays) = self.description.arguments(&args)?;
        let rows: Vec<C::Row> = self.description.rows(&fields, &arrays)?;
        let outcomes: Vec<Option<PromptedOutcome>> =
            futures::stream::iter(rows.into_iter().map(|row| self.call.call(row))).buffered(ROWS_IN_FLIGHT).try_collect().await?;
        let result = result_field(&self.form.result());
        let values = match self.form {
            Form::Value => column(outcomes.into_iter().map(|outcome| Some(outcome?.outcome.result.ok()?.text)), &result),
            Form::Outcome => column(outcomes.into_iter().map(|outcome| outcome.map(OutcomeRow::from)), &result),
        }?;
        Ok(ColumnarValue::Array(values))
    }
}

impl<C> fmt::Debug for CallFunction<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description.name)
    }
}

impl<C> PartialEq for CallFunction<C> {
    fn eq(&self, other: &Self) -> bool {
        self.description.name == other.description.name && Arc::ptr_eq(&self.call, &other.call)
    }
}

impl<C> Eq for CallFunction<C> {}

impl<C> Hash for CallFunction<C> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.description.name.hash(state);
    }
}
