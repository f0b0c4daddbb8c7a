//! What the engine sees of a function that asks a model: a volatile function that only a plan node can evaluate. In a session that has no model
//! it is listed and documented, and refused when a query is planned.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::aliases;
use super::call::{Form, ModelCall, RowCall};
use super::formed::FormedCall;
use crate::error::Error;
use crate::functions::arguments::Description;

/// The call that a SQL function stands for, if it asks a model.
pub fn model_call(function: &ScalarUDF) -> Option<Arc<dyn ModelCall>> {
    function.inner().downcast_ref::<ModelFunction>().and_then(|function| function.call.clone())
}

/// The SQL function that makes `call` for each row.
pub fn asking<C: RowCall>(description: &'static Description, form: Form, call: C) -> ScalarUDF {
    function(description, Some(Arc::new(FormedCall::new(description, form, call))))
}

/// A function of that name that no query can use.
pub fn refused(description: &'static Description) -> ScalarUDF {
    function(description, None)
}

fn function(description: &'static Description, call: Option<Arc<dyn ModelCall>>) -> ScalarUDF {
    ScalarUDF::new_from_impl(ModelFunction {
        description,
        aliases: aliases(description.name),
        signature: Description::signature(Volatility::Volatile),
        documentation: description.documentation(),
        call,
    })
}

#[derive(Debug)]
struct ModelFunction {
    description: &'static Description,
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
    /// `None` without a model.
    call: Option<Arc<dyn ModelCall>>,
}

impl ModelFunction {
    fn without_model(&self) -> Error {
        // What the embedded model answers.
        let embedded = if ["llm_evolve", "llm_score", "llm_embed"].iter().any(|name| self.description.name.ends_with(name)) {
            " (or --model rules)"
        } else {
            ""
        };
        Error::Sql {
            message: format!("{} asks a model, and this session has none", self.description.name),
            position: None,
            hints: vec![format!(
                "model calls cost money and are made only on request, by 'mmevol sql --model NAME'{embedded}; a --where makes none"
            )],
        }
    }
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
        let call = self.call.as_ref().ok_or_else(|| self.without_model())?;
        self.description.check(arguments)?;
        Ok(call.result_type().clone())
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
        let is_same_call = match (&self.call, &other.call) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        };
        self.description.name == other.description.name && is_same_call
    }
}

impl Eq for ModelFunction {}

impl Hash for ModelFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.description.name.hash(state);
    }
}
