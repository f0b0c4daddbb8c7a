//! `map` with a constant list beside a column, as the names are in `MAP {'name': column}`: the engine's own takes a constant list for one row's
//! entries, whatever number of rows there is, and fails or panics.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::functions_nested::map::map_udf;
use datafusion::functions_nested::planner::NestedFunctionPlanner;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use datafusion::logical_expr::{ColumnarValue, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

static MAP: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::new_from_impl(RowMap { of_engine: map_udf() })));

/// The function `map`, to be registered in the place of the engine's.
pub(super) fn map() -> ScalarUDF {
    ScalarUDF::clone(&MAP)
}

/// Makes `MAP {...}` a call of this function too: the engine's planner does not look its own up by name.
pub(super) fn with_maps(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(MapPlanner));
    builder
}

#[derive(Debug)]
struct MapPlanner;

impl ExprPlanner for MapPlanner {
    fn plan_make_map(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(match NestedFunctionPlanner.plan_make_map(args)? {
            PlannerResult::Planned(Expr::ScalarFunction(call)) => {
                PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction { func: Arc::clone(&MAP), args: call.args }))
            }
            other => other,
        })
    }
}

/// The engine's function, which gets a list for every row.
#[derive(Debug, PartialEq, Eq, Hash)]
struct RowMap {
    of_engine: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for RowMap {
    fn name(&self) -> &str {
        self.of_engine.name()
    }

    fn aliases(&self) -> &[String] {
        self.of_engine.aliases()
    }

    fn signature(&self) -> &Signature {
        self.of_engine.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.of_engine.return_type(arguments)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if args.args.iter().any(|argument| matches!(argument, ColumnarValue::Array(_))) {
            let rows = args.number_rows;
            let arrays = args.args.into_iter().map(|argument| argument.into_array(rows).map(ColumnarValue::Array));
            args.args = arrays.collect::<Result<_>>()?;
        }
        self.of_engine.invoke_with_args(args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.of_engine.documentation()
    }
}
