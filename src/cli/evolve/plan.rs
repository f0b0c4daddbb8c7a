//! `mmevol evolve --dry-run`.

use super::live::short;
use super::{note_stale_beyond, note_without_images, print_table, warn_of_stale_parents};
use crate::cli::models::SpendingArguments;
use crate::cli::report_format::ReportFormat;
use crate::cli::{note, print_json, print_line};
use crate::error::Result;
use crate::evolution::{Estimate, Evolution, Plan, PlannedRequests, PlannedTotal, bound_statements};

/// Prints the statements of the first round that is due, and what all rounds would ask.
pub async fn print(evolution: &Evolution, format: ReportFormat, limits: &SpendingArguments) -> Result<()> {
    let plan = evolution.plan().await?;
    if format == ReportFormat::Json {
        return print_json(&[plan]);
    }
    let Some(first_round) = plan.first_round() else {
        if plan.fallen_away == 0 {
            note("nothing is due");
        }
        note_parents(&plan);
        note_without_images(plan.without_images);
        return Ok(());
    };
    for (name, sql) in bound_statements(evolution, first_round)? {
        print_line(&format!("-- sql/{name}.sql\n{}\n;\n", sql.trim_end()))?;
    }
    print_requests(&plan)?;
    print_line("")?;
    print_costs(&plan)?;
    note_total(&plan.total);
    if let Some(most) = limits.max_calls.filter(|most| *most < plan.total.calls()) {
        note(format_args!("--max-calls {most} stops it before that; the same command then goes on"));
    }
    note_estimates(&plan);
    note_parents(&plan);
    if plan.journal_unread {
        note("another command writes to the store: answers that it has not published yet are not counted as cached");
    }
    note_without_images(plan.without_images);
    Ok(())
}

/// What is asked for, and why. Two tables, so that neither is wider than 80 columns.
fn print_requests(plan: &Plan) -> Result<()> {
    let rows = plan.requests.iter().map(|planned| {
        let requests = planned.total.evolve_requests + planned.total.score_requests;
        let [samples, requests, cached] = [planned.samples, requests, planned.total.cached].map(|count| count.to_string());
        vec![planned.round.to_string(), planned.operator.clone(), planned.due.clone(), samples, requests, cached]
    });
    print_table(&["round", "operator", "due", "samples", "requests", "cached"], rows)
}

/// What it takes, by round and operator.
fn print_costs(plan: &Plan) -> Result<()> {
    // Those of one round and operator stand beside each other.
    let mut totals: Vec<(u32, &str, PlannedTotal)> = Vec::new();
    for PlannedRequests { round, operator, total, .. } in &plan.requests {
        match totals.last_mut().filter(|last| last.0 == *round && last.1 == operator) {
            Some((.., sum)) => sum.add(total),
            None => totals.push((*round, operator.as_str(), total.clone())),
        }
    }
    let rows = totals.into_iter().map(|(round, operator, total)| {
        let [tokens_in, tokens_out] = [total.prompt_tokens, total.completion_tokens].map(token_range);
        vec![round.to_string(), operator.to_owned(), tokens_in, tokens_out, cost_range(total.cost_usd)]
    });
    print_table(&["round", "operator", "tokens_in", "tokens_out", "cost_usd"], rows)
}

fn note_total(total: &PlannedTotal) {
    let cost = total.cost_usd.map_or_else(
        || "at a price that is not known".to_owned(),
        |cost| format!("for about ${:.4} (${:.4} to ${:.4})", cost.likely, cost.low, cost.high),
    );
    note(format_args!("{} calls {cost}, {} answers from earlier calls; nothing was asked", total.calls(), total.cached));
}

fn note_estimates(plan: &Plan) {
    match (plan.rates.evolve_calls, plan.rates.score_calls) {
        (0, 0) => note("tokens are estimated from the length of the text"),
        (evolve, score) => {
            let source = |calls: u64, who: &str| match calls {
                0 => format!("from the length of the text for {who}"),
                calls => format!("from {calls} earlier calls for {who}"),
            };
            note(format_args!("tokens are estimated {}, {}", source(evolve, "the model"), source(score, "the judge")));
        }
    }
    if plan.requests.iter().any(|planned| planned.due.starts_with("follows")) {
        note("what follows another round depends on what is kept there, and is counted in full");
    }
}

/// What there is to know beside the requests: what goes without any, and what will be paid for once more.
fn note_parents(plan: &Plan) {
    if plan.fallen_away > 0 {
        note(format_args!("{} evolutions fall away (no calls): superseded, with nothing in their place", plan.fallen_away));
    }
    if plan.more_may_fall_away {
        note("of later rounds, more may fall away: that depends on what is kept before them");
    }
    if plan.stale_parents > 0 {
        warn_of_stale_parents(plan.stale_parents);
    }
    note_stale_beyond(plan.stale_beyond);
}

fn token_range(tokens: Estimate) -> String {
    range(short(tokens.low as u64), short(tokens.high as u64))
}

fn cost_range(cost: Option<Estimate>) -> String {
    let digits = |cost: f64| format!("{cost:.4}");
    cost.map_or_else(|| "unknown".into(), |cost| range(digits(cost.low), digits(cost.high)))
}

fn range(low: String, high: String) -> String {
    if low == high { low } else { format!("{low}-{high}") }
}
