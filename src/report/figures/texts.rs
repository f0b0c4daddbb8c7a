//! What items ask: abilities, steps, words.

use serde::Deserialize;

use super::overview::seed_and_evolved;
use super::{Chapter, Figure, Source, by_key, keys_of};
use crate::error::Result;
use crate::report::chart::bars::grouped;
use crate::report::chart::treemap::{Group, treemap};
use crate::report::facts::Facts;

/// Abilities and steps per item, and the means of each round.
pub async fn complexity(facts: &Facts) -> Result<Chapter> {
    let asked = Source::of(facts, "verbs").await?;
    Ok(Chapter {
        id: "complexity",
        title: "Complexity and variety",
        intro: "How much one item asks: the abilities and the visual steps it names, and its words; and how much the items differ. All of kept items.",
        figures: vec![
            histogram(&Source::of(facts, "skills_per_item").await?, "abilities in an item")?,
            histogram(&Source::of(facts, "steps_per_item").await?, "steps in an item")?,
            Source::of(facts, "complexity").await?.listed("Means of each round, and the share of items that name any ability."),
            verbs(&asked, "verbs_seed", "What seed questions ask for", |row| row.seed)?,
            verbs(&asked, "verbs_evolved", "What evolved questions ask for", |row| row.evolved)?,
            Source::of(facts, "diversity").await?.listed(
                "How varied the kept questions of each round are. Distinct words and pairs of words, and the moving-average type-token ratio, grow with \
                 variety; self-BLEU falls with it; formats are counted as equally common ones.",
            ),
            Source::of(facts, "languages").await?.listed("Languages of kept questions; a dash where a question is too short, or too unlike any, to tell."),
            Source::of(facts, "novelty").await?.listed(
                "Distance of evolved items from the seed most like them: 0 is a copy. By embeddings of the model; those of 'lexical' tell words and letters, \
                 not meaning.",
            ),
            Source::of(facts, "duplicates").await?.listed(
                "Items that are marked as duplicates of another one. Method image marks images: its members are the items about them.",
            ),
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

#[derive(Deserialize)]
struct VerbRow {
    verb: String,
    noun: String,
    seed: f64,
    evolved: f64,
}

/// Verbs that get an area, and objects of each; its other objects stand together.
const VERBS_SHOWN: usize = 14;
const NOUNS_SHOWN: usize = 6;

fn verbs(source: &Source, id: &str, title: &str, count: fn(&VerbRow) -> f64) -> Result<Figure> {
    let rows: Vec<VerbRow> = source.typed()?;
    let has_any = rows.iter().any(|row| count(row) > 0.0);
    let of_stage =
        Source { sql: source.sql.clone(), section: source.section, rows: if has_any { source.rows.clone() } else { Vec::new() } };
    let caption = "The commonest verbs at the root of a question, each with its commonest direct objects and the others together, as areas; \
                   shares are of all such pairs. Of at most 50,000 kept items, drawn by a hash; questions without such a pair are left out.";
    Ok(of_stage.drawn_as(id, title, caption, || {
        let rows: Vec<VerbRow> = rows.into_iter().filter(|row| count(row) > 0.0).collect();
        let total = |rows: &[VerbRow]| rows.iter().map(count).sum::<f64>();
        let all = total(&rows);
        let mut verbs: Vec<(String, Vec<VerbRow>)> = by_key(rows, |row: &VerbRow| row.verb.clone()).into_iter().collect();
        verbs.sort_by(|one, other| total(&other.1).total_cmp(&total(&one.1)));
        let group = |(index, (verb, mut rows)): (usize, (String, Vec<VerbRow>))| {
            rows.sort_by(|one, other| count(other).total_cmp(&count(one)));
            let mut members: Vec<(String, f64)> = rows.iter().take(NOUNS_SHOWN).map(|row| (row.noun.clone(), count(row))).collect();
            if let Some(others) = rows.get(NOUNS_SHOWN..).filter(|others| !others.is_empty()) {
                members.push(("other".to_owned(), total(others)));
            }
            Group { name: verb, class: format!("c-{}", index % COLOURS + 1), members }
        };
        let groups: Vec<Group> = verbs.into_iter().take(VERBS_SHOWN).enumerate().map(group).collect();
        (Vec::new(), treemap(&groups, all))
    }))
}

/// Colours that tell groups apart.
const COLOURS: usize = 7;
