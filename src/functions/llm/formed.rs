//! A function that asks a model in one of its forms: the rows of a batch become requests, and what became of them a column.

use std::fmt;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use async_trait::async_trait;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarFunctionArgs;

use super::call::{Asked, Form, ModelCall, Results, RowCall, RowOutcome, RowRequest, RowState};
use super::options::{ModelOptions, OnError};
use super::outcome::{OutcomeRow, outcome_type};
use super::shared_outcomes::{Ended, Question, SharedOutcomes};
use crate::error::Error;
use crate::functions::arguments::Description;
use crate::functions::pure::{column, result_field};
use crate::model::ChatRequest;
use crate::model::outcome::{CallFailure, CallOutcome};
use crate::model::service::{ModelService, PreparedRequest};
use crate::model::spending::{BUDGET, STOPPED, UNUSABLE_ANSWER};

/// How many new requests are made for a usable answer.
const ANSWER_ATTEMPTS: u32 = 2;

/// How far the sample index of another request for the same answer is away: farther than anybody numbers the answers that are wanted.
const NEXT_ATTEMPT: u32 = 1 << 24;

/// A [`RowCall`] in one of its forms.
pub(super) struct FormedCall<C> {
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
    pub(super) fn new(description: &'static Description, form: Form, call: C) -> FormedCall<C> {
        let result = match form {
            Form::Value => call.value_type(),
            Form::Outcome => outcome_type(call.value_type()),
        };
        FormedCall { description, form, result, call }
    }

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

    /// Makes the request of a row, and another one while its answer is of no use.
    async fn ask(&self, mut request: RowRequest) -> Result<Ended> {
        let service = self.call.service();
        let (mut asked, mut calls) = (0, 0);
        let mut before: Option<RowOutcome> = None;
        loop {
            let mut outcome = service.call(&request.prepared).await?;
            asked += u32::from(!outcome.cached);
            calls += u32::from(outcome.attempts > 0);
            if let Some(before) = before {
                // The row was asked, answered and paid for: that its answer is of no use says more than that there is no other. An answer
                // whose use its reader judges is left for the next time, when it can be asked for once more.
                if let Some(reason) = not_asked_again(&outcome)
                    && self.value(&before).is_err()
                {
                    return Ok(Ended { row: RowOutcome { not_asked_again: Some(reason), ..before }, in_vain: false });
                }
                outcome.add_cost(&before.outcome);
            }
            let is_usable = self.is_usable(&request, &outcome);
            if asked >= ANSWER_ATTEMPTS || is_usable {
                // What a limit kept from being asked costs nothing, and may be let through later.
                let in_vain = outcome.result.as_ref().map_or_else(|failure| !matches!(failure.kind, BUDGET | STOPPED), |_| !is_usable);
                return Ok(Ended { row: RowOutcome { calls, ..RowOutcome::new(Some(request), outcome) }, in_vain });
            }
            let again = ChatRequest {
                sample_index: request.prepared.request.sample_index.wrapping_add(NEXT_ATTEMPT),
                ..request.prepared.request.as_ref().clone()
            };
            before = Some(RowOutcome { calls, ..RowOutcome::new(Some(request.clone()), outcome) });
            request.prepared = service.prepare(again);
        }
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

#[async_trait]
impl<C: RowCall> ModelCall for FormedCall<C> {
    fn name(&self) -> &'static str {
        self.description.name
    }

    fn result_type(&self) -> &DataType {
        &self.result
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

    async fn answer(&self, request: RowRequest, shared: &SharedOutcomes) -> Result<RowOutcome> {
        let name = self.description.name;
        let question = Question {
            function: name.strip_prefix("try_").unwrap_or(name),
            request_id: request.prepared.request_id.clone(),
            max_tokens: request.prepared.request.parameters.max_tokens,
        };
        let (row, is_own) = shared.get_or_ask(question, self.ask(request.clone())).await?;
        if is_own {
            return Ok(row);
        }
        Ok(RowOutcome { request: Some(request), outcome: self.call.service().share(row.outcome), calls: 0, ..row })
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
