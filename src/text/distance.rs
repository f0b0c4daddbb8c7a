//! The distance between two vectors.

/// One minus the cosine of the angle between two vectors of the same length: 0 for the same direction, 1 for a right angle, 2 for opposite
/// directions. `None` where there is no angle: a vector of length zero or without numbers, or one with an infinite or undefined number.
///
/// Both are scaled by their largest number first, so that neither very large nor very small ones are lost. Numbers beyond the shorter of
/// two vectors are not looked at; whether the lengths agree is for the caller to check.
pub fn cosine_distance(a: &[f64], b: &[f64]) -> Option<f64> {
    let (scale_a, scale_b) = (largest(a)?, largest(b)?);
    let (mut product, mut square_a, mut square_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a / scale_a, b / scale_b);
        product += a * b;
        square_a += a * a;
        square_b += b * b;
    }
    // Rounding may end just outside of the range.
    Some((1.0 - product / (square_a * square_b).sqrt()).clamp(0.0, 2.0))
}

/// The largest absolute value, if it is finite and above zero.
fn largest(vector: &[f64]) -> Option<f64> {
    let largest = vector.iter().try_fold(0.0, |largest: f64, number| number.is_finite().then(|| largest.max(number.abs())))?;
    (largest > 0.0).then_some(largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles() {
        assert_eq!(cosine_distance(&[1.0, 0.0], &[2.0, 0.0]), Some(0.0));
        assert_eq!(cosine_distance(&[1.0, 0.0], &[0.0, 3.0]), Some(1.0));
        assert_eq!(cosine_distance(&[1.0, 1.0], &[-1.0, -1.0]), Some(2.0));
        let half = cosine_distance(&[1.0, 0.0], &[1.0, 3.0f64.sqrt()]).unwrap();
        assert!((half - 0.5).abs() < 1e-15, "{half}");
    }

    #[test]
    fn no_angle() {
        for vector in [&[0.0, 0.0][..], &[], &[f64::NAN, 1.0], &[f64::INFINITY, 1.0]] {
            assert_eq!(cosine_distance(vector, &[1.0, 2.0]), None, "{vector:?}");
            assert_eq!(cosine_distance(&[1.0, 2.0], vector), None, "{vector:?}");
        }
    }

    #[test]
    fn sizes_do_not_matter() {
        let distance = cosine_distance(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]).unwrap();
        for size in [1e-300, 1e-9, 1e9, 1e300] {
            let scaled = cosine_distance(&[size, 2.0 * size, 3.0 * size], &[3.0, 2.0, 1.0]).unwrap();
            assert!((scaled - distance).abs() < 1e-12, "{size}");
        }
    }
}
