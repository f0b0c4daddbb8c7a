//! The arguments of a call that are the same for all rows.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

use crate::error::{Error, Result};
use crate::functions::arguments::Description;

/// The constants of a call, after the arguments that differ by row.
pub struct Constants {
    description: &'static Description,
    first: usize,
    given: Vec<ArrayRef>,
}

impl Constants {
    /// The constants among `arguments`, from place `first` on.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn new(description: &'static Description, first: usize, arguments: &[Arc<dyn PhysicalExpr>]) -> Result<Self> {
        let constant = |(place, argument): (usize, &Arc<dyn PhysicalExpr>)| {
            let value = argument.downcast_ref::<Literal>().map(Literal::value).filter(|value| !value.is_null());
            let name = description.parameters[place].name;
            let unusable =
                || Error::sql(format!("{}: {name} must be a constant that is not NULL: {}", description.name, description.syntax()));
            Ok(value.ok_or_else(unusable)?.to_array()?)
        };
        let given = arguments.iter().enumerate().skip(first).map(constant).collect::<Result<_>>()?;
        Ok(Constants { description, first, given })
    }

    /// The integer of this name; `default` where it is left out.
    ///
    /// # Errors
    /// One outside of the range.
    pub fn integer(&self, name: &str, range: RangeInclusive<u32>, default: u32) -> Result<u32> {
        let Some(value) = self.value(name)? else { return Ok(default) };
        let given = value.as_primitive::<Int64Type>().value(0);
        let in_range = u32::try_from(given).ok().filter(|given| range.contains(given));
        in_range.ok_or_else(|| self.out_of_range(name, format!("{} to {}", range.start(), range.end()), given))
    }

    /// The number of this name, which must hold `condition`; `default` where it is left out.
    ///
    /// # Errors
    /// One that does not, which `wanted` describes.
    pub fn number(&self, name: &str, wanted: &str, condition: fn(f64) -> bool, default: f64) -> Result<f64> {
        let Some(value) = self.value(name)? else { return Ok(default) };
        let given = value.as_primitive::<Float64Type>().value(0);
        match condition(given) {
            true => Ok(given),
            false => Err(self.out_of_range(name, wanted.to_owned(), given)),
        }
    }

    /// An array of the one value; `None` where it is left out.
    fn value(&self, name: &str) -> Result<Option<ArrayRef>> {
        let (fields, arrays) = self.description.conformed(self.first, &self.given)?;
        Ok(fields.iter().zip(arrays).find(|(field, _)| field.name() == name).map(|(_, array)| array))
    }

    fn out_of_range(&self, name: &str, wanted: String, given: impl Display) -> Error {
        Error::argument(self.description.name, format!("{name} must be {wanted}, got {given}"))
    }
}
