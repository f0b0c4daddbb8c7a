//! The arguments of SQL functions as data: what each is, how its type is checked at plan time, and the form in which a function gets it.

mod conversion;

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, Signature, TypeSignature, Volatility};
use serde::de::DeserializeOwned;

use self::conversion::{element_type, list_of, options_type};
use super::instruction::item_type;
use crate::error::{Error, suggest};
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
    /// A list of whole numbers.
    Integers,
    Number,
    Boolean,
    /// Bytes, or a text as its UTF-8.
    Bytes,
    /// The bytes of an image file. Not a text: that would be the image's path or id, given by mistake.
    Image,
    /// A list of texts.
    Texts,
    /// A list of texts, or one text for a list of one. NULL is a NULL list either way.
    TextOrTexts,
    /// One question-answer item.
    Item,
    /// A list of items.
    Items,
    /// A list of objects with label and box.
    Objects,
    /// A list of numbers, as doubles.
    Numbers,
    /// A list of pairs of an original and a rewritten item, each with its position and faults where they are known.
    Pairs,
    /// A value of any type that GROUP BY takes, as it is given.
    Category,
    /// A list of numbers, as it is given.
    Vector,
    /// Options by name, of these names: a struct or a map of numbers and texts. Only as the last parameter; told by its type, so it may follow
    /// the last argument given where others are left out. A function gets the options that are not NULL as texts by name.
    Options(&'static [&'static str]),
    /// Texts, numbers, times: anything with one written form, any number of times; only as the last parameter.
    Values,
}

impl ParameterKind {
    /// The type in which the function gets it.
    fn data_type(self, given: &DataType) -> DataType {
        match self {
            ParameterKind::Category | ParameterKind::Vector => given.clone(),
            ParameterKind::Text | ParameterKind::Values => DataType::Utf8,
            ParameterKind::Integer => DataType::Int64,
            ParameterKind::Integers => list_of(DataType::Int64),
            ParameterKind::Number => DataType::Float64,
            ParameterKind::Boolean => DataType::Boolean,
            ParameterKind::Bytes | ParameterKind::Image => DataType::LargeBinary,
            ParameterKind::Texts | ParameterKind::TextOrTexts => list_of(DataType::Utf8),
            ParameterKind::Item => item_type(),
            ParameterKind::Items => list_of(item_type()),
            ParameterKind::Objects => list_of(object_type()),
            ParameterKind::Numbers => list_of(DataType::Float64),
            ParameterKind::Pairs => list_of(DataType::Struct(Fields::from(vec![
                Field::new("original", item_type(), true),
                Field::new("rewritten", item_type(), true),
                Field::new("position", DataType::Int64, true),
                Field::new("faults", list_of(DataType::Utf8), true),
            ]))),
            ParameterKind::Options(_) => options_type(),
        }
    }

    /// What is wrong with a given type; `None` for one that is taken.
    fn mismatch(self, name: &str, given: &DataType) -> Option<String> {
        match self {
            ParameterKind::Values if given.is_nested() || given.is_binary() => {
                Some(format!("({name}) must be a text, a number or a time, got {given}"))
            }
            ParameterKind::Values => None,
            ParameterKind::Image if !given.is_binary() && !given.is_null() => Some(format!("({name}) must be bytes, got {given}")),
            ParameterKind::TextOrTexts if is_text(given) => None,
            ParameterKind::TextOrTexts if element_type(given).is_none() && !given.is_null() => {
                Some(format!("({name}) must be a text or a list of texts, got {given}"))
            }
            ParameterKind::Options(_) => options_mismatch(name, given),
            ParameterKind::Category => (!RowConverter::supports_fields(&[SortField::new(given.clone())]))
                .then(|| format!("({name}) must be of a type that can be grouped by, got {given}")),
            ParameterKind::Vector => (!given.is_null() && !element_type(given).is_some_and(DataType::is_numeric))
                .then(|| format!("({name}) must be a vector, a list of numbers, got {given}")),
            kind => mismatch(name, given, &kind.data_type(given)),
        }
    }

    /// The first field of a struct of options that is none.
    fn unknown_option(self, given: &DataType) -> Option<&str> {
        let (ParameterKind::Options(known), DataType::Struct(fields)) = (self, given) else { return None };
        fields.iter().map(|field| field.name().as_str()).find(|name| !known.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    fn is_options(self) -> bool {
        matches!(self, ParameterKind::Options(_))
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
            let Parameter { name, kind, .. } = self.parameter(position, given, arguments.len());
            if let Some(option) = kind.unknown_option(given) {
                return Err(self.unknown_name(option).into());
            }
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
        self.conformed(0, &ColumnarValue::values_to_arrays(&args.args)?)
    }

    /// Arguments from place `first` on, as [`Description::arguments`] gives them.
    ///
    /// # Errors
    /// As there.
    pub fn conformed(&self, first: usize, given: &[ArrayRef]) -> Result<(Vec<FieldRef>, Vec<ArrayRef>)> {
        let mut fields = Vec::with_capacity(given.len());
        let mut arrays = Vec::with_capacity(given.len());
        let count = first + given.len();
        for (position, given) in (first..).zip(given) {
            let Parameter { name, kind, .. } = self.parameter(position, given.data_type(), count);
            let wanted = kind.data_type(given.data_type());
            let conformed = conversion::conform(given, &wanted);
            let place = || format!("{}: argument {} ({name})", self.name, position + 1);
            arrays.push(conformed.map_err(|cause| Error::argument(place(), cause.strip_backtrace()))?);
            fields.push(Arc::new(Field::new(*name, wanted, true)));
        }
        Ok((fields, arrays))
    }

    /// The types in which the function gets arguments of the types that are given.
    pub fn conformed_types(&self, given: &[DataType]) -> Vec<DataType> {
        let conformed = |(position, given)| self.parameter(position, given, position + 1).kind.data_type(given);
        given.iter().enumerate().map(conformed).collect()
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
        let syntax = self.syntax();
        let description = format!("{syntax}: {}", self.summary);
        let mut builder = Documentation::builder(section, description, syntax).with_sql_example(self.example);
        for parameter in self.parameters {
            builder = builder.with_argument(parameter.name, parameter.description);
        }
        builder.build()
    }

    /// The error for an argument or option under a name that the function does not have.
    pub fn unknown_name(&self, name: &str) -> Error {
        let options = self.options().unwrap_or_default();
        let known: Vec<&str> = self.places().into_iter().chain(options.iter().copied()).collect();
        let hints = match suggest(name, known.iter().copied()) {
            none if none.is_empty() => vec![format!("it takes {}", known.join(", "))],
            some => some,
        };
        Error::Sql { message: format!("{} has no option '{name}': {}", self.name, self.syntax()), position: None, hints }
    }

    /// The names of the function's options; `None` where it takes none.
    pub fn options(&self) -> Option<&'static [&'static str]> {
        self.parameters.iter().find_map(|parameter| if let ParameterKind::Options(names) = parameter.kind { Some(names) } else { None })
    }

    /// The names of the parameters by place, without the options, which may come anywhere after those that are required.
    pub fn places(&self) -> Vec<&'static str> {
        self.parameters.iter().filter(|parameter| !parameter.kind.is_options()).map(|parameter| parameter.name).collect()
    }

    /// How many arguments must be given.
    pub fn required(&self) -> usize {
        self.parameters.len() - self.optional
    }

    /// The parameter that an argument is for: that of its place, but options may come before it.
    fn parameter(&self, position: usize, given: &DataType, count: usize) -> &Parameter {
        let last = &self.parameters[self.parameters.len() - 1];
        let is_left_over = position + 1 == count && position >= self.required();
        match is_left_over && last.kind.is_options() && matches!(given, DataType::Struct(_) | DataType::Map(..)) {
            true => last,
            false => self.parameters.get(position).unwrap_or(last),
        }
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
        (given, DataType::Boolean) => *given == DataType::Boolean,
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
        DataType::Boolean => "true or false".into(),
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

/// What is wrong with the type of options: each must have one written form.
fn options_mismatch(place: &str, given: &DataType) -> Option<String> {
    let is_written = |value: &DataType| value.is_null() || value.is_numeric() || is_text(value);
    match given {
        DataType::Null => None,
        DataType::Struct(fields) => {
            let names = fields.iter().map(|field| field.name());
            let is_repeated = |(place, name): &(usize, &String)| names.clone().take(*place).any(|before| before.eq_ignore_ascii_case(name));
            if let Some((_, name)) = names.clone().enumerate().find(is_repeated) {
                return Some(format!("({place}) has '{name}' twice"));
            }
            let wrong = fields.iter().find(|field| !is_written(field.data_type()))?;
            Some(format!("({place}.{}) must be a number or a text, got {}", wrong.name(), wrong.data_type()))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(entry) if entry.len() == 2 && is_text(entry[0].data_type()) && is_written(entry[1].data_type()) => None,
            _ => Some(format!("({place}) must be a map from texts to numbers or texts, got {given}")),
        },
        _ => Some(format!("({place}) must be a struct or a map of options, got {given}")),
    }
}

fn is_text(given: &DataType) -> bool {
    given.is_string() || matches!(given, DataType::Dictionary(_, values) if is_text(values))
}
