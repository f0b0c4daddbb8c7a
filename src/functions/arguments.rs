//! The arguments of SQL functions as data: what each is, how its type is checked at plan time, and the form in which a function gets it.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::format::DEFAULT_CAST_OPTIONS;
use datafusion::common::nested_struct::cast_column;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, Signature, TypeSignature, Volatility};
use serde::de::DeserializeOwned;

use super::instruction::item_type;
use crate::error::Error;
use crate::store::object_type;

/// A parameter of a SQL function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Parameter {
    pub name: &'static str,
    pub kind: ParameterKind,
    pub description: &'static str,
}

/// What a parameter takes. Every string encoding is text, every integer width an integer, every list layout a list; the fields of a struct
/// are matched by name, absent ones are NULL, others are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterKind {
    Text,
    Integer,
    /// Bytes, or a text as its UTF-8.
    Bytes,
    /// A list of texts.
    Texts,
    /// One question-answer item.
    Item,
    /// A list of items.
    Items,
    /// A list of objects with label and box.
    Objects,
    /// A list of pairs of an original and a rewritten item.
    Pairs,
    /// Texts, numbers, times: anything with one written form, any number of times; only as the last parameter.
    Values,
}

impl ParameterKind {
    /// The type in which the function gets it.
    fn data_type(self) -> DataType {
        match self {
            ParameterKind::Text | ParameterKind::Values => DataType::Utf8,
            ParameterKind::Integer => DataType::Int64,
            ParameterKind::Bytes => DataType::LargeBinary,
            ParameterKind::Texts => list_of(DataType::Utf8),
            ParameterKind::Item => item_type(),
            ParameterKind::Items => list_of(item_type()),
            ParameterKind::Objects => list_of(object_type()),
            ParameterKind::Pairs => list_of(DataType::Struct(Fields::from(vec![
                Field::new("original", item_type(), true),
                Field::new("rewritten", item_type(), true),
            ]))),
        }
    }

    /// What is wrong with a given type; `None` for one that is taken.
    fn mismatch(self, name: &str, given: &DataType) -> Option<String> {
        match self {
            ParameterKind::Values if given.is_nested() || given.is_binary() => {
                Some(format!("({name}) must be a text, a number or a time, got {given}"))
            }
            ParameterKind::Values => None,
            kind => mismatch(name, given, &kind.data_type()),
        }
    }
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
    /// The signature to declare to the engine: anything, because it turns an error of a coercion into a text of its own. Call
    /// [`Description::check`] where the type of the result is asked for, and [`Description::arguments`] where the function is invoked.
    pub fn signature(volatility: Volatility) -> Signature {
        Signature::one_of(vec![TypeSignature::VariadicAny, TypeSignature::Nullary], volatility)
    }

    /// Checks the number and the types of arguments.
    ///
    /// # Errors
    /// One that names the function, the position, what is expected and what was given.
    pub fn check(&self, arguments: &[DataType]) -> Result<()> {
        if arguments.len() < self.required() || (!self.is_variadic() && arguments.len() > self.parameters.len()) {
            let s = if arguments.len() == 1 { "" } else { "s" };
            return plan_err!("{} takes {}, got {} argument{s}: {}", self.name, self.arity(), arguments.len(), self.syntax());
        }
        for (position, given) in arguments.iter().enumerate() {
            let Parameter { name, kind, .. } = self.parameter(position);
            if let Some(problem) = kind.mismatch(name, given) {
                return plan_err!("{}: argument {} {problem}: {}", self.name, position + 1, self.syntax());
            }
        }
        Ok(())
    }

    /// The arguments as arrays of equal length, with fields named after the parameters.
    ///
    /// # Errors
    /// A value that its column's type allows and the parameter does not, such as an integer above `i64`.
    pub fn arguments(&self, args: &ScalarFunctionArgs) -> Result<(Vec<FieldRef>, Vec<ArrayRef>)> {
        let mut fields = Vec::with_capacity(args.args.len());
        let mut arrays = Vec::with_capacity(args.args.len());
        for (position, given) in ColumnarValue::values_to_arrays(&args.args)?.iter().enumerate() {
            let Parameter { name, kind, .. } = self.parameter(position);
            let wanted = kind.data_type();
            let conformed = conform(given, &wanted);
            let place = || format!("{}: argument {} ({name})", self.name, position + 1);
            arrays.push(conformed.map_err(|cause| Error::argument(place(), cause.strip_backtrace()))?);
            fields.push(Arc::new(Field::new(*name, wanted, true)));
        }
        Ok((fields, arrays))
    }

    /// The arguments of each row, deserialized by parameter name.
    ///
    /// # Errors
    /// A value that is not of the shape that is needed, such as a box of three numbers.
    pub fn rows<R: DeserializeOwned>(&self, fields: &[FieldRef], arrays: &[ArrayRef]) -> crate::Result<Vec<R>> {
        serde_arrow::from_arrow(fields, arrays).map_err(|cause| Error::argument(self.name, format!("an argument cannot be read: {cause}")))
    }

    /// The call with its parameters, e.g. `parse_scores(text [, count])`.
    pub fn syntax(&self) -> String {
        let mut text = format!("{}(", self.name);
        for (position, parameter) in self.parameters.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            let dots = if parameter.kind == ParameterKind::Values { ", ..." } else { "" };
            text += &match position < self.required() {
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

    fn parameter(&self, position: usize) -> &Parameter {
        &self.parameters[position.min(self.parameters.len() - 1)]
    }

    fn required(&self) -> usize {
        self.parameters.len() - self.optional
    }

    fn is_variadic(&self) -> bool {
        matches!(self.parameters.last(), Some(Parameter { kind: ParameterKind::Values, .. }))
    }

    fn arity(&self) -> String {
        match (self.required(), self.parameters.len()) {
            (least, _) if self.is_variadic() => format!("at least {least}"),
            (least, most) if least == most => format!("{most}"),
            (least, most) => format!("{least} to {most}"),
        }
    }
}

/// What is wrong with a given type, and where inside of it; `None` for one that can be read as `wanted`.
fn mismatch(place: &str, given: &DataType, wanted: &DataType) -> Option<String> {
    let fits = match (given, wanted) {
        (DataType::Null, _) => true,
        (given, DataType::List(wanted)) => match element_type(given) {
            Some(given) => return mismatch(&format!("{place}[]"), given, wanted.data_type()),
            None => false,
        },
        (DataType::Struct(given), DataType::Struct(wanted)) => {
            let mut named = wanted.iter().filter_map(|wanted| Some((given.find(wanted.name())?.1, wanted))).peekable();
            if named.peek().is_some() {
                let place = |field: &Field| format!("{place}.{}", field.name());
                return named.find_map(|(given, wanted)| mismatch(&place(wanted), given.data_type(), wanted.data_type()));
            }
            false
        }
        (given, DataType::Utf8) => is_text(given),
        (given, DataType::Int64) => given.is_integer(),
        (given, DataType::LargeBinary) => given.is_binary() || is_text(given),
        (given, DataType::Float64) => given.is_numeric(),
        _ => false,
    };
    (!fits).then(|| format!("({place}) must be {}, got {given}", expected(wanted)))
}

fn expected(wanted: &DataType) -> String {
    match wanted {
        DataType::Utf8 => "text".into(),
        DataType::Int64 => "an integer".into(),
        DataType::LargeBinary => "bytes or text".into(),
        DataType::List(element) => match element.data_type() {
            DataType::Utf8 => "a list of texts".into(),
            DataType::Struct(_) => "a list of structs".into(),
            _ => "a list of numbers".into(),
        },
        DataType::Struct(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            format!("a struct with any of {}", names.join(", "))
        }
        _ => "a number".into(),
    }
}

/// The array in the type in which a function gets it.
fn conform(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    let array = match (array.data_type(), element_type(array.data_type())) {
        (DataType::List(_), _) | (_, None) => Arc::clone(array),
        (_, Some(element)) => cast(array, &list_of(element.clone()))?,
    };
    match array.data_type() == wanted {
        true => Ok(array),
        false => cast_column(&array, wanted, &DEFAULT_CAST_OPTIONS),
    }
}

fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", element, true)))
}

fn element_type(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::FixedSizeList(element, _)
        | DataType::ListView(element)
        | DataType::LargeListView(element) => Some(element.data_type()),
        _ => None,
    }
}

fn is_text(given: &DataType) -> bool {
    given.is_string() || matches!(given, DataType::Dictionary(_, values) if is_text(values))
}
