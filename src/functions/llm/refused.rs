//! What stands in for a model function in a session that has no model: it is listed and documented, and refused at plan time.

use std::hash::{Hash, Hasher};

use arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::aliases;
use crate::error::Error;
use crate::functions::arguments::Description;

/// A function of that name that no query can use.
pub fn function(description: &'static Description) -> ScalarUDF {
    ScalarUDF::new_from_impl(RefusedFunction {
        description,
        aliases: aliases(description.name),
        signature: Description::signature(Volatility::Volatile),
        documentation: description.documentation(),
    })
}

#[derive(Debug)]
struct RefusedFunction {
    description: &'static Description,
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

impl ScalarUDFImpl for RefusedFunction {
    fn name(&self) -> &str {
        self.description.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        // What the embedded model answers.
        let embedded = if ["llm_evolve", "llm_score", "llm_embed"].iter().any(|name| self.description.name.ends_with(name)) {
            " (or --model rules)"
        } else {
            ""
        };
        Err(Error::Sql {
            message: format!("{} asks a model, and this session has none", self.description.name),
            position: None,
            hints: vec![format!(
                "model calls cost money and are made only on request, by 'mmevol sql --model NAME'{embedded}; a --where makes none"
            )],
        }
        .into())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("{} was planned without a model", self.description.name)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl PartialEq for RefusedFunction {
    fn eq(&self, other: &Self) -> bool {
        self.description.name == other.description.name
    }
}

impl Eq for RefusedFunction {}

impl Hash for RefusedFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.description.name.hash(state);
    }
}
