//! The rule that takes model calls out of the expressions of a plan and gives them nodes of their own.
//!
//! It runs when types are settled and before anything is optimised. What is left in the expressions are columns, so that the engine may
//! copy, push down and reorder them as it likes: no answer is asked for twice because an expression was. A node stands directly below the
//! one whose expressions it serves; conditions that cost nothing come below it, conditions that ask come above, one after the other.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::logical_plan::{Join, Projection, Sort};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Aggregate, BinaryExpr, Expr, Filter, JoinType, LogicalPlan, Operator, Window, WriteOp};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

use super::super::changes::build_anew;
use super::expressions::{ColumnNames, Conjuncts, Hoist, has_call, refusal, split_predicate};
use super::guards::is_guard;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct HoistModelCalls;

impl AnalyzerRule for HoistModelCalls {
    fn name(&self) -> &str {
        "hoist_model_calls"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let mut asks = false;
        plan.apply_with_subqueries(|node| {
            asks |= node.expressions().iter().any(has_call);
            Ok(if asks { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        match asks {
            true => Rewriter::default().whole(plan),
            false => Ok(plan),
        }
    }
}

/// A rewritten node. It may have more columns than the original: the answers of calls.
struct Rewritten {
    plan: LogicalPlan,
    /// Calls whose answers are columns of the plan, for every row.
    available: Vec<(Expr, Column)>,
}

#[derive(Default)]
struct Rewriter {
    names: ColumnNames,
}

impl Rewriter {
    /// A plan with the schema of the original.
    fn whole(&mut self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let schema = Arc::clone(plan.schema());
        let rewritten = self.node(plan)?;
        with_schema(rewritten.plan, &schema)
    }

    fn node(&mut self, plan: LogicalPlan) -> Result<Rewritten> {
        let plan = plan.map_subqueries(|subquery| self.whole(subquery).map(Transformed::yes))?.data;
        match plan {
            LogicalPlan::Filter(filter) => self.filter(filter),
            LogicalPlan::Projection(projection) => self.projection(projection),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Sort(sort) => self.sort(sort),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Limit(mut limit) => {
                let Rewritten { plan, available } = self.node(Arc::unwrap_or_clone(limit.input))?;
                limit.input = Arc::new(plan);
                Ok(Rewritten { plan: LogicalPlan::Limit(limit), available })
            }
            // The engine hands the conditions to the table, not the plan that would ask.
            LogicalPlan::Dml(dml) if matches!(dml.op, WriteOp::Delete | WriteOp::Update) && asks(&dml.input)? => {
                let hint = format!("build the table anew, and ask there: {}", build_anew(dml.table_name.table()));
                Err(refusal(format!("a model cannot be asked in {}", dml.op.name().to_uppercase()), hint))
            }
            other => {
                refuse_calls(&other)?;
                let plan = other.map_children(|child| self.whole(child).map(Transformed::yes))?.data;
                Ok(Rewritten { plan, available: Vec::new() })
            }
        }
    }

    fn filter(&mut self, filter: Filter) -> Result<Rewritten> {
        let Rewritten { mut plan, mut available } = self.node(Arc::unwrap_or_clone(filter.input))?;
        let Conjuncts { free, correlated, asking } = split_predicate(filter.predicate);
        for condition in free.into_iter().chain(correlated) {
            plan = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(plan))?);
        }
        for term in asking {
            plan = self.filter_by(plan, term, &mut available)?;
        }
        Ok(Rewritten { plan, available })
    }

    fn filter_by(&mut self, plan: LogicalPlan, term: Expr, available: &mut Vec<(Expr, Column)>) -> Result<LogicalPlan> {
        let schema = Arc::clone(plan.schema());
        let mut hoist = Hoist::new(&schema, available, &mut self.names, [&term])?;
        let term = hoist.rewrite(term, None)?;
        let (plan, made) = hoist.finish(plan)?;
        available.extend(made);
        Ok(LogicalPlan::Filter(Filter::try_new(term, Arc::new(plan))?))
    }

    fn projection(&mut self, projection: Projection) -> Result<Rewritten> {
        let Rewritten { plan, available } = self.node(Arc::unwrap_or_clone(projection.input))?;
        let (plan, expressions) = self.expressions(plan, &available, projection.expr)?;
        let plan = LogicalPlan::Projection(Projection::try_new(expressions, Arc::new(plan))?);
        Ok(Rewritten { plan, available: Vec::new() })
    }

    fn aggregate(&mut self, aggregate: Aggregate) -> Result<Rewritten> {
        if aggregate.group_expr.iter().any(|group| matches!(group, Expr::GroupingSet(_)) && has_call(group)) {
            return Err(refusal(
                "a model cannot be asked inside ROLLUP, CUBE or GROUPING SETS",
                "ask in a subquery, and group by its column",
            ));
        }
        let Rewritten { plan, available } = self.node(Arc::unwrap_or_clone(aggregate.input))?;
        let groups = aggregate.group_expr.len();
        let all = aggregate.group_expr.into_iter().chain(aggregate.aggr_expr).collect();
        let (plan, mut expressions) = self.expressions(plan, &available, all)?;
        let aggregates = expressions.split_off(groups);
        let plan = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(plan), expressions, aggregates)?);
        Ok(Rewritten { plan, available: Vec::new() })
    }

    fn window(&mut self, window: Window) -> Result<Rewritten> {
        let schema = window.schema;
        let Rewritten { plan, available } = self.node(Arc::unwrap_or_clone(window.input))?;
        let (plan, expressions) = self.expressions(plan, &available, window.window_expr)?;
        let plan = LogicalPlan::Window(Window::try_new(expressions, Arc::new(plan))?);
        Ok(Rewritten { plan: with_schema(plan, &schema)?, available: Vec::new() })
    }

    fn sort(&mut self, sort: Sort) -> Result<Rewritten> {
        let Rewritten { plan, mut available } = self.node(Arc::unwrap_or_clone(sort.input))?;
        let schema = Arc::clone(plan.schema());
        let mut hoist = Hoist::new(&schema, &available, &mut self.names, sort.expr.iter().map(|by| &by.expr))?;
        let mut by = sort.expr;
        for by in &mut by {
            by.expr = hoist.rewrite(std::mem::take(&mut by.expr), None)?;
        }
        let (plan, made) = hoist.finish(plan)?;
        available.extend(made);
        Ok(Rewritten { plan: LogicalPlan::Sort(Sort { expr: by, input: Arc::new(plan), fetch: sort.fetch }), available })
    }

    /// The expressions of a node over `plan`, under their old names, and the plan with the answers that they need.
    fn expressions(&mut self, plan: LogicalPlan, available: &[(Expr, Column)], expressions: Vec<Expr>) -> Result<(LogicalPlan, Vec<Expr>)> {
        let schema = Arc::clone(plan.schema());
        let mut hoist = Hoist::new(&schema, available, &mut self.names, &expressions)?;
        let preserver = NamePreserver::new_for_projection();
        let mut rewritten = Vec::with_capacity(expressions.len());
        for expression in expressions {
            let name = preserver.save(&expression);
            rewritten.push(match has_call(&expression) {
                true => name.restore(hoist.rewrite(expression, None)?),
                false => expression,
            });
        }
        let (plan, _) = hoist.finish(plan)?;
        Ok((plan, rewritten))
    }

    /// Calls in equalities of one side with the other are made on their own side, before the join. Other conditions that ask are checked on
    /// the rows that the rest of an inner join lets through; an outer join can ask only about one of its sides, and does so for the rows of it for
    /// which the free conditions hold, since no filter may drop the others before.
    fn join(&mut self, join: Join) -> Result<Rewritten> {
        let schema = Arc::clone(&join.schema);
        let mut left = Side::new(self.whole(Arc::unwrap_or_clone(join.left))?);
        let mut right = Side::new(self.whole(Arc::unwrap_or_clone(join.right))?);
        let mut on = Vec::with_capacity(join.on.len());
        for (left_key, right_key) in join.on {
            on.push((self.on_side(&mut left, left_key)?, self.on_side(&mut right, right_key)?));
        }
        let terms = join.filter.map(split_conjunction_owned).unwrap_or_default();
        let (asking, mut conditions): (Vec<Expr>, Vec<Expr>) = terms.into_iter().partition(has_call);
        let rows_of = |side: &Side| match join.join_type {
            JoinType::Inner => None,
            _ => conjunction(conditions.iter().filter(|term| side.is_subject(term) && is_guard(term)).map(|term| term.clone().is_true())),
        };
        (left.rows, right.rows) = (rows_of(&left), rows_of(&right));
        let mut afterwards = Vec::new();
        for term in asking {
            match term {
                Expr::BinaryExpr(BinaryExpr { left: a, op: Operator::Eq, right: b }) if left.is_subject(&a) && right.is_subject(&b) => {
                    conditions.push(self.on_side(&mut left, *a)?.eq(self.on_side(&mut right, *b)?));
                }
                Expr::BinaryExpr(BinaryExpr { left: a, op: Operator::Eq, right: b }) if right.is_subject(&a) && left.is_subject(&b) => {
                    conditions.push(self.on_side(&mut right, *a)?.eq(self.on_side(&mut left, *b)?));
                }
                term if join.join_type == JoinType::Inner => afterwards.push(term),
                term if left.has_all(&term) => conditions.push(self.on_side(&mut left, term)?),
                term if right.has_all(&term) => conditions.push(self.on_side(&mut right, term)?),
                _ => {
                    return Err(refusal(
                        format!(
                            "the condition of a {} join asks a model about both of its sides",
                            join.join_type.to_string().to_lowercase()
                        ),
                        "ask in an inner join, or about one side in a subquery",
                    ));
                }
            }
        }
        let (left, right) = (Arc::new(left.plan), Arc::new(right.plan));
        let filter = conjunction(conditions);
        let joined = Join::try_new(left, right, on, filter, join.join_type, join.join_constraint, join.null_equality, join.null_aware)?;
        let mut plan = LogicalPlan::Join(joined);
        let mut available = Vec::new();
        for term in afterwards {
            plan = self.filter_by(plan, term, &mut available)?;
        }
        Ok(Rewritten { plan: with_schema(plan, &schema)?, available: Vec::new() })
    }

    fn on_side(&mut self, side: &mut Side, expression: Expr) -> Result<Expr> {
        if !has_call(&expression) {
            return Ok(expression);
        }
        let schema = Arc::clone(side.plan.schema());
        let mut hoist = Hoist::new(&schema, &side.available, &mut self.names, [&expression])?.over_rows(side.rows.clone());
        let expression = hoist.rewrite(expression, side.rows.as_ref())?;
        let (plan, made) = hoist.finish(std::mem::take(&mut side.plan))?;
        side.plan = plan;
        side.available.extend(made);
        Ok(expression)
    }
}

/// One input of a join.
struct Side {
    plan: LogicalPlan,
    available: Vec<(Expr, Column)>,
    /// Where it is true, answers count; `None` means everywhere.
    rows: Option<Expr>,
}

impl Side {
    fn new(plan: LogicalPlan) -> Side {
        Side { plan, available: Vec::new(), rows: None }
    }

    /// Whether an expression is about this side, and this side alone.
    fn is_subject(&self, expression: &Expr) -> bool {
        self.has_all(expression) && !expression.column_refs().is_empty()
    }

    /// Whether an expression is about nothing but this side.
    fn has_all(&self, expression: &Expr) -> bool {
        expression.column_refs().into_iter().all(|column| self.plan.schema().has_column(column))
    }
}

/// The plan with exactly the columns of `schema`.
fn with_schema(plan: LogicalPlan, schema: &DFSchemaRef) -> Result<LogicalPlan> {
    if plan.schema().fields().len() == schema.fields().len() {
        return Ok(plan);
    }
    let columns = schema.columns().into_iter().map(Expr::Column).collect();
    Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(plan))?))
}

fn asks(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(node.expressions().iter().any(has_call)))
}

fn refuse_calls(plan: &LogicalPlan) -> Result<()> {
    let (place, hint) = match plan {
        LogicalPlan::Extension(_) => return Ok(()),
        _ if !plan.expressions().iter().any(has_call) => return Ok(()),
        LogicalPlan::Values(_) => ("in VALUES", "write SELECT llm_...(...), with UNION ALL for more than one row"),
        LogicalPlan::Distinct(_) => ("in DISTINCT ON", "ask in a subquery, and use its column here"),
        _ => ("in this place", "ask in a subquery, and use its column here"),
    };
    Err(refusal(format!("a model cannot be asked {place}"), hint))
}
