//! Bars: groups of upright ones, rows of stacked ones, and ranked ones.

use super::frame::{Frame, Scale, axis_end, percent, short_count};
use super::label::LABEL;
use super::svg::{Anchor, Area, Svg};

/// Width of a figure, in units that are about pixels on a phone.
pub const WIDTH: f64 = 440.0;

/// One colour of a figure.
#[derive(Debug, Clone)]
pub struct Series {
    /// What it stands for.
    pub name: String,
    /// The class that colours it.
    pub class: String,
    /// One value for each category.
    pub values: Vec<f64>,
}

/// Upright bars: for each category one of each series. Values are shares.
pub fn grouped(categories: &[String], series: &[Series], axis: &str) -> Svg {
    let mut svg = Svg::new(WIDTH, 240.0);
    let frame = Frame::of(WIDTH, 240.0, 44.0);
    let highest = series.iter().flat_map(|series| &series.values).copied().fold(0.0, f64::max);
    let scale = Scale::linear((0.0, axis_end(highest)), frame.vertical());
    frame.draw_rows(&mut svg, &scale, &scale.ticks(4), percent);
    let slot = frame.area.width / categories.len().max(1) as f64;
    let bar = (slot * 0.8 / series.len().max(1) as f64).min(34.0);
    let base = frame.vertical().0;
    for (index, category) in categories.iter().enumerate() {
        let middle = frame.area.x + (index as f64 + 0.5) * slot;
        let left = middle - bar * series.len() as f64 / 2.0;
        for (place, series) in series.iter().enumerate() {
            let value = series.values.get(index).copied().unwrap_or(0.0);
            if value > 0.0 {
                // What is there is seen, however little it is.
                let top = scale.place(value).min(base - 1.0);
                let area = Area { x: left + place as f64 * bar, y: top, width: bar - 1.5, height: base - top };
                svg.rect(area, &format!("fill {}", series.class), &format!("{}, {category}: {}", series.name, percent(value)));
            }
        }
        frame.draw_columns(&mut svg, [(middle, category.clone())]);
    }
    frame.draw_base(&mut svg, axis);
    svg
}

/// A part of a stacked bar.
#[derive(Debug, Clone)]
pub struct Part {
    /// What it stands for.
    pub name: String,
    /// The class that colours it.
    pub class: String,
    /// Its count.
    pub value: f64,
}

/// Rows of bars of one length, each divided into parts. A part's share stands in it where it has room.
pub fn stacked(rows: &[(String, Vec<Part>)]) -> Svg {
    const ROW: f64 = 34.0;
    let left = label_width(rows.iter().map(|(name, _)| name.as_str()));
    let mut svg = Svg::new(WIDTH, rows.len() as f64 * ROW + 6.0);
    let width = WIDTH - left - 52.0;
    for (index, (name, parts)) in rows.iter().enumerate() {
        let y = index as f64 * ROW + 4.0;
        let total: f64 = parts.iter().map(|part| part.value).sum();
        svg.text((left - 8.0, y + 18.0), Anchor::End, "label", &LABEL.fitted(name, left - 8.0));
        svg.text((WIDTH - 46.0, y + 18.0), Anchor::Start, "tick", &short_count(total));
        let mut x = left;
        for part in parts.iter().filter(|part| part.value > 0.0 && total > 0.0) {
            let share = part.value / total;
            let area = Area { x, y, width: share * width - 1.0, height: ROW - 8.0 };
            svg.rect(
                area,
                &format!("fill {}", part.class),
                &format!("{name}, {}: {} ({})", part.name, short_count(part.value), percent(share)),
            );
            if area.width > 34.0 {
                svg.text((x + area.width / 2.0, y + 17.5), Anchor::Middle, "inside", &percent(share));
            }
            x += share * width;
        }
    }
    svg
}

/// A row of [`ranked`]: a name with one bar for each series.
pub fn ranked(names: &[String], series: &[Series], label: impl Fn(f64) -> String) -> Svg {
    let bar = if series.len() > 1 { 11.0 } else { 13.0 };
    let row = bar * series.len() as f64 + 8.0;
    let left = label_width(names.iter().map(String::as_str));
    let width = WIDTH - left - 56.0;
    let highest = series.iter().flat_map(|series| &series.values).copied().fold(0.0, f64::max);
    let mut svg = Svg::new(WIDTH, names.len() as f64 * row + 6.0);
    for (index, name) in names.iter().enumerate() {
        let top = index as f64 * row + 3.0;
        svg.text((left - 8.0, top + bar * series.len() as f64 / 2.0 + 4.0), Anchor::End, "label", &LABEL.fitted(name, left - 8.0));
        for (place, series) in series.iter().enumerate() {
            let value = series.values.get(index).copied().unwrap_or(0.0);
            let length = if highest > 0.0 { value / highest * width } else { 0.0 };
            let y = top + place as f64 * bar;
            if value > 0.0 {
                let area = Area { x: left, y, width: length.max(1.0), height: bar - 1.0 };
                svg.rect(area, &format!("fill {}", series.class), &format!("{name}, {}: {}", series.name, label(value)));
            }
            svg.text((left + length + 5.0, y + bar / 2.0 + 3.5), Anchor::Start, "value", &label(value));
        }
    }
    svg
}

/// Room for the longest name, within bounds.
fn label_width<'a>(names: impl Iterator<Item = &'a str>) -> f64 {
    let longest = names.map(|name| LABEL.width(name)).fold(0.0, f64::max);
    (longest + 9.0).clamp(40.0, WIDTH * 0.46)
}
