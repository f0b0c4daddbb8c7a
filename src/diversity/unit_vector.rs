//! Directions.

/// Squared lengths of which the reciprocal and the summands are exact enough to be used as they are.
const COMFORTABLE: std::ops::Range<f64> = 1e-200..1e200;

/// Writes the vector of length 1 in the direction of `vector`. `false` where there is none: all components are 0, or one is not finite.
pub fn unit_vector(vector: &[f64], unit: &mut Vec<f64>) -> bool {
    unit.clear();
    unit.extend_from_slice(vector);
    let mut squared = squared_length(unit);
    if !COMFORTABLE.contains(&squared) {
        // By the largest component first, so that no square overflows or vanishes. Divided: the reciprocal of a subnormal number is infinite.
        let largest = unit.iter().fold(0.0f64, |largest, component| largest.max(component.abs()));
        unit.iter_mut().for_each(|component| *component /= largest);
        squared = squared_length(unit);
    }
    let scale = squared.sqrt().recip();
    unit.iter_mut().for_each(|component| *component *= scale);
    scale.is_finite() && scale > 0.0
}

/// Eight sums, which the processor forms at once.
fn squared_length(vector: &[f64]) -> f64 {
    let (eights, rest) = vector.as_chunks::<8>();
    let mut sums = [0.0f64; 8];
    for eight in eights {
        for (sum, component) in sums.iter_mut().zip(eight) {
            *sum += component * component;
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|component| component * component).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_any_length_have_a_direction() {
        let mut unit = Vec::new();
        // Of the last one the components are subnormal, 3 and 4 units of the least number.
        for scale in [1.0, 1e-5, 1e300, 1e-300, 5e-324] {
            let vector: Vec<f64> = [3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -4.0].map(|component| component * scale).into();
            assert!(unit_vector(&vector, &mut unit), "{scale}");
            assert!((unit[0] - 0.6).abs() < 1e-12 && (unit[9] + 0.8).abs() < 1e-12, "{scale}: {unit:?}");
        }
    }

    #[test]
    fn zeros_and_what_is_not_finite_have_none() {
        for vector in [&[0.0, 0.0][..], &[-0.0], &[f64::NAN, 1.0], &[1.0, f64::INFINITY], &[f64::NAN, f64::NAN], &[]] {
            assert!(!unit_vector(vector, &mut Vec::new()), "{vector:?}");
        }
    }
}
