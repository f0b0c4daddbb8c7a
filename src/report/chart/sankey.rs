//! Flows between stages: how many went from which state to which.

use std::collections::BTreeMap;

use super::bars::WIDTH;
use super::frame::{percent, short_count};
use super::svg::{Anchor, Area, Svg, number};

/// A state at a stage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stop {
    /// The stage, from 0, left to right.
    pub stage: usize,
    /// The state's place among all states, from the top.
    pub state: usize,
}

/// How many go from one stop to one of the next stage.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Where from.
    pub from: Stop,
    /// Where to.
    pub to: Stop,
    /// How many.
    pub count: f64,
}

/// A kind of stop.
#[derive(Debug, Clone)]
pub struct State {
    /// What it is called.
    pub name: String,
    /// The class that colours it.
    pub class: String,
}

struct Node {
    area: Area,
    /// Where the next flow begins, and where the next one ends.
    out: f64,
    into: f64,
}

/// Stages as columns, states as bars in them, flows as bands between them. Every stage holds as many as the first one.
pub fn sankey(stages: &[String], states: &[State], flows: &[Flow]) -> Svg {
    const HEIGHT: f64 = 300.0;
    const TOP: f64 = 22.0;
    const BAR: f64 = 13.0;
    const GAP: f64 = 9.0;
    /// Right of the last bars, for their labels.
    const MARGIN: f64 = 92.0;
    // Labels need room: with many rounds the picture grows, and its frame scrolls.
    let width = WIDTH.max(stages.len() as f64 * 106.0);
    let mut svg = Svg::new(width, HEIGHT);
    let counts = counts(flows);
    let total: f64 = counts.iter().filter(|(stop, _)| stop.stage == 0).map(|(_, count)| count).sum();
    let most_states = (0..stages.len()).map(|stage| counts.keys().filter(|stop| stop.stage == stage).count()).max().unwrap_or(1);
    let unit = (HEIGHT - TOP - 8.0 - GAP * most_states.saturating_sub(1) as f64) / total.max(1.0);
    let step = (width - BAR - 2.0 - MARGIN) / stages.len().saturating_sub(1).max(1) as f64;

    let mut nodes: BTreeMap<Stop, Node> = BTreeMap::new();
    let mut y = TOP;
    let mut stage = 0;
    for (stop, count) in &counts {
        if stop.stage != stage {
            (stage, y) = (stop.stage, TOP);
        }
        let area = Area { x: 1.0 + stop.stage as f64 * step, y, width: BAR, height: (count * unit).max(1.0) };
        y += area.height + GAP;
        nodes.insert(stop.clone(), Node { out: area.y, into: area.y, area });
    }
    for flow in flows {
        let thickness = flow.count * unit;
        let Some(from) = nodes.get_mut(&flow.from) else { continue };
        let start = (from.area.x + BAR, from.out + thickness / 2.0);
        from.out += thickness;
        let Some(to) = nodes.get_mut(&flow.to) else { continue };
        let end = (to.area.x, to.into + thickness / 2.0);
        to.into += thickness;
        let middle = (start.0 + end.0) / 2.0;
        let band = |dy: f64| (number(start.1 + dy), number(end.1 + dy));
        let ((upper_start, upper_end), (lower_start, lower_end)) = (band(-thickness / 2.0), band(thickness / 2.0));
        let (left, middle, right) = (number(start.0), number(middle), number(end.0));
        let data = format!(
            "M{left},{upper_start}C{middle},{upper_start} {middle},{upper_end} {right},{upper_end}\
             L{right},{lower_end}C{middle},{lower_end} {middle},{lower_start} {left},{lower_start}Z"
        );
        let (Some(source), Some(target)) = (states.get(flow.from.state), states.get(flow.to.state)) else { continue };
        let tip = format!("{} to {}: {} ({})", source.name, target.name, short_count(flow.count), percent(flow.count / total));
        svg.path(&data, &format!("band {}", target.class), &tip);
    }
    for (stop, node) in &nodes {
        let Some(state) = states.get(stop.state) else { continue };
        let count = counts.get(stop).copied().unwrap_or(0.0);
        svg.rect(
            node.area,
            &format!("fill {}", state.class),
            &format!("{}: {} ({})", state.name, short_count(count), percent(count / total)),
        );
        if node.area.height > 9.0 {
            let place = (node.area.x + BAR + 5.0, node.area.y + node.area.height / 2.0 + 4.0);
            svg.text(place, Anchor::Start, "flow-name", &format!("{} {}", state.name, short_count(count)));
        }
    }
    for (index, name) in stages.iter().enumerate() {
        svg.text((1.0 + index as f64 * step, 12.0), Anchor::Start, "axis-name", name);
    }
    svg
}

/// How many stand at each stop.
fn counts(flows: &[Flow]) -> BTreeMap<Stop, f64> {
    let mut counts: BTreeMap<Stop, f64> = BTreeMap::new();
    for flow in flows {
        if flow.from.stage == 0 {
            *counts.entry(flow.from.clone()).or_default() += flow.count;
        }
        *counts.entry(flow.to.clone()).or_default() += flow.count;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_holds_as_many() {
        let stop = |stage, state| Stop { stage, state };
        let flows = [
            Flow { from: stop(0, 0), to: stop(1, 1), count: 3.0 },
            Flow { from: stop(0, 0), to: stop(1, 2), count: 1.0 },
            Flow { from: stop(1, 1), to: stop(2, 1), count: 3.0 },
            Flow { from: stop(1, 2), to: stop(2, 1), count: 1.0 },
        ];
        let counts = counts(&flows);
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [4.0, 3.0, 1.0, 4.0]);
        let state = |name: &str| State { name: name.into(), class: "a".into() };
        let stages = ["seed", "round 1", "round 2"].map(str::to_owned);
        let drawn = sankey(&stages, &[state("seed"), state("kept"), state("<b>")], &flows).finish("a", "", "");
        assert_eq!(drawn.matches("class=\"band a\"").count(), 4);
        assert!(!drawn.contains("<b>") && !drawn.contains("--width"));
    }

    #[test]
    fn many_stages_are_wider_than_the_page() {
        let stages: Vec<String> = (0..12).map(|round| format!("round {round}")).collect();
        let drawn = sankey(&stages, &[], &[]).finish("a", "", "");
        assert!(drawn.starts_with("<svg viewBox=\"0 0 1272 300\" style=\"--width:1272\""), "{drawn}");
    }
}
