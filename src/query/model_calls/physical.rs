//! From the logical node to the physical one, and what is made of several that stand close together.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::execution::SessionState;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::partial_sort::PartialSortExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, Partitioning};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::exec::ModelCallsExec;
use super::finished::ROWS_OUT;
use super::in_order::PartitionsInOrderExec;
use super::node::{HoistedCall, ModelCalls};
use super::steps::{Action, Step, StepCall};
use crate::functions::llm::function::model_call;
use crate::functions::llm::options::ModelOptions;
use crate::functions::llm::shared_outcomes::SharedOutcomes;
use crate::query::changes::{ChangePlanner, explained};

/// Rows of a batch that a join pairs with all of its other input.
const ROWS_PAIRED: usize = 64;

/// Plans like the engine does, and our own nodes besides.
#[derive(Debug, Default)]
pub struct ModelQueryPlanner;

#[async_trait]
impl QueryPlanner for ModelQueryPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, state: &SessionState) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(explained) = explained(plan) {
            return Ok(explained);
        }
        let calls = ModelCallsPlanner::default();
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(calls), Arc::new(ChangePlanner)]);
        if !ModelOptions::of(state.config_options()).keep_order || !will_ask(plan)? {
            return planner.create_physical_plan(plan, state).await;
        }
        // Partitions that are worked on side by side are put together as they come. That little which is computed beside the calls need not be.
        let mut state = state.clone();
        state.config_mut().options_mut().execution.target_partitions = 1;
        planner.create_physical_plan(plan, &state).await
    }
}

fn will_ask(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::Extension(extension) if extension.node.as_any().is::<ModelCalls>());
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// Made anew for each plan: what one query asked in vain, the next one asks again.
#[derive(Default)]
struct ModelCallsPlanner {
    shared: Arc<SharedOutcomes>,
}

#[async_trait]
impl ExtensionPlanner for ModelCallsPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        state: &SessionState,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(node), [input]) = (node.as_any().downcast_ref::<ModelCalls>(), physical_inputs) else { return Ok(None) };
        let schema = node.input.schema();
        let mut calls = Vec::with_capacity(node.calls.len());
        for HoistedCall { call, guard, column } in &node.calls {
            let expression = planner.create_physical_expr(call, schema, state)?;
            let Some(function) = expression.downcast_ref::<ScalarFunctionExpr>() else {
                return internal_err!("{call} is no function call");
            };
            let Some(model_call) = model_call(function.fun()) else { return internal_err!("{call} asks no model") };
            let guard = guard.as_ref().map(|guard| planner.create_physical_expr(guard, schema, state)).transpose()?;
            let field = expression.return_field(&input.schema())?.as_ref().clone().with_name(column).with_nullable(true);
            calls.push(StepCall::new(model_call, function, guard, Arc::new(field), Arc::clone(&self.shared)));
        }
        let step = Step::ask(calls, &input.schema());
        Ok(Some(Arc::new(ModelCallsExec::try_new(Arc::clone(input), vec![step])?)))
    }
}

/// Makes one node of nodes that ask and what lies between them: a row whose answer is back goes on while its neighbours wait. A filter of the
/// engine's own would collect thousands of rows first.
#[derive(Debug, Default)]
pub struct FuseModelCalls;

impl PhysicalOptimizerRule for FuseModelCalls {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            Ok(match fused(&node)? {
                Some(fused) => Transformed::yes(fused),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "fuse_model_calls"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn fused(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let (input, own) = if let Some(filter) = node.downcast_ref::<FilterExec>() {
        (filter.input(), filter_steps(filter)?)
    } else if let Some(calls) = node.downcast_ref::<ModelCallsExec>() {
        (calls.input(), calls.steps().to_vec())
    } else {
        return Ok(None);
    };
    let mut between = Vec::new();
    let mut below = input;
    while let Some(projection) = below.downcast_ref::<ProjectionExec>() {
        between.push(Step { action: Action::Project(projection.expr().to_vec()), schema: projection.schema() });
        below = projection.input();
    }
    let Some(lower) = below.downcast_ref::<ModelCallsExec>().filter(|lower| lower.fetch().is_none()) else { return Ok(None) };
    let steps = lower.steps().iter().cloned().chain(between.into_iter().rev()).chain(own).collect();
    Ok(Some(Arc::new(ModelCallsExec::try_new(Arc::clone(lower.input()), steps)?)))
}

fn filter_steps(filter: &FilterExec) -> Result<Vec<Step>> {
    let input = filter.input().schema();
    let mut steps = vec![Step::filter(Arc::clone(filter.predicate()), &input)];
    if let Some(projection) = filter.projection() {
        let column = |index: &usize| {
            let name = input.field(*index).name();
            ProjectionExpr { expr: Arc::new(Column::new(name, *index)), alias: name.clone() }
        };
        steps.push(Step { action: Action::Project(projection.iter().map(column).collect()), schema: filter.schema() });
    }
    Ok(steps)
}

/// Puts the partitions of tables and unions one after the other below and above calls whose rows keep their order.
#[derive(Debug, Default)]
pub struct OnePartition;

impl PhysicalOptimizerRule for OnePartition {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if !ModelOptions::of(config).keep_order || !asks(&plan) {
            return Ok(plan);
        }
        plan.transform_up(|node| {
            let is_divided = (node.children().is_empty() || node.is::<UnionExec>()) && node.output_partitioning().partition_count() > 1;
            Ok(match is_divided {
                true => Transformed::yes(Arc::new(PartitionsInOrderExec::new(node)) as Arc<dyn ExecutionPlan>),
                false => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "partitions_of_model_calls_in_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Lets rows come as they are answered where nothing above needs their order. Runs last, when all sorting is planned.
#[derive(Debug, Default)]
pub struct FreeOrder;

impl PhysicalOptimizerRule for FreeOrder {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let keep_order = ModelOptions::of(config).keep_order;
        let order = if keep_order || is_sorted(&plan) { Order::Shown } else { Order::Free };
        free_order(plan, order, None, keep_order)
    }

    fn name(&self) -> &str {
        "free_order_of_model_calls"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What follows from the order of rows, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Free,
    /// The order of the result.
    Shown,
    /// Which rows a limit takes.
    Decides,
}

/// With `keep_order`, every node that gives its rows no other order passes on that it matters; without, those that say that they keep it.
/// `rows_each`: the order above also follows from how the rows are divided into batches.
fn free_order(plan: Arc<dyn ExecutionPlan>, order: Order, rows_each: Option<usize>, keep_order: bool) -> Result<Arc<dyn ExecutionPlan>> {
    let order = if keep_order && plan.fetch().is_some() { Order::Decides } else { order };
    if order > Order::Free
        && let Some(dealt) = dealt_out(&plan).filter(|dealt| asks(dealt))
    {
        return free_order(Arc::clone(dealt), order, rows_each, keep_order);
    }
    let required = plan.required_input_ordering();
    let maintained = plan.maintains_input_order();
    // It relies on a part of the order without saying so.
    let relies = plan.is::<PartialSortExec>();
    let mut changed = false;
    let mut children = Vec::new();
    // Its branches, or partitions, come in any order, but the rows of each in theirs; the engine calls that no order.
    let merges = plan.is::<UnionExec>() || plan.is::<CoalescePartitionsExec>() || plan.is::<PartitionsInOrderExec>();
    let passed_on = rows_each.filter(|_| !plan.is::<ModelCallsExec>());
    let passes = merges || (keep_order && !gives_another_order(&plan, order));
    for (child, (required, maintained)) in plan.children().into_iter().zip(required.into_iter().zip(maintained)) {
        let passed = if maintained || passes { order } else { Order::Free };
        let needed = if relies || required.is_some() { passed.max(Order::Shown) } else { passed };
        let batches = divided(&plan, children.len()).or(passed_on).filter(|_| keep_order);
        let freed = free_order(Arc::clone(child), needed, batches, keep_order)?;
        changed |= !Arc::ptr_eq(child, &freed);
        children.push(freed);
    }
    let plan = if changed { plan.with_new_children(children)? } else { plan };
    Ok(match (plan.downcast_ref::<ModelCallsExec>(), rows_each) {
        (Some(calls), _) if order == Order::Free => Arc::new(calls.in_any_order()),
        (Some(calls), Some(rows)) => Arc::new(calls.in_batches_of(rows)),
        _ => plan,
    })
}

/// How many rows the batches of an input of a join are to have, where the order of its result follows from them. A hash join collects its first
/// input, from the last batch to the first. One without keys pairs each batch of its second with all of its first, and would ask about more
/// rows than a limit needs if it waited for many.
fn divided(plan: &Arc<dyn ExecutionPlan>, input: usize) -> Option<usize> {
    let pairs = plan.is::<CrossJoinExec>() || plan.is::<NestedLoopJoinExec>();
    match input {
        0 if plan.is::<HashJoinExec>() => Some(ROWS_OUT),
        1 if pairs => Some(ROWS_PAIRED),
        _ => None,
    }
}

/// Whether the order of rows is not that of the input: they are sorted, or groups. Which of them a limit takes follows from the order of the
/// input all the same: of rows with one key, or of groups, those that come first. The rows of a DISTINCT are in the order in which they came.
fn gives_another_order(plan: &Arc<dyn ExecutionPlan>, order: Order) -> bool {
    let groups = plan.downcast_ref::<AggregateExec>().is_some_and(|aggregate| !aggregate.aggr_expr().is_empty());
    order < Order::Decides && (groups || plan.is::<SortExec>())
}

/// Whether the query has an ORDER BY whose order its result has: also where the calls come after it.
fn is_sorted(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let is_sort = plan.is::<SortExec>() || plan.is::<SortPreservingMergeExec>();
    is_sort || plan.children().into_iter().zip(plan.maintains_input_order()).any(|(child, maintained)| maintained && is_sorted(child))
}

/// The input of a node that deals the rows of one partition out to several. It speeds up what stands above it, which is little beside the
/// calls below, and loses their order.
fn dealt_out(plan: &Arc<dyn ExecutionPlan>) -> Option<&Arc<dyn ExecutionPlan>> {
    let repartition = plan.downcast_ref::<RepartitionExec>()?;
    matches!(repartition.partitioning(), Partitioning::RoundRobinBatch(_)).then(|| repartition.input())
}

fn asks(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.exists(|node| Ok(node.is::<ModelCallsExec>())).unwrap_or(false)
}
