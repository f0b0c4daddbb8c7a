//! How unequally a total is shared.

use super::counts::Counts;
use super::{DiversityError, Measure, StateReader, StateWriter};

/// The Gini coefficient of numbers (Gini 1912): 0 where all are equal, to 1 − 1/n where one has all.
///
/// Equal numbers take memory once. Numbers that are not finite are left out.
#[derive(Debug, Default)]
pub struct NumberInequality {
    /// By the bits of the number, which for numbers that are not negative sort like the numbers.
    counts: Counts,
}

impl NumberInequality {
    /// Takes a number.
    ///
    /// # Errors
    /// A negative number has no share of the total.
    pub fn add(&mut self, number: f64) -> Result<(), DiversityError> {
        if number < 0.0 {
            return Err(DiversityError::NegativeNumber { number });
        }
        if number.is_finite() {
            // A negative zero becomes one without sign.
            self.counts.add((number + 0.0).to_bits(), 1);
        }
        Ok(())
    }
}

impl Measure for NumberInequality {
    fn save(&self, state: &mut StateWriter) {
        self.counts.save(state);
    }

    fn merge(&mut self, state: &mut StateReader<'_>) -> Result<(), DiversityError> {
        self.counts.merge(state)
    }

    /// `None` for no numbers, and where all are 0: there is no total to share.
    fn value(&self) -> Option<f64> {
        let mut numbers: Vec<(u64, u64)> = self.counts.iter().collect();
        numbers.sort_unstable();
        let largest = f64::from_bits(numbers.last()?.0);
        // A power of two, so that no digit changes and no sum overflows.
        let scale = if largest > 1e200 { 2f64.powi(-512) } else { 1.0 };
        let total = self.counts.total() as f64;
        let (mut before, mut weighted, mut sum) = (0.0, 0.0, 0.0);
        for (bits, items) in numbers {
            let (number, items) = (f64::from_bits(bits) * scale, items as f64);
            weighted += number * items * (2.0 * before + items - total);
            sum += number * items;
            before += items;
        }
        (largest > 0.0).then(|| (weighted / (total * sum)).max(0.0))
    }

    fn heap_bytes(&self) -> usize {
        self.counts.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f64]) -> Option<f64> {
        let mut measure = NumberInequality::default();
        numbers.iter().for_each(|number| measure.add(*number).unwrap());
        measure.value()
    }

    #[test]
    fn known_shares() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[0.0, -0.0]), None);
        assert_eq!(of(&[3.0]), Some(0.0));
        assert_eq!(of(&[3.0; 5]), Some(0.0));
        assert_eq!(of(&[0.0, 0.0, 0.0, 8.0]), Some(0.75));
        assert_eq!(of(&[1.0, 3.0]), Some(0.25));
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        assert_eq!(of(&[1.0, f64::NAN, 3.0, f64::INFINITY]), Some(0.25));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let value = of(&[f64::MAX, f64::MAX, 0.0]).unwrap();
        assert!((value - 1.0 / 3.0).abs() < 1e-12, "{value}");
    }

    #[test]
    fn a_negative_number_is_an_error() {
        assert_eq!(NumberInequality::default().add(-1.0), Err(DiversityError::NegativeNumber { number: -1.0 }));
    }
}
