//! How evenly items are spread over categories.

use super::counts::{Counts, Spread};
use super::{DiversityError, Measure, StateReader, StateWriter};

/// What is measured of the spread. With p the share of a category and k the number of categories that occur:
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// −Σ p log2 p, in bits (Shannon 1948): 0 to log2 k.
    Entropy,
    /// The entropy divided by log2 k (Pielou 1966): 0 to 1; not defined for one category.
    NormalizedEntropy,
    /// (Σ p^q)^(1/(1−q)), the Hill number of this order (Hill 1973): 1 to k. Its limits at q = 1 and at infinity are taken.
    EffectiveNumber {
        /// The order q: not negative, may be infinite.
        order: f64,
    },
    /// The Gini coefficient of the categories' counts: 0 to 1 − 1/k.
    Gini,
}

/// A [`Statistic`] of items by their categories.
#[derive(Debug)]
pub struct Categories {
    counts: Counts,
    statistic: Statistic,
}

impl Categories {
    /// Of no items yet.
    pub fn new(statistic: Statistic) -> Self {
        Categories { counts: Counts::default(), statistic }
    }

    /// Takes an item of the category with this hash.
    pub fn add(&mut self, category: u64) {
        self.counts.add(category, 1);
    }
}

impl Measure for Categories {
    fn save(&self, state: &mut StateWriter) {
        self.counts.save(state);
    }

    fn merge(&mut self, state: &mut StateReader<'_>) -> Result<(), DiversityError> {
        self.counts.merge(state)
    }

    fn value(&self) -> Option<f64> {
        let spread = self.counts.spread();
        let values = spread.values();
        match self.statistic {
            _ if values == 0 => None,
            Statistic::Entropy => Some(entropy(&spread)),
            Statistic::NormalizedEntropy => (values > 1).then(|| (entropy(&spread) / (values as f64).log2()).min(1.0)),
            Statistic::EffectiveNumber { order } => effective_number(&spread, order),
            Statistic::Gini => Some(gini(&spread)),
        }
    }

    fn heap_bytes(&self) -> usize {
        self.counts.heap_bytes()
    }
}

/// In bits.
fn entropy(spread: &Spread) -> f64 {
    // Of the reciprocal, so that one category gives 0 and not -0.
    spread.sum(|share| share * share.recip().log2())
}

fn effective_number(spread: &Spread, order: f64) -> Option<f64> {
    let values = spread.values() as f64;
    let largest = spread.largest_share()?;
    let number = if order == 0.0 {
        values
    } else if order == f64::INFINITY {
        largest.recip()
    } else if order == 1.0 {
        spread.sum(|share| share * -share.ln()).exp()
    } else if (order - 1.0).abs() < 0.5 {
        // The sum is near 1 and its logarithm is divided by a small number, so their difference from 1 is what is computed.
        let excess = spread.sum(|share| share * ((order - 1.0) * share.ln()).exp_m1());
        (excess.ln_1p() / (1.0 - order)).exp()
    } else {
        // The largest share is taken out, since powers of small shares vanish; the order is divided first, since a large one times a logarithm is infinite.
        let relative = spread.sum(|share| (order * (share / largest).ln()).exp());
        (order / (1.0 - order) * largest.ln() + relative.ln() / (1.0 - order)).exp()
    };
    Some(number.clamp(1.0, values))
}

/// Σ (2i − k − 1) c_i / (k Σ c_i) over the counts c_1 ≤ ... ≤ c_k.
fn gini(spread: &Spread) -> f64 {
    let values = i128::from(spread.values());
    let mut before = 0;
    let mut weighted = 0i128;
    for level in &spread.levels {
        let (items, equal) = (i128::from(level.items), i128::from(level.values));
        // The ranks before + 1 to before + equal, summed up.
        weighted += items * equal * (2 * before + equal - values);
        before += equal;
    }
    weighted as f64 / (values * i128::from(spread.total)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: [f64; 8] = [0.0, 0.5, 0.999_999, 1.0, 1.000_001, 2.0, 50.0, f64::INFINITY];

    fn of(counts: &[u64], statistic: Statistic) -> Option<f64> {
        let mut measure = Categories::new(statistic);
        for (category, items) in counts.iter().enumerate() {
            (0..*items).for_each(|_| measure.add(category as u64));
        }
        measure.value()
    }

    #[test]
    fn equal_counts_are_as_even_as_can_be() {
        let counts = [7; 8];
        assert_eq!(of(&counts, Statistic::Entropy), Some(3.0));
        assert_eq!(of(&counts, Statistic::NormalizedEntropy), Some(1.0));
        assert_eq!(of(&counts, Statistic::Gini), Some(0.0));
        for order in ORDERS {
            let number = of(&counts, Statistic::EffectiveNumber { order }).unwrap();
            assert!((number - 8.0).abs() < 1e-9, "order {order}: {number}");
        }
    }

    #[test]
    fn one_category_is_no_diversity() {
        assert_eq!(of(&[5], Statistic::Entropy), Some(0.0));
        assert_eq!(of(&[5], Statistic::NormalizedEntropy), None);
        assert_eq!(of(&[5], Statistic::Gini), Some(0.0));
        for order in ORDERS {
            assert_eq!(of(&[5], Statistic::EffectiveNumber { order }), Some(1.0));
        }
    }

    #[test]
    fn nothing_has_no_value() {
        for statistic in [Statistic::Entropy, Statistic::NormalizedEntropy, Statistic::Gini, Statistic::EffectiveNumber { order: 1.0 }] {
            assert_eq!(of(&[], statistic), None);
        }
    }

    #[test]
    fn known_spreads() {
        // Shares 1/2, 1/4, 1/4.
        assert_eq!(of(&[2, 1, 1], Statistic::Entropy), Some(1.5));
        let inverse_simpson = of(&[2, 1, 1], Statistic::EffectiveNumber { order: 2.0 }).unwrap();
        assert!((inverse_simpson - 8.0 / 3.0).abs() < 1e-12);
        // Counts 1 and 3: (−1 + 3) / (2 · 4).
        assert_eq!(of(&[3, 1], Statistic::Gini), Some(0.25));
    }

    #[test]
    fn a_very_high_order_is_as_infinity() {
        for order in [1e300, 1e308, f64::MAX] {
            let number = of(&[2, 1, 1], Statistic::EffectiveNumber { order }).unwrap();
            assert!((number - 2.0).abs() < 1e-9, "order {order}: {number}");
        }
    }

    #[test]
    fn effective_numbers_fall_as_the_order_rises() {
        let numbers: Vec<f64> =
            ORDERS.iter().map(|order| of(&[90, 5, 3, 1, 1], Statistic::EffectiveNumber { order: *order }).unwrap()).collect();
        assert!(numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");
    }
}
