//! Drawing as SVG text: a few shapes, classes in place of colours, everything escaped.

use std::fmt::Write;

use super::bars::WIDTH;

/// Text that can stand in HTML and SVG, between tags and inside quotes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no other control characters, not even escaped ones.
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A rectangle, in units of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Of the left edge.
    pub x: f64,
    /// Of the upper edge.
    pub y: f64,
    /// To the right.
    pub width: f64,
    /// Downwards.
    pub height: f64,
}

/// Which end of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// A picture that grows shape by shape. It scales with the page, but one that is wider than [`WIDTH`] scrolls before its texts are too small to be
/// read; colours come from the page's style by class.
#[derive(Debug, Clone)]
pub struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    /// An empty picture of that size.
    pub fn new(width: f64, height: f64) -> Svg {
        Svg { width, height, body: String::new() }
    }

    /// A filled rectangle; pointing at it shows `tip`.
    pub fn rect(&mut self, area: Area, class: &str, tip: &str) {
        let Area { x, y, width, height } = area;
        let (x, y, width, height) = (number(x), number(y), number(width.max(0.0)), number(height.max(0.0)));
        self.shape("rect", &format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"1.5\""), class, tip);
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ends = format!("x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"", number(from.0), number(from.1), number(to.0), number(to.1));
        self.shape("line", &ends, class, "");
    }

    /// A dot; pointing at it shows `tip`.
    pub fn circle(&mut self, center: (f64, f64), radius: f64, class: &str, tip: &str) {
        let shape = format!("cx=\"{}\" cy=\"{}\" r=\"{}\"", number(center.0), number(center.1), number(radius));
        self.shape("circle", &shape, class, tip);
    }

    /// A line through points.
    pub fn polyline(&mut self, points: &[(f64, f64)], class: &str) {
        self.path(&format!("M{}", joined(points)), class, "");
    }

    /// A filled area between a line through points and the height `base`.
    pub fn area(&mut self, points: &[(f64, f64)], base: f64, class: &str) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let data = format!("M{},{}L{}L{},{}Z", number(first.0), number(base), joined(points), number(last.0), number(base));
        self.path(&data, class, "");
    }

    /// A path from its SVG data, which is not escaped; make its numbers with [`number`].
    pub fn path(&mut self, data: &str, class: &str, tip: &str) {
        self.shape("path", &format!("d=\"{data}\""), class, tip);
    }

    /// A text with its baseline at `place`.
    pub fn text(&mut self, place: (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let _ = write!(
            self.body,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"{}\" class=\"{class}\">{}</text>",
            number(place.0),
            number(place.1),
            anchor.name(),
            escape(text)
        );
    }

    fn shape(&mut self, name: &str, attributes: &str, class: &str, tip: &str) {
        let _ = match tip {
            "" => write!(self.body, "<{name} {attributes} class=\"{class}\"/>"),
            tip => write!(self.body, "<{name} {attributes} class=\"{class}\"><title>{}</title></{name}>", escape(tip)),
        };
    }

    /// The picture as an element, with its title and description for those who do not see it. `id` must be the only one on the page.
    pub fn finish(&self, id: &str, title: &str, description: &str) -> String {
        let (width, height) = (number(self.width), number(self.height));
        let scrolls = if self.width > WIDTH { format!(" style=\"--width:{width}\"") } else { String::new() };
        format!(
            "<svg viewBox=\"0 0 {width} {height}\"{scrolls} role=\"img\" aria-labelledby=\"{id}-title {id}-description\">\
             <title id=\"{id}-title\">{}</title><desc id=\"{id}-description\">{}</desc>{}</svg>",
            escape(title),
            escape(description),
            self.body
        )
    }
}

fn joined(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect::<Vec<_>>().join("L")
}

/// A coordinate, to a tenth of a unit. What is no finite number is 0: a picture never holds NaN.
pub fn number(value: f64) -> String {
    let rounded = if value.is_finite() { (value * 10.0).round() / 10.0 } else { 0.0 };
    // Never "-0".
    format!("{}", rounded + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_element() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.text((1.0, 2.0), Anchor::Start, "label", "</text><script>alert('x')</script>\u{1}");
        let drawn = svg.finish("a", "<b>", "\"quoted\"");
        assert!(!drawn.contains("<script") && !drawn.contains("<b>") && drawn.contains("&lt;script&gt;"), "{drawn}");
        assert!(!drawn.contains('\u{1}'));
    }

    #[test]
    fn numbers_are_short_and_finite() {
        assert_eq!([1.0, 1.26, -0.01, f64::NAN, f64::INFINITY].map(number), ["1", "1.3", "0", "0", "0"]);
    }
}
