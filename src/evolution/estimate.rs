//! How many tokens requests will take, between a low and a high figure.

use std::ops::{Add, AddAssign, Mul};

use serde::{Deserialize, Serialize};

use super::Evolution;
use super::statements::{RunValues, TOKENS};
use crate::error::Result;
use crate::query::Session;

/// Calls of a model from which more of them are foretold.
const CALLS_THAT_TELL: i64 = 20;

/// Bytes of English and JSON that make a token in the tokenizers in use: most, usual, least.
const BYTES_PER_TOKEN: Estimate = Estimate { low: 5.0, likely: 4.0, high: 3.2 };
/// Tokens of a 512x512 image: at low detail by OpenAI's price list (85), and as models count that cut it into patches (256 to 600).
const TOKENS_PER_IMAGE: Estimate = Estimate { low: 85.0, likely: 85.0, high: 600.0 };
/// Rewritten items per given item: 0.62 in the authors' first round (228 of 367).
const REWRITTEN_ITEMS: Estimate = Estimate { low: 0.4, likely: 0.62, high: 1.0 };
/// Length of a rewritten item and of a verdict: the means of the authors' first round (228 items, 51,911 and 12,260 tokens), give or take.
const TOKENS_PER_ITEM: Estimate = Estimate { low: 150.0, likely: 228.0, high: 300.0 };
const TOKENS_PER_VERDICT: Estimate = Estimate { low: 35.0, likely: 54.0, high: 75.0 };
/// What a judge is told besides the items.
const TOKENS_OF_SCORE_PROMPT: f64 = 1000.0;

/// A quantity that is not known yet: the least and the most it may well be, and what is likeliest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Less would be a surprise.
    pub low: f64,
    /// The best guess.
    pub likely: f64,
    /// More would be a surprise.
    pub high: f64,
}

impl Estimate {
    fn exactly(value: f64) -> Estimate {
        Estimate { low: value, likely: value, high: value }
    }

    fn each(self, other: Estimate, with: impl Fn(f64, f64) -> f64) -> Estimate {
        Estimate { low: with(self.low, other.low), likely: with(self.likely, other.likely), high: with(self.high, other.high) }
    }

    pub(super) fn map(self, with: impl Fn(f64) -> f64) -> Estimate {
        Estimate { low: with(self.low), likely: with(self.likely), high: with(self.high) }
    }
}

impl Add for Estimate {
    type Output = Estimate;

    fn add(self, other: Estimate) -> Estimate {
        self.each(other, |a, b| a + b)
    }
}

impl AddAssign for Estimate {
    fn add_assign(&mut self, other: Estimate) {
        *self = *self + other;
    }
}

impl Mul for Estimate {
    type Output = Estimate;

    fn mul(self, other: Estimate) -> Estimate {
        self.each(other, |a, b| a * b)
    }
}

/// Tokens of a request and of its answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tokens {
    pub prompt: Estimate,
    pub completion: Estimate,
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Tokens) {
        self.prompt += other.prompt;
        self.completion += other.completion;
    }
}

/// What the estimates of a plan rest on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TokenRates {
    /// Calls of the model that were measured; 0 where they are too few to tell, and the length of the text is used.
    pub evolve_calls: u64,
    /// As `evolve_calls`, of the judge.
    pub score_calls: u64,
}

/// Foretells tokens: from earlier calls of the same model where there are enough, else from the length of the text.
pub(super) struct Estimator {
    evolve: Option<Tokens>,
    score: Option<Tokens>,
    max_tokens: f64,
    pub rates: TokenRates,
}

/// A row of `round/tokens.sql`.
#[derive(Deserialize)]
struct Measured {
    kind: String,
    calls: i64,
    prompt_low: f64,
    prompt_mean: f64,
    prompt_high: f64,
    completion_low: f64,
    completion_mean: f64,
    completion_high: f64,
}

impl Measured {
    fn tokens(&self) -> Tokens {
        // A few long ones may carry the mean over the quartile.
        let estimate = |low: f64, mean: f64, high: f64| Estimate { low: low.min(mean), likely: mean, high: high.max(mean) };
        Tokens {
            prompt: estimate(self.prompt_low, self.prompt_mean, self.prompt_high),
            completion: estimate(self.completion_low, self.completion_mean, self.completion_high),
        }
    }
}

impl Estimator {
    pub async fn new(evolution: &Evolution, session: &Session) -> Result<Estimator> {
        let max_tokens = f64::from(evolution.settings.parameters.max_tokens);
        let mut estimator = Estimator { evolve: None, score: None, max_tokens, rates: TokenRates::default() };
        let tokens = TOKENS.bind(&evolution.parameters(1, RunValues::UNRECORDED))?;
        for measured in session.rows::<Measured>(&tokens).await? {
            if measured.calls < CALLS_THAT_TELL {
                continue;
            }
            let (tokens, calls) = match measured.kind.as_str() {
                "evolve" => (&mut estimator.evolve, &mut estimator.rates.evolve_calls),
                _ => (&mut estimator.score, &mut estimator.rates.score_calls),
            };
            *tokens = Some(measured.tokens());
            *calls = measured.calls.unsigned_abs();
        }
        Ok(estimator)
    }

    /// A request that is known: its prompt, and how many items it gives.
    pub fn evolve(&self, prompt_bytes: usize, items: usize, images: usize) -> Tokens {
        self.evolve_from(text(prompt_bytes), Estimate::exactly(items as f64), images)
    }

    /// A request of a later round, about what this one will have kept of its items.
    pub fn following_evolve(&self, prompt_bytes: usize, item_bytes: usize, items: usize, images: usize) -> Tokens {
        let kept = kept_of(items);
        self.evolve_from(text(prompt_bytes.saturating_sub(item_bytes)) + kept * TOKENS_PER_ITEM, kept, images)
    }

    /// The verdicts on what so many items are rewritten as.
    pub fn score(&self, item_bytes: usize, items: usize, images: usize) -> Tokens {
        self.score_from(text(item_bytes), Estimate::exactly(items as f64) * REWRITTEN_ITEMS, images)
    }

    /// The verdicts of a later round.
    pub fn following_score(&self, items: usize, images: usize) -> Tokens {
        let kept = kept_of(items);
        self.score_from(kept * TOKENS_PER_ITEM, kept * REWRITTEN_ITEMS, images)
    }

    /// The verdicts on items that are rewritten already.
    pub fn score_pairs(&self, pairs: usize, images: usize) -> Tokens {
        let pairs = Estimate::exactly(pairs as f64);
        self.score_from(pairs * TOKENS_PER_ITEM, pairs, images)
    }

    fn evolve_from(&self, prompt: Estimate, items: Estimate, images: usize) -> Tokens {
        self.evolve.unwrap_or_else(|| Tokens {
            prompt: prompt + image_tokens(images),
            completion: self.answer(items * REWRITTEN_ITEMS * TOKENS_PER_ITEM),
        })
    }

    fn score_from(&self, originals: Estimate, rewritten: Estimate, images: usize) -> Tokens {
        self.score.unwrap_or_else(|| Tokens {
            prompt: Estimate::exactly(TOKENS_OF_SCORE_PROMPT) + originals + rewritten * TOKENS_PER_ITEM + image_tokens(images),
            completion: self.answer(rewritten * TOKENS_PER_VERDICT),
        })
    }

    fn answer(&self, tokens: Estimate) -> Estimate {
        tokens.map(|tokens| tokens.min(self.max_tokens))
    }
}

fn text(bytes: usize) -> Estimate {
    Estimate::exactly(bytes as f64).each(BYTES_PER_TOKEN, |bytes, per_token| bytes / per_token)
}

fn image_tokens(images: usize) -> Estimate {
    Estimate::exactly(images as f64) * TOKENS_PER_IMAGE
}

/// Of so many given items, those that are rewritten and kept; at least one, since a sample that keeps none goes on with what it had.
fn kept_of(items: usize) -> Estimate {
    (Estimate::exactly(items as f64) * REWRITTEN_ITEMS).map(|kept| kept.max(1.0))
}
