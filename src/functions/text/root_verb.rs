//! `root_verb(text)`: the verb that says what a text asks for.

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use super::{TEXT, of_texts};
use crate::functions::arguments::Description;
use crate::functions::pure::{PureFunction, column};
use crate::text::root;

static DESCRIPTION: Description = Description {
    name: "root_verb",
    parameters: &[TEXT],
    optional: 0,
    section: "Text",
    summary: "The main verb of the first sentence that asks or instructs, else of the first that has a verb, in its dictionary form: 'describe' of \
              \"Can you describe the dog?\", 'be' of \"What is this?\". Auxiliaries, and sentences like \"Let's think step by step\", are passed \
              over. English only. NULL for NULL, for a text without a verb and in other languages.",
    example: "SELECT root_verb('Describe the man''s pose.')",
};

/// The function.
pub fn root_verb() -> ScalarUDF {
    PureFunction::of_columns(&DESCRIPTION, DataType::Utf8, |_, arrays, result| {
        column(of_texts(&arrays[0], |text| Some(root(text)?.verb)), result)
    })
}
