//! The frame of every pure SQL function: its name, parameters, result and documentation as data, its body as a function of one row.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// A parameter of a SQL function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Parameter {
    pub name: &'static str,
    pub kind: ParameterKind,
    pub description: &'static str,
}

/// What a parameter takes. Every string encoding is text, every integer width an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterKind {
    Text,
    Integer,
    /// A list of texts.
    Texts,
    /// A struct; fields are matched by name, others are ignored.
    Struct,
    /// A list of structs.
    Structs,
    /// Anything that can be written as text, any number of times; only as the last parameter.
    Values,
}

/// The name, shape and documentation of a SQL function.
#[derive(Debug)]
pub struct Description {
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    /// How many of the last parameters may be left out.
    pub optional: usize,
    /// The section it is listed under.
    pub section: &'static str,
    pub summary: &'static str,
    /// A query that runs as it stands.
    pub example: &'static str,
}

impl Description {
    /// Checks and coerces argument types.
    ///
    /// # Errors
    /// One that names the function, the position, what is expected and what was given.
    pub fn coerce(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let variadic = matches!(self.parameters.last(), Some(Parameter { kind: ParameterKind::Values, .. }));
        let least = self.parameters.len() - self.optional;
        if arguments.len() < least || (!variadic && arguments.len() > self.parameters.len()) {
            return plan_err!("{} takes {}, got {} arguments: {}", self.name, self.arity(), arguments.len(), self.syntax());
        }
        arguments.iter().enumerate().map(|(position, given)| self.coerce_one(position, given)).collect()
    }

    fn coerce_one(&self, position: usize, given: &DataType) -> Result<DataType> {
        let parameter = &self.parameters[position.min(self.parameters.len() - 1)];
        let is_list = matches!(given, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) | DataType::ListView(_));
        let (coerced, expected) = match parameter.kind {
            ParameterKind::Text => (is_text(given).then_some(DataType::Utf8), "text"),
            ParameterKind::Integer => (is_integer(given).then_some(DataType::Int64), "an integer"),
            ParameterKind::Values => ((!given.is_nested()).then_some(DataType::Utf8), "a text or a number"),
            ParameterKind::Texts => (
                (is_list || given.is_null()).then(|| DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))),
                "a list of texts",
            ),
            ParameterKind::Struct => (matches!(given, DataType::Struct(_) | DataType::Null).then(|| given.clone()), "a struct"),
            ParameterKind::Structs => ((is_list || given.is_null()).then(|| given.clone()), "a list of structs"),
        };
        match coerced {
            Some(coerced) => Ok(coerced),
            None => plan_err!(
                "{}: argument {} ({}) must be {expected}, got {given}: {}",
                self.name,
                position + 1,
                parameter.name,
                self.syntax()
            ),
        }
    }

    fn arity(&self) -> String {
        match (self.parameters.len() - self.optional, self.parameters.len()) {
            (least, most) if least == most => format!("{most}"),
            (least, most) => format!("{least} to {most}"),
        }
    }

    /// The call with its parameters, e.g. `parse_scores(text [, count])`.
    pub fn syntax(&self) -> String {
        let required = self.parameters.len() - self.optional;
        let mut text = format!("{}(", self.name);
        for (position, parameter) in self.parameters.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            let dots = if parameter.kind == ParameterKind::Values { ", ..." } else { "" };
            text += &match position < required {
                true => format!("{separator}{}{dots}", parameter.name),
                false => format!(" [{separator}{}{dots}]", parameter.name),
            };
        }
        text + ")"
    }

    /// The documentation that `SHOW FUNCTIONS` and completion show.
    pub fn documentation(&self) -> Documentation {
        let section = DocSection { include: true, label: self.section, description: None };
        // SHOW FUNCTIONS shows one example: the one that runs. The syntax goes with the description.
        let description = format!("{}: {}", self.syntax(), self.summary);
        let mut builder = Documentation::builder(section, description, self.example).with_sql_example(self.example);
        for parameter in self.parameters {
            builder = builder.with_argument(parameter.name, parameter.description);
        }
        builder.build()
    }
}

fn is_text(given: &DataType) -> bool {
    matches!(given, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null)
        || matches!(given, DataType::Dictionary(_, values) if is_text(values))
}

fn is_integer(given: &DataType) -> bool {
    given.is_integer() || given.is_null()
}

/// A pure function of its arguments: immutable, free, the same on every row.
pub struct PureFunction {
    description: &'static Description,
    result: DataType,
    body: Box<Body>,
    signature: Signature,
    documentation: Documentation,
}

/// Arguments with fields named after the parameters, and the field of the result.
type Body = dyn Fn(&[FieldRef], &[ArrayRef], &FieldRef) -> crate::Result<ArrayRef> + Send + Sync;

impl PureFunction {
    /// A SQL function that computes each row by `body`, with the row's arguments deserialized by parameter name into `R`.
    pub fn of_rows<R: DeserializeOwned + 'static, T: Serialize + 'static>(
        description: &'static Description,
        result: DataType,
        body: impl Fn(R) -> T + Send + Sync + 'static,
    ) -> ScalarUDF {
        Self::of_columns(description, result, move |fields, arrays, result| {
            let rows: Vec<R> = serde_arrow::from_arrow(fields, arrays)?;
            column(rows.into_iter().map(&body), result)
        })
    }

    /// A SQL function that computes a whole column at once.
    pub fn of_columns(
        description: &'static Description,
        result: DataType,
        body: impl Fn(&[FieldRef], &[ArrayRef], &FieldRef) -> crate::Result<ArrayRef> + Send + Sync + 'static,
    ) -> ScalarUDF {
        ScalarUDF::new_from_impl(PureFunction {
            description,
            result,
            body: Box::new(body),
            signature: Signature::user_defined(Volatility::Immutable),
            documentation: description.documentation(),
        })
    }
}

impl std::fmt::Debug for PureFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.description.name)
    }
}

#[derive(Serialize)]
struct Value<T> {
    value: T,
}

/// One column from one value a row.
pub(super) fn column<T: Serialize>(values: impl Iterator<Item = T>, result: &FieldRef) -> crate::Result<ArrayRef> {
    let values: Vec<Value<T>> = values.map(|value| Value { value }).collect();
    let arrays = serde_arrow::to_arrow(std::slice::from_ref(result), &values)?;
    arrays.into_iter().next().ok_or_else(|| Error::internal("a function made no column", "empty result"))
}

/// The arguments as arrays of equal length, with fields named after the parameters.
pub(super) fn named_arrays(description: &Description, args: &ScalarFunctionArgs) -> Result<(Vec<FieldRef>, Vec<ArrayRef>)> {
    let arrays = ColumnarValue::values_to_arrays(&args.args)?;
    Ok((named_fields(description, &arrays), arrays))
}

/// Fields for arguments, named after the parameters.
pub(super) fn named_fields(description: &Description, arrays: &[ArrayRef]) -> Vec<FieldRef> {
    let field = |(position, array): (usize, &ArrayRef)| {
        let parameter = &description.parameters[position.min(description.parameters.len() - 1)];
        Arc::new(Field::new(parameter.name, array.data_type().clone(), true))
    };
    arrays.iter().enumerate().map(field).collect()
}

/// The field that results are serialized into.
pub(super) fn result_field(result: &DataType) -> FieldRef {
    Arc::new(Field::new("value", result.clone(), true))
}

impl ScalarUDFImpl for PureFunction {
    fn name(&self) -> &str {
        self.description.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.description.coerce(arguments)
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let (fields, arrays) = named_arrays(self.description, &args)?;
        let values = (self.body)(&fields, &arrays, &result_field(&self.result))?;
        Ok(match constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?),
            false => ColumnarValue::Array(values),
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl PartialEq for PureFunction {
    fn eq(&self, other: &Self) -> bool {
        self.description.name == other.description.name
    }
}

impl Eq for PureFunction {}

impl Hash for PureFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.description.name.hash(state);
    }
}
