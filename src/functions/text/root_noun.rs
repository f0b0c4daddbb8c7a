//! `root_noun(text)`: what the root verb of a text is done to.

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use super::{TEXT, of_texts};
use crate::functions::arguments::Description;
use crate::functions::pure::{PureFunction, column};
use crate::text::root;

static DESCRIPTION: Description = Description {
    name: "root_noun",
    parameters: &[TEXT],
    optional: 0,
    section: "Text",
    summary: "The head noun of the first direct object of the text's root_verb, in its dictionary form: 'pose' of \"Describe the man's pose.\", \
              'emotion' of \"What emotions does it evoke?\". English only. NULL for NULL, where there is no root verb or it has no object, and where \
              the object is a pronoun, a name or a clause.",
    example: "SELECT root_noun('Describe the man''s pose.')",
};

/// The function.
pub fn root_noun() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Utf8, |_, arrays, result| {
        column(of_texts(&arrays[0], |text| root(text)?.noun), result)
    })
}
