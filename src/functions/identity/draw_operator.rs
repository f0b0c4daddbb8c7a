//! `draw_operator(seed, sample_id, round, weights)`: the direction a sample is rewritten in.

use std::str::FromStr;

use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use serde::Deserialize;

use crate::error::{Error, Result, suggest};
use crate::functions::arguments::{Description, Parameter, ParameterKind};
use crate::functions::pure::PureFunction;
use crate::ids::stable_fraction;
use crate::instruction::Operator;

static DESCRIPTION: Description = Description {
    name: "draw_operator",
    parameters: &[
        Parameter { name: "seed", kind: ParameterKind::Integer, description: "The seed of the run." },
        Parameter { name: "sample_id", kind: ParameterKind::Text, description: "The sample." },
        Parameter { name: "round", kind: ParameterKind::Integer, description: "The round, from 1." },
        Parameter { name: "weights", kind: ParameterKind::Text, description: "NAME=WEIGHT,... as in --operators." },
    ],
    optional: 0,
    section: "Identity",
    summary: "The operator drawn for a sample in a round, by hash: independent of order and of other samples. NULL where an argument is NULL \
              or the weights cannot be read.",
    example: "SELECT draw_operator(3407, 'a', 1, 'interaction=1,cognitive_reasoning=2')",
};

#[derive(Deserialize)]
struct Row {
    seed: Option<i64>,
    sample_id: Option<String>,
    round: Option<i64>,
    weights: Option<String>,
}

/// The function.
pub fn draw_operator() -> ScalarUDF {
    PureFunction::of_rows(&DESCRIPTION, DataType::Utf8, |row: Row| {
        let weights: OperatorWeights = row.weights?.parse().ok()?;
        Some(weights.draw(row.seed?, &row.sample_id?, row.round?).name())
    })
}

/// How often each operator is drawn, relative to the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatorWeights([f64; 3]);

impl Default for OperatorWeights {
    /// Equal thirds, the best mix in the paper's ablation (Table 2).
    fn default() -> Self {
        OperatorWeights([1.0; 3])
    }
}

impl OperatorWeights {
    /// The operator of a sample in a round.
    pub fn draw(&self, seed: i64, sample_id: &str, round: i64) -> Operator {
        let fraction = stable_fraction([Some("operator"), Some(&seed.to_string()), Some(sample_id), Some(&round.to_string())]);
        let mut left = fraction * self.0.iter().sum::<f64>();
        for (operator, weight) in Operator::ALL.into_iter().zip(self.0) {
            if left < weight {
                return operator;
            }
            left -= weight;
        }
        // Rounding can leave a remainder of zero: the last operator that can be drawn at all.
        Operator::ALL
            .into_iter()
            .zip(self.0)
            .rev()
            .find(|(_, weight)| *weight > 0.0)
            .map_or(Operator::Interaction, |(operator, _)| operator)
    }
}

impl std::fmt::Display for OperatorWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named: Vec<String> = Operator::ALL
            .into_iter()
            .zip(self.0)
            .filter(|(_, weight)| *weight > 0.0)
            .map(|(name, weight)| format!("{name}={weight}"))
            .collect();
        f.write_str(&named.join(","))
    }
}

impl FromStr for OperatorWeights {
    type Err = Error;

    /// Reads `NAME=WEIGHT,...`; an operator that is not named is not drawn, a name alone counts 1.
    fn from_str(text: &str) -> Result<Self> {
        let mut weights = [0.0; 3];
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let operator: Operator = name.trim().parse().map_err(|_| Error::Argument {
                name: "operators".into(),
                message: format!("'{}' is no operator: expected fine_grained_perception, cognitive_reasoning or interaction", name.trim()),
                hints: suggest(name.trim(), Operator::ALL.map(Operator::name)),
            })?;
            let weight: f64 = weight.trim().parse().ok().filter(|weight: &f64| weight.is_finite() && *weight >= 0.0).ok_or_else(|| {
                Error::argument("operators", format!("the weight of '{name}' must be a number of at least 0, not '{weight}'"))
            })?;
            weights[operator as usize] = weight;
        }
        match weights.iter().sum::<f64>() > 0.0 {
            true => Ok(OperatorWeights(weights)),
            false => Err(Error::argument("operators", "at least one operator must have a weight above 0")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_decide_how_often_each_is_drawn() {
        let weights: OperatorWeights = "fine_grained_perception=2, cognitive_reasoning=1,interaction=1".parse().unwrap();
        let drawn = |operator| (0..4000).filter(|i| weights.draw(3407, &i.to_string(), 1) == operator).count();
        assert!((1880..2120).contains(&drawn(Operator::FineGrainedPerception)));
        assert!((880..1120).contains(&drawn(Operator::Interaction)));
    }

    #[test]
    fn bad_weights_are_named() {
        for text in ["", "interaction=-1", "interaction=NaN", "interactive", "interaction=0"] {
            assert!(text.parse::<OperatorWeights>().is_err(), "{text}");
        }
        assert_eq!("interactoin".parse::<OperatorWeights>().unwrap_err().hints(), ["did you mean 'interaction'?"]);
        assert_eq!("interaction".parse::<OperatorWeights>().unwrap().to_string(), "interaction=1");
    }
}
