//! Axes: how values become places, and the lines and labels that say so.

use super::svg::{Anchor, Area, Svg};

/// Values on a straight or logarithmic axis, as places in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
    is_logarithmic: bool,
}

impl Scale {
    /// A straight axis from the first value of `domain` at the first place of `range`.
    pub fn linear(domain: (f64, f64), range: (f64, f64)) -> Scale {
        Scale { domain, range, is_logarithmic: false }
    }

    /// A logarithmic axis; both ends of `domain` are above 0.
    pub fn logarithmic(domain: (f64, f64), range: (f64, f64)) -> Scale {
        Scale { domain, range, is_logarithmic: true }
    }

    /// The place of a value.
    pub fn place(&self, value: f64) -> f64 {
        let position = |value: f64| if self.is_logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let (start, end) = (position(self.domain.0), position(self.domain.1));
        let span = end - start;
        let part = if span == 0.0 { 0.5 } else { (position(value) - start) / span };
        self.range.0 + part * (self.range.1 - self.range.0)
    }

    /// Round values inside the domain: about `count` on a straight axis, powers of ten on a logarithmic one.
    pub fn ticks(&self, count: usize) -> Vec<f64> {
        let (low, high) = self.domain;
        if self.is_logarithmic {
            let decades = low.log10().ceil() as i32..=high.log10().floor() as i32;
            return decades.map(|decade| 10f64.powi(decade)).collect();
        }
        let step = round_step((high - low) / count.max(1) as f64);
        let first = (low / step).ceil() as i64;
        let last = (high / step + 1e-9).floor() as i64;
        (first..=last).map(|index| index as f64 * step).collect()
    }
}

/// The least of 1, 2, 5, 10, ... that is not below `step`, times a power of ten.
fn round_step(step: f64) -> f64 {
    if !step.is_finite() || step <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(step.log10().floor());
    let rounded = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step * (1.0 - 1e-9));
    rounded.unwrap_or(10.0) * power
}

/// The value at which an axis from 0 ends, so that `highest` lies just inside.
pub fn axis_end(highest: f64) -> f64 {
    if !highest.is_finite() || highest <= 0.0 {
        return 1.0;
    }
    let step = round_step(highest / 4.0);
    (highest / step - 1e-9).ceil() * step
}

/// The part of a picture inside its axes.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Where the data is drawn.
    pub area: Area,
}

impl Frame {
    /// Leaves room for labels left of and below the data.
    pub fn of(width: f64, height: f64, left: f64) -> Frame {
        Frame { area: Area { x: left, y: 12.0, width: width - left - 10.0, height: height - 12.0 - 38.0 } }
    }

    /// From the left edge to the right one.
    pub fn horizontal(&self) -> (f64, f64) {
        (self.area.x, self.area.x + self.area.width)
    }

    /// From the lower edge to the upper one.
    pub fn vertical(&self) -> (f64, f64) {
        (self.area.y + self.area.height, self.area.y)
    }

    /// A line across, and its label, for each value of the vertical axis.
    pub fn draw_rows(&self, svg: &mut Svg, scale: &Scale, ticks: &[f64], label: impl Fn(f64) -> String) {
        let (left, right) = self.horizontal();
        for &tick in ticks {
            let y = scale.place(tick);
            svg.line((left, y), (right, y), "grid");
            svg.text((left - 6.0, y + 4.0), Anchor::End, "tick", &label(tick));
        }
    }

    /// A label below each value of the horizontal axis.
    pub fn draw_columns(&self, svg: &mut Svg, labels: impl IntoIterator<Item = (f64, String)>) {
        for (x, label) in labels {
            svg.text((x, self.vertical().0 + 16.0), Anchor::Middle, "tick", &label);
        }
    }

    /// The base line, and what the horizontal axis shows.
    pub fn draw_base(&self, svg: &mut Svg, name: &str) {
        let ((left, right), (base, _)) = (self.horizontal(), self.vertical());
        svg.line((left, base), (right, base), "axis");
        svg.text(((left + right) / 2.0, base + 33.0), Anchor::Middle, "axis-name", name);
    }
}

/// A count as people read it: 950, 12k, 3.4M.
pub fn short_count(value: f64) -> String {
    let scaled = |unit: f64, letter: &str| {
        let scaled = value / unit;
        let digits = usize::from(scaled < 10.0 && (scaled * 10.0).round() % 10.0 != 0.0);
        format!("{scaled:.digits$}{letter}")
    };
    match value {
        value if value >= 999_500_000.0 => scaled(1e9, "G"),
        value if value >= 999_500.0 => scaled(1e6, "M"),
        value if value >= 1_000.0 => scaled(1e3, "k"),
        _ => format!("{}", (value * 100.0).round() / 100.0),
    }
}

/// A share as a percentage: 3.2%, 45%.
pub fn percent(share: f64) -> String {
    let digits = usize::from(share > 0.0 && share < 0.0995);
    format!("{:.digits$}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(Scale::linear((0.0, 1.0), (0.0, 1.0)).ticks(4), [0.0, 0.5, 1.0]);
        assert_eq!(Scale::linear((0.0, 10.0), (0.0, 1.0)).ticks(5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(Scale::logarithmic((1.0, 1500.0), (0.0, 1.0)).ticks(0), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!([0.0, f64::NAN, 3.0, 7.2, 101.0].map(axis_end), [1.0, 1.0, 3.0, 8.0, 150.0]);
    }

    #[test]
    fn one_value_stands_in_the_middle() {
        assert_eq!(Scale::linear((3.0, 3.0), (0.0, 10.0)).place(3.0), 5.0);
        assert_eq!(Scale::logarithmic((1.0, 100.0), (0.0, 10.0)).place(10.0), 5.0);
    }

    #[test]
    fn counts_and_shares_are_short() {
        assert_eq!([0.0, 950.0, 1000.0, 1250.0, 12_345.0, 3_400_000.0].map(short_count), ["0", "950", "1k", "1.2k", "12k", "3.4M"]);
        assert_eq!([0.0, 0.032, 0.45, 1.0].map(percent), ["0%", "3.2%", "45%", "100%"]);
    }
}
