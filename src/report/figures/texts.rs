//! What items ask: abilities, steps, words.

use serde::Deserialize;

use super::overview::seed_and_evolved;
use super::{Chapter, Figure, Source, keys_of};
use crate::error::Result;
use crate::report::chart::bars::grouped;
use crate::report::facts::Facts;

/// Abilities and steps per item, and the means of each round.
pub async fn complexity(facts: &Facts) -> Result<Chapter> {
    Ok(Chapter {
        id: "complexity",
        title: "Complexity and variety",
        intro: "How much one item asks: the abilities and the visual steps it names, and its words; and how much the items differ. All of kept items.",
        figures: vec![
            histogram(&Source::of(facts, "skills_per_item").await?, "abilities in an item")?,
            histogram(&Source::of(facts, "steps_per_item").await?, "steps in an item")?,
            Source::of(facts, "complexity").await?.listed("Means of each round, and the share of items that name any ability."),
            Source::of(facts, "diversity").await?.listed(
                "How varied the kept questions of each round are. Distinct words and pairs of words, and the moving-average type-token ratio, grow with \
                 variety; self-BLEU falls with it; formats are counted as equally common ones.",
            ),
            Source::of(facts, "novelty").await?.listed("Distance of evolved items from the seed most like them: 0 is a copy. By words and letters, not by meaning."),
            Source::of(facts, "duplicates").await?.listed("Items that are marked as duplicates of another one."),
        ],
    })
}

#[derive(Deserialize)]
struct HistogramRow {
    #[serde(alias = "skills", alias = "steps")]
    number: i64,
    seed_share: Option<f64>,
    evolved_share: Option<f64>,
}

/// Items with this many or more stand together.
const LAST_BIN: i64 = 9;

fn histogram(source: &Source, axis: &str) -> Result<Figure> {
    let rows: Vec<HistogramRow> = source.typed()?;
    Ok(source.drawn("Shares of kept items: seeds beside what was evolved from them.", || {
        let highest = rows.iter().map(|row| row.number).max().unwrap_or(0).clamp(3, LAST_BIN);
        let share = |value: fn(&HistogramRow) -> Option<f64>| -> Vec<f64> {
            let of = |bin: i64| rows.iter().filter(|row| row.number.min(highest) == bin).filter_map(value).sum();
            (0..=highest).map(of).collect()
        };
        let series = seed_and_evolved(share(|row| row.seed_share), share(|row| row.evolved_share));
        let is_open = rows.iter().any(|row| row.number > highest);
        let name = |bin: i64| if is_open && bin == highest { format!("{bin}+") } else { bin.to_string() };
        (keys_of(&series), grouped(&(0..=highest).map(name).collect::<Vec<_>>(), &series, axis))
    }))
}
