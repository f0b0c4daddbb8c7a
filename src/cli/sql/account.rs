//! What statements ask of models, told on standard error.

use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::spent::{Counts, note_spent};
use crate::cli::{hint, note};
use crate::model::spending::{Spending, Spent};

/// What the statements ask, told once.
pub(super) struct Account {
    spending: Arc<Spending>,
    told: Mutex<Told>,
}

/// What was told already, and in how many parts.
#[derive(Default)]
struct Told {
    spent: Spent,
    parts: usize,
}

impl Account {
    pub(super) fn new(spending: Arc<Spending>) -> Account {
        Account { spending, told: Mutex::default() }
    }

    /// What was asked since the last time, if anything was, and what became of rows that show no error themselves.
    pub(super) fn tell(&self) {
        let spent = self.spending.spent();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let new = spent.since(&told.spent);
        told.spent = spent;
        if new.calls + new.cached + new.joined + new.failed + new.not_asked > 0 {
            told.parts += 1;
            note_spent(new);
        }
        if new.not_asked > 0 {
            note(format_args!("{} requests were not made: a limit was reached, or the command was stopped", new.not_asked));
        }
        if let Some(unanswered) = self.spending.take_unanswered() {
            note(format_args!("{} values are NULL: no answer of use came back", unanswered.rows));
            note(format_args!("the commonest error, {} times: {}", unanswered.times, unanswered.commonest));
            hint("the try_llm_... functions say why, row by row");
        }
        if let Some(unusable) = self.spending.take_unusable() {
            note(format_args!("{} values of try_llm_... hold an error: no answer of use came back", unusable.rows));
            note(format_args!("the commonest error, {} times: {}", unusable.times, unusable.commonest));
        }
    }

    /// What is left to tell, and the sum of what was told in parts.
    pub(super) fn tell_the_end(&self) {
        self.tell();
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.parts > 1 {
            note(format_args!("in all: {}", Counts(told.spent)));
        }
    }
}
