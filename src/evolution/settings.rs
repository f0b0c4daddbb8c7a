//! What is evolved, how, and up to which limits.

use serde::{Deserialize, Serialize};

use crate::functions::identity::draw_operator::OperatorWeights;
use crate::model::Parameters;

/// What one run of evolution does.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Up to this round.
    pub rounds: u32,
    /// SQL over `history`: only samples with an item for which it holds are evolved.
    pub predicate: Option<String>,
    /// How often each operator is drawn.
    pub operators: OperatorWeights,
    /// Sampling, of evolving and of judging.
    pub parameters: Parameters,
    /// Keep only items with at least this score.
    pub min_score: Option<i64>,
    /// Evolve samples without images too, and send no images at all.
    pub text_only: bool,
    /// What is evolved, besides or in place of what was never tried.
    pub due: Due,
    /// Requests to make at most; `None` for no limit. Answers of earlier calls do not count.
    pub max_calls: Option<u64>,
    /// USD after which no call is begun; `None` for no limit. Calls in flight may exceed it.
    pub budget_usd: Option<f64>,
}

/// What an evolution takes up. Attempts that succeed replace what stood in their place, which becomes `superseded`; nothing is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// What was never tried.
    #[default]
    New,
    /// That, and what failed.
    Failed,
    /// Only what would come out otherwise today: its prompt, its judge's prompt, its sample or its parents have changed (view `stale`), or its
    /// answer or its verdicts were cut off under a lower limit (view `cut_off`); and what descends from it.
    Stale,
    /// Only the evolutions with an item for which [`Settings::predicate`] holds. Each asks for another answer than before. Of each sample, only
    /// those of the first such round: what descends from them is stale then, and left to [`Due::Stale`].
    Chosen,
    /// Only the verdicts, where another judge or another judge's prompt gave them. The rewritten items stay as they came. Of each sample, only
    /// those of the first such round.
    Judgements,
}

impl Default for Settings {
    /// Three rounds, equal weights, the reference's parameters, no limits.
    fn default() -> Self {
        Settings {
            rounds: 3,
            predicate: None,
            operators: OperatorWeights::default(),
            parameters: Parameters::default(),
            min_score: None,
            text_only: false,
            due: Due::New,
            max_calls: None,
            budget_usd: None,
        }
    }
}
