//! Curves: densities of scores, rank against frequency, and rates with their intervals.

use super::bars::{Series, WIDTH};
use super::frame::{Frame, Scale, axis_end, percent, short_count};
use super::svg::Svg;

/// How often each whole number occurs.
#[derive(Debug, Clone)]
pub struct Counted {
    /// What was counted.
    pub name: String,
    /// The class that colours it.
    pub class: String,
    /// Values with their counts.
    pub counts: Vec<(f64, f64)>,
}

impl Counted {
    fn total(&self) -> f64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// `None` where nothing was counted.
    fn mean(&self) -> Option<f64> {
        let total = self.total();
        (total > 0.0).then(|| self.counts.iter().map(|(value, count)| value * count).sum::<f64>() / total)
    }

    /// The same with what lies beyond the axis at its end.
    fn within(&self, (low, high): (f64, f64)) -> Counted {
        Counted { counts: self.counts.iter().map(|(value, count)| (value.clamp(low, high), *count)).collect(), ..self.clone() }
    }

    /// The density at `value`, with each count spread as a normal distribution of that deviation.
    fn density(&self, value: f64, deviation: f64) -> f64 {
        let spread = |at: f64| (-0.5 * ((value - at) / deviation).powi(2)).exp() / (deviation * std::f64::consts::TAU.sqrt());
        self.counts.iter().map(|(at, count)| count * spread(*at)).sum::<f64>() / self.total()
    }
}

/// Smoothed densities of whole numbers from `low` to `high`, with a mark at each mean. What lies beyond is drawn at the end.
pub fn densities(counted: &[Counted], (low, high): (f64, f64), axis: &str) -> Svg {
    /// Less than one, so that the curve keeps the shape of whole numbers; large enough to join them.
    const DEVIATION: f64 = 0.7;
    const STEPS: usize = 140;
    let mut svg = Svg::new(WIDTH, 250.0);
    let frame = Frame::of(WIDTH, 250.0, 44.0);
    let x = Scale::linear((low - 0.5, high + 0.5), frame.horizontal());
    let at = |step: usize| low - 0.5 + (high - low + 1.0) * step as f64 / STEPS as f64;
    let counted: Vec<&Counted> = counted.iter().filter(|counted| counted.total() > 0.0).collect();
    let drawn: Vec<Counted> = counted.iter().map(|counted| counted.within((low, high))).collect();
    let curve = |counted: &Counted| (0..=STEPS).map(|step| (at(step), counted.density(at(step), DEVIATION))).collect::<Vec<_>>();
    let curves: Vec<Vec<(f64, f64)>> = drawn.iter().map(curve).collect();
    let highest = curves.iter().flatten().map(|(_, density)| *density).fold(0.0, f64::max);
    let y = Scale::linear((0.0, axis_end(highest)), frame.vertical());
    frame.draw_rows(&mut svg, &y, &y.ticks(4), percent);
    frame.draw_columns(&mut svg, x.ticks(10).into_iter().map(|value| (x.place(value), short_count(value))));
    for (counted, curve) in counted.iter().zip(&curves) {
        let points: Vec<(f64, f64)> = curve.iter().map(|(value, density)| (x.place(*value), y.place(*density))).collect();
        svg.area(&points, frame.vertical().0, &format!("veil {}", counted.class));
        svg.polyline(&points, &format!("curve {}", counted.class));
    }
    for (counted, drawn) in counted.iter().zip(&drawn) {
        if let (Some(mean), Some(at)) = (counted.mean(), drawn.mean()) {
            let place = (x.place(at), y.place(drawn.density(at, DEVIATION)));
            svg.line((place.0, frame.vertical().0), place, &format!("mean {}", counted.class));
            svg.circle(place, 3.5, &format!("fill {}", counted.class), &format!("{}: mean {mean:.2}", counted.name));
        }
    }
    frame.draw_base(&mut svg, axis);
    svg
}

/// Points of (rank, count), both axes logarithmic.
pub fn log_log(curves: &[(Series, Vec<(f64, f64)>)], horizontal: &str) -> Svg {
    let mut svg = Svg::new(WIDTH, 270.0);
    let frame = Frame::of(WIDTH, 270.0, 48.0);
    let points = || curves.iter().flat_map(|(_, points)| points);
    let farthest = points().map(|(rank, _)| *rank).fold(1.0, f64::max);
    let highest = points().map(|(_, count)| *count).fold(1.0, f64::max);
    let x = Scale::logarithmic((1.0, farthest.max(10.0)), frame.horizontal());
    let y = Scale::logarithmic((1.0, highest.max(10.0)), frame.vertical());
    frame.draw_rows(&mut svg, &y, &y.ticks(0), short_count);
    frame.draw_columns(&mut svg, x.ticks(0).into_iter().map(|rank| (x.place(rank), short_count(rank))));
    for (series, points) in curves {
        let places: Vec<(f64, f64)> = points.iter().map(|(rank, count)| (x.place(*rank), y.place(*count))).collect();
        svg.polyline(&places, &format!("curve {}", series.class));
        for ((rank, count), place) in points.iter().zip(&places) {
            let tip = format!("{}: rank {rank}, {} items", series.name, short_count(*count));
            svg.circle(*place, 2.2, &format!("fill {}", series.class), &tip);
        }
    }
    frame.draw_base(&mut svg, horizontal);
    svg
}

/// A rate among so many, in one of the columns of [`rates`].
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// The column, from 0.
    pub column: usize,
    /// From 0 to 1.
    pub rate: f64,
    /// Among how many.
    pub count: f64,
}

impl Rate {
    /// Wilson's interval that holds the true rate 95 times of 100. E. B. Wilson, JASA 22 (1927).
    fn interval(self) -> (f64, f64) {
        const Z: f64 = 1.96;
        let Rate { rate, count, .. } = self;
        let denominator = 1.0 + Z * Z / count;
        let center = (rate + Z * Z / (2.0 * count)) / denominator;
        let half = Z * (rate * (1.0 - rate) / count + Z * Z / (4.0 * count * count)).sqrt() / denominator;
        ((center - half).max(0.0), (center + half).min(1.0))
    }
}

/// Rates as dots with their intervals, one line of dots for each series, one place for each column.
pub fn rates(columns: &[String], series: &[(Series, Vec<Rate>)]) -> Svg {
    let mut svg = Svg::new(WIDTH, 250.0);
    let frame = Frame::of(WIDTH, 250.0, 44.0);
    let y = Scale::linear((0.0, 1.0), frame.vertical());
    frame.draw_rows(&mut svg, &y, &[0.0, 0.25, 0.5, 0.75, 1.0], percent);
    let slot = frame.area.width / columns.len().max(1) as f64;
    let middle = |column: usize| frame.area.x + (column as f64 + 0.5) * slot;
    frame.draw_columns(&mut svg, columns.iter().enumerate().map(|(index, name)| (middle(index), name.clone())));
    let step = (slot * 0.6 / series.len().max(1) as f64).min(26.0);
    let first = -step * (series.len() as f64 - 1.0) / 2.0;
    for (index, (series, rates)) in series.iter().enumerate() {
        let x = |rate: &Rate| middle(rate.column) + first + index as f64 * step;
        let known: Vec<&Rate> = rates.iter().filter(|rate| rate.count > 0.0).collect();
        let places: Vec<(f64, f64)> = known.iter().map(|rate| (x(rate), y.place(rate.rate))).collect();
        svg.polyline(&places, &format!("thread {}", series.class));
        for (rate, place) in known.into_iter().zip(&places) {
            let (low, high) = rate.interval();
            svg.line((place.0, y.place(low)), (place.0, y.place(high)), &format!("whisker {}", series.class));
            let column = columns.get(rate.column).map_or("", String::as_str);
            let tip = format!(
                "{}, {column}: {:.1}% of {}, 95%: {:.1} to {:.1}%",
                series.name,
                rate.rate * 100.0,
                short_count(rate.count),
                low * 100.0,
                high * 100.0
            );
            svg.circle(*place, 4.0, &format!("fill {}", series.class), &tip);
        }
    }
    frame.draw_base(&mut svg, "");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_hold_as_much_as_was_counted() {
        let counted = Counted { name: String::new(), class: String::new(), counts: vec![(3.0, 10.0), (5.0, 30.0)] };
        let sum: f64 = (-100..200).map(|step| counted.density(f64::from(step) / 10.0, 0.7) / 10.0).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
        assert_eq!(counted.mean(), Some(4.5));
    }

    #[test]
    fn what_lies_beyond_the_axis_is_drawn_at_its_end() {
        let counted = |counts| Counted { name: "one".into(), class: "a".into(), counts };
        let axis = (0.0, 10.0);
        let beyond = densities(&[counted(vec![(50.0, 1.0)])], axis, "").finish("a", "", "");
        let at_end = densities(&[counted(vec![(10.0, 1.0)])], axis, "").finish("a", "", "");
        assert!(beyond.contains("mean 50.00"), "the tip tells the mean itself");
        assert_eq!(beyond.replace("mean 50.00", "mean 10.00"), at_end);
    }

    /// From the formula's own paper by way of R: binom::binom.confint(8, 10, methods = "wilson").
    #[test]
    fn intervals_are_wilsons() {
        let (low, high) = Rate { column: 0, rate: 0.8, count: 10.0 }.interval();
        assert!((low - 0.4902).abs() < 5e-4 && (high - 0.9433).abs() < 5e-4, "{low} {high}");
    }

    #[test]
    fn nothing_and_one_value_draw_without_nan() {
        let one = Counted { name: "one".into(), class: "a".into(), counts: vec![(5.0, 1.0)] };
        let none = Counted { counts: Vec::new(), ..one.clone() };
        for drawn in [
            densities(std::slice::from_ref(&none), (0.0, 10.0), ""),
            densities(&[one, none], (0.0, 10.0), ""),
            log_log(&[], ""),
            rates(&[], &[]),
        ] {
            assert!(!drawn.finish("a", "", "").contains("NaN"));
        }
    }
}
