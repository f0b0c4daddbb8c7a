//! Model calls as a part of query plans: what takes them out of expressions, what plans them, and what makes them.
//!
//! | file | does |
//! |---|---|
//! | `hoist` | analyzer rule: takes calls out of expressions and puts nodes for them into the plan |
//! | `expressions`, `guards` | which calls an expression has, and which rows need them |
//! | `node` | the logical node |
//! | `unused`, `limited`, `memberships` | optimizer rules: no call for an answer that nobody reads, or for a row that a LIMIT or an IN drops |
//! | `below` | expressions over what is below the calls, for these rules |
//! | `physical` | the planner of the node, and rules that fuse nodes, keep rows in order, or free them from it |
//! | `in_order` | the node that reads partitions one after the other |
//! | `exec`, `driver`, `pipeline`, `steps`, `finished`, `metrics` | the running node: rows in, each asks at its own pace, rows out |

mod below;
mod driver;
mod exec;
mod expressions;
mod finished;
mod guards;
mod hoist;
mod in_order;
mod limited;
mod memberships;
mod metrics;
mod node;
mod physical;
mod pipeline;
mod steps;
mod unused;

use std::sync::Arc;

use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::optimizer::Optimizer;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

use super::changes::KeepChanges;
use super::correlated::TypedEmptyGroups;
use super::recursion::NarrowRecursion;

/// Teaches a session to plan and run functions that ask models, to change tables in memory as a statement says, and to read the columns of
/// recursive queries.
pub fn with_model_calls(builder: SessionStateBuilder) -> SessionStateBuilder {
    let mut optimizer = Optimizer::new().rules;
    let simplified = optimizer.iter().position(|rule| rule.name() == "simplify_expressions").map_or(0, |place| place + 1);
    optimizer.insert(simplified, Arc::new(KeepChanges));
    if let Some(rule) = optimizer.iter_mut().find(|rule| rule.name() == "optimize_projections") {
        *rule = Arc::new(NarrowRecursion);
    }
    let decorrelated = optimizer.iter().position(|rule| rule.name() == "decorrelate_predicate_subquery").unwrap_or(0);
    optimizer.insert(decorrelated, Arc::new(TypedEmptyGroups));
    optimizer.push(Arc::new(memberships::MembershipBeforeAsking));
    optimizer.push(Arc::new(limited::LimitBeforeAsking));
    optimizer.push(Arc::new(unused::DropUnusedCalls));
    let mut physical = PhysicalOptimizer::new().rules;
    physical.insert(0, Arc::new(physical::FuseModelCalls));
    physical.insert(0, Arc::new(physical::OnePartition));
    physical.push(Arc::new(physical::FreeOrder));
    builder
        .with_analyzer_rule(Arc::new(hoist::HoistModelCalls))
        .with_optimizer_rules(optimizer)
        .with_physical_optimizer_rules(physical)
        .with_query_planner(Arc::new(physical::ModelQueryPlanner))
}
