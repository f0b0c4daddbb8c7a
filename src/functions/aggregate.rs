//! The frame of every SQL aggregate of ours: its description as data, its body as a [`Gathering`] of rows.

mod constants;
mod distinct;
mod measured;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, ReversedUDAF, Signature, Volatility};

pub use self::constants::Constants;
use self::distinct::Distinct;
pub use self::measured::{Measured, TakeError};
use super::arguments::Description;
use crate::error::Error;

/// What an aggregate keeps of the rows of one group.
pub trait Gathering: std::fmt::Debug + Send + Sync {
    /// Takes the rows of a batch: the arguments that differ by row.
    fn update(&mut self, arguments: &[ArrayRef]) -> crate::Result<()>;

    /// All that is kept, for another gathering of the same call.
    fn state(&self) -> Vec<u8>;

    /// Takes in the state of another gathering of the same call.
    fn merge(&mut self, state: &[u8]) -> crate::Result<()>;

    /// The result for the rows so far; `None` is NULL. A window asks again and again while rows come.
    fn value(&self) -> crate::Result<Option<f64>>;

    /// Bytes in use outside of the value itself. Asked for after every batch.
    fn heap_bytes(&self) -> usize;
}

/// An aggregate function with a number as its result, whatever the order of the rows.
///
/// DISTINCT and FILTER work as for the engine's own; so do windows whose frame never loses a row.
pub struct AggregateFunction {
    description: &'static Description,
    /// How many of the parameters differ by row; the others are constants.
    columns: usize,
    begin: fn(&Constants) -> crate::Result<Box<dyn Gathering>>,
    signature: Signature,
    documentation: Documentation,
}

impl AggregateFunction {
    /// An aggregate over its first `columns` parameters, the others being constants of the call. `begin` makes the gathering of a group.
    pub fn over(
        description: &'static Description,
        columns: usize,
        begin: fn(&Constants) -> crate::Result<Box<dyn Gathering>>,
    ) -> AggregateUDF {
        AggregateUDF::new_from_impl(AggregateFunction {
            description,
            columns,
            begin,
            signature: Description::signature(Volatility::Immutable),
            documentation: description.documentation(),
        })
    }
}

impl std::fmt::Debug for AggregateFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.description.name)
    }
}

impl AggregateUDFImpl for AggregateFunction {
    fn name(&self) -> &str {
        self.description.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.description.check(arguments)?;
        Ok(DataType::Float64)
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let constants = Constants::new(self.description, self.columns, arguments.exprs)?;
        let gathering = (self.begin)(&constants)?;
        let types = arguments.expr_fields[..self.columns].iter().map(|field| field.data_type().clone());
        let gathering = match arguments.is_distinct {
            true => Box::new(Distinct::new(self.description, types.collect(), gathering)?),
            false => gathering,
        };
        Ok(Box::new(GatheringAccumulator { description: self.description, columns: self.columns, gathering }))
    }

    fn create_sliding_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Err(Error::Sql {
            message: format!("{} cannot leave out rows it has seen, as a frame that moves on does", self.description.name),
            position: None,
            hints: vec!["begin the window's frame at UNBOUNDED PRECEDING".into()],
        }
        .into())
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format_state_name(arguments.name, "state"), DataType::LargeBinary, true))])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl PartialEq for AggregateFunction {
    fn eq(&self, other: &Self) -> bool {
        self.description.name == other.description.name
    }
}

impl Eq for AggregateFunction {}

impl Hash for AggregateFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.description.name.hash(state);
    }
}

/// A gathering as the engine sees it.
#[derive(Debug)]
struct GatheringAccumulator {
    description: &'static Description,
    columns: usize,
    gathering: Box<dyn Gathering>,
}

impl Accumulator for GatheringAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (_, arguments) = self.description.conformed(0, &values[..self.columns])?;
        Ok(self.gathering.update(&arguments)?)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.gathering.value()?))
    }

    fn size(&self) -> usize {
        size_of_val(self) + size_of_val(&*self.gathering) + self.gathering.heap_bytes()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::LargeBinary(Some(self.gathering.state()))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_binary::<i64>().iter().flatten().try_for_each(|state| self.gathering.merge(state)).map_err(Into::into)
    }
}
