//! Guards: the conditions under which a row needs an answer.

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::split_conjunction;

use super::expressions::refusal;

/// Whether a condition can be a guard, with nothing else of the query around it.
pub(super) fn is_guard(condition: &Expr) -> bool {
    let has_subquery = condition.exists(|inner| Ok(matches!(inner, Expr::ScalarSubquery(_)))).unwrap_or(true);
    !has_subquery && !condition.contains_outer() && check_guard(condition).is_ok()
}

/// Whether a guard holds for no row for which `known` does not: `None` holds for all.
pub(super) fn is_within(guard: Option<&Expr>, known: Option<&Expr>) -> bool {
    let terms = guard.map(split_conjunction).unwrap_or_default();
    known.is_none_or(|known| split_conjunction(known).iter().all(|term| terms.contains(term)))
}

/// Refuses what cannot be a guard. It is evaluated twice, before the call and where its answer is used, and must say the same both times.
pub(super) fn check_guard(guard: &Expr) -> Result<()> {
    let asks_a_subquery = |inner: &Expr| Ok(matches!(inner, Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_)));
    if guard.exists(asks_a_subquery)? {
        return Err(refusal(
            "whether to ask a model depends on IN (SELECT ...) or EXISTS (SELECT ...), which the engine decides together with the rest of the \
             condition only",
            "ask in a subquery, and compare outside of it: \
             SELECT * FROM (SELECT *, llm_complete(q) AS answer FROM t) WHERE answer = 'yes' OR id IN (SELECT ...)",
        ));
    }
    match guard.is_volatile() {
        true => Err(refusal(
            format!("whether to ask a model depends on '{guard}', which is another value each time it is evaluated"),
            "compute the condition as a column of a subquery, and use that column",
        )),
        false => Ok(()),
    }
}

/// The guard of what is reached where `reached` holds, which is everywhere for `None`, and the condition as well.
pub(super) fn and(reached: Option<Expr>, condition: Expr) -> Expr {
    match reached {
        Some(reached) => reached.and(condition),
        None => condition,
    }
}
