//! Areas for shares: a square for each group, divided among its members.

use super::bars::WIDTH;
use super::frame::{percent, short_count};
use super::label::{GROUP_NAME, TILE_NAME};
use super::svg::{Anchor, Area, Svg};

/// A group with its members, each with a count.
#[derive(Debug, Clone)]
pub struct Group {
    /// What its members share.
    pub name: String,
    /// The class that colours it.
    pub class: String,
    /// The commonest first, and last what stands for the others.
    pub members: Vec<(String, f64)>,
}

impl Group {
    /// Of all members.
    fn total(&self) -> f64 {
        self.members.iter().map(|(_, count)| count).sum()
    }
}

/// Groups as areas in proportion to their counts, the largest first. Shares are of `all`, which may be more than what the groups hold.
pub fn treemap(groups: &[Group], all: f64) -> Svg {
    const HEIGHT: f64 = 300.0;
    /// Room for a group's name above its members.
    const HEAD: f64 = 16.0;
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let whole = Area { x: 0.0, y: 0.0, width: WIDTH, height: HEIGHT };
    let areas = squarified(&groups.iter().map(Group::total).collect::<Vec<_>>(), whole);
    for (group, area) in groups.iter().zip(areas) {
        let tip = format!("{}: {} ({})", group.name, short_count(group.total()), percent(group.total() / all));
        svg.rect(inset(area, 1.0), &format!("plate {}", group.class), &tip);
        let name = GROUP_NAME.fitted(&group.name, area.width - 7.0);
        let has_name = !name.is_empty() && area.height > HEAD + 8.0;
        if has_name {
            svg.text((area.x + 5.0, area.y + 13.0), Anchor::Start, "group-name", &name);
        }
        let head = if has_name { HEAD } else { 0.0 };
        let inner = Area { x: area.x + 2.0, y: area.y + head + 1.0, width: area.width - 4.0, height: area.height - head - 3.0 };
        let cells = squarified(&group.members.iter().map(|(_, count)| *count).collect::<Vec<_>>(), inner);
        for ((name, count), cell) in group.members.iter().zip(cells) {
            let tip = format!("{} {name}: {} ({})", group.name, short_count(*count), percent(count / all));
            svg.rect(inset(cell, 0.5), &format!("tile {}", group.class), &tip);
            let name = TILE_NAME.fitted(name, cell.width - 6.0);
            if !name.is_empty() && cell.height > 14.0 {
                svg.text((cell.x + 4.0, cell.y + cell.height.min(20.0) / 2.0 + 4.5), Anchor::Start, "tile-name", &name);
            }
        }
    }
    svg
}

fn inset(area: Area, by: f64) -> Area {
    Area { x: area.x + by, y: area.y + by, width: area.width - 2.0 * by, height: area.height - 2.0 * by }
}

/// Divides an area in proportion to values into rectangles, as square as can be where the largest come first. Bruls, Huizing and van Wijk, "Squarified
/// treemaps" (2000). A value of 0 gets an area of 0.
fn squarified(values: &[f64], area: Area) -> Vec<Area> {
    let total: f64 = values.iter().sum();
    if total <= 0.0 || area.width <= 0.0 || area.height <= 0.0 {
        return vec![Area { width: 0.0, height: 0.0, ..area }; values.len()];
    }
    let unit = area.width * area.height / total;
    let mut areas = Vec::with_capacity(values.len());
    let mut free = area;
    let mut rest = values;
    while !rest.is_empty() {
        let side = free.width.min(free.height);
        let worst = |row: &[f64]| {
            let sum: f64 = row.iter().sum::<f64>() * unit;
            row.iter()
                .map(|value| value * unit)
                .map(|size| (side * side * size / (sum * sum)).max(sum * sum / (side * side * size)))
                .fold(0.0, f64::max)
        };
        let mut taken = 1;
        while taken < rest.len() && rest[taken] > 0.0 && worst(&rest[..=taken]) <= worst(&rest[..taken]) {
            taken += 1;
        }
        let row = &rest[..taken];
        let size: f64 = row.iter().sum::<f64>() * unit;
        let thickness = if side > 0.0 { size / side } else { 0.0 };
        let lies_left = free.width >= free.height;
        let mut along = 0.0;
        for value in row {
            let length = if thickness > 0.0 { value * unit / thickness } else { 0.0 };
            areas.push(match lies_left {
                true => Area { x: free.x, y: free.y + along, width: thickness, height: length },
                false => Area { x: free.x + along, y: free.y, width: length, height: thickness },
            });
            along += length;
        }
        free = match lies_left {
            true => Area { x: free.x + thickness, width: (free.width - thickness).max(0.0), ..free },
            false => Area { y: free.y + thickness, height: (free.height - thickness).max(0.0), ..free },
        };
        rest = &rest[taken..];
    }
    areas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_in_proportion_and_inside() {
        let whole = Area { x: 5.0, y: 5.0, width: 60.0, height: 40.0 };
        let values = [6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0];
        let areas = squarified(&values, whole);
        for (value, area) in values.iter().zip(&areas) {
            assert!((area.width * area.height - value * 100.0).abs() < 1e-6, "{area:?}");
            assert!(
                area.x >= 5.0 - 1e-9 && area.y >= 5.0 - 1e-9 && area.x + area.width <= 65.0 + 1e-9 && area.y + area.height <= 45.0 + 1e-9
            );
        }
        assert_eq!(squarified(&[0.0, 0.0], whole).len(), 2);
        assert!(squarified(&[], whole).is_empty());
    }

    #[test]
    fn shares_are_of_all_not_of_what_is_drawn() {
        let members = vec![("dog".to_owned(), 2.0), ("other".to_owned(), 4.0)];
        let group = Group { name: "describe".to_owned(), class: "c-1".to_owned(), members };
        let drawn = treemap(&[group], 12.0).finish("a", "", "");
        for tip in ["describe: 6 (50%)", "describe dog: 2 (17%)", "describe other: 4 (33%)"] {
            assert!(drawn.contains(tip), "{tip}\n{drawn}");
        }
    }
}
