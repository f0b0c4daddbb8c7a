//! What a command spent, in words.

use std::fmt;

use super::{hint, note};
use crate::model::spending::Spent;

/// Says how many calls were made, what they cost, and how many were spared. A request that failed may have been paid for like a call.
pub fn note_spent(spent: Spent) {
    note(Counts(spent));
    if spent.uncounted > 0 {
        note(format_args!("the endpoint did not count the tokens of {} of these requests: what they cost is not known", spent.uncounted));
    }
    if spent.unpriced > spent.uncounted {
        note(format_args!("the price of {} of these requests is not known", spent.unpriced - spent.uncounted));
        hint("name it in a file with --prices");
    }
}

/// Calls, answers, tokens and money on one line.
pub struct Counts(pub Spent);

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Counts(spent) = self;
        let joined = if spent.joined > 0 { format!(", {} shared a call in flight", spent.joined) } else { String::new() };
        write!(
            f,
            "{} calls, {} answers from earlier calls{joined}, {} failed; {} + {} tokens{}",
            spent.calls,
            spent.cached,
            spent.failed,
            spent.prompt_tokens,
            spent.completion_tokens,
            KnownCost(spent)
        )
    }
}

/// ", $0.0012" where something is known of the cost, and nothing where the price of every call is unknown.
pub struct KnownCost(pub Spent);

impl fmt::Display for KnownCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KnownCost(spent) = self;
        match spent.unpriced > 0 && spent.cost_usd == 0.0 {
            true => Ok(()),
            false => write!(f, ", ${:.4}", spent.cost_usd),
        }
    }
}

/// An amount with as many decimals as it needs to be told from nothing.
pub fn dollars(usd: f64) -> String {
    match usd {
        0.1.. => format!("${usd:.2}"),
        _ => format!("${usd:.4}"),
    }
}
