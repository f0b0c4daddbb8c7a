//! `fatal_faults(faults)`: the faults that eliminate an item.

use datafusion::logical_expr::ScalarUDF;
use serde::Deserialize;

use super::texts_type;
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::instruction::faults::Fault;

static DESCRIPTION: Description = Description {
    name: "fatal_faults",
    parameters: &[Parameter { name: "faults", kind: ParameterKind::Texts, description: "Codes from instruction_faults." }],
    optional: 0,
    section: "Instructions",
    summary: "Those of the codes that eliminate an item whatever its judge says. Empty for NULL and for an empty list.",
    example: "SELECT fatal_faults(['no_parent', 'placeholder'])",
};

#[derive(Deserialize)]
struct Row {
    faults: Option<Vec<Option<String>>>,
}

/// The function.
pub fn fatal_faults() -> ScalarUDF {
    PureFunction::of_rows(&DESCRIPTION, texts_type(), |row: Row| {
        let codes = row.faults.unwrap_or_default().into_iter().flatten();
        codes.filter(|code| Fault::ALL.iter().any(|fault| fault.name() == code && fault.is_fatal())).collect::<Vec<_>>()
    })
}
