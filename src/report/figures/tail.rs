//! Objects and abilities from the commonest to the rarest.

use serde::Deserialize;

use super::overview::{by_larger_share, seed_and_evolved};
use super::{Chapter, Figure, Source, by_key, key, keys_of, round_class, round_name};
use crate::error::Result;
use crate::report::chart::bars::{Part, Series, ranked, stacked};
use crate::report::chart::curves::log_log;
use crate::report::chart::frame::short_count;
use crate::report::facts::Facts;

/// Rank against frequency, and how much is beyond the common names.
pub async fn long_tail(facts: &Facts) -> Result<Chapter> {
    let ranks = Source::of(facts, "rank_frequency").await?;
    Ok(Chapter {
        id: "tail",
        title: "Long tail",
        intro: "Whether evolving reaches beyond what seeds already name: the longer and the flatter the curve, the wider the vocabulary.",
        figures: vec![
            curve(&ranks, "object", "Objects by rank", "rank of the object")?,
            curve(&ranks, "skill", "Abilities by rank", "rank of the ability")?,
            Source::of(facts, "long_tail")
                .await?
                .listed("Distinct names, the share of the ten commonest, names that occur once, and names that no earlier round had."),
            objects(&Source::of(facts, "objects").await?)?,
            coco(&Source::of(facts, "coco_objects").await?)?,
            boxes(&Source::of(facts, "box_sizes").await?)?,
        ],
    })
}

#[derive(Deserialize)]
struct RankRow {
    kind: String,
    round: i64,
    rank: f64,
    items: f64,
}

fn curve(source: &Source, kind: &str, title: &str, axis: &str) -> Result<Figure> {
    let rows: Vec<RankRow> = source.typed()?;
    let rows: Vec<RankRow> = rows.into_iter().filter(|row| row.kind == kind).collect();
    let of_kind = Source {
        sql: source.sql.clone(),
        section: source.section,
        rows: source.rows.iter().filter(|row| row["kind"] == kind).cloned().collect(),
    };
    let caption = "Kept items that name it, by rank, both on logarithmic axes.";
    Ok(of_kind.drawn_as(&format!("rank_frequency_{kind}"), title, caption, || {
        let curves: Vec<(Series, Vec<(f64, f64)>)> = by_key(rows, |row| row.round)
            .into_iter()
            .map(|(round, rows)| {
                let series = Series { name: round_name(round), class: round_class(round), values: Vec::new() };
                (series, rows.iter().map(|row| (row.rank, row.items)).collect())
            })
            .collect();
        (curves.iter().map(|(series, _)| key(&series.class, &series.name)).collect(), log_log(&curves, axis))
    }))
}

#[derive(Deserialize)]
struct ObjectRow {
    object: String,
    seed: f64,
    evolved: f64,
}

/// Objects that get a row.
const OBJECTS_SHOWN: usize = 14;

fn objects(source: &Source) -> Result<Figure> {
    let mut rows: Vec<ObjectRow> = source.typed()?;
    let all = |value: fn(&ObjectRow) -> f64| rows.iter().map(value).sum::<f64>().max(1.0);
    let (seed, evolved) = (all(|row| row.seed), all(|row| row.evolved));
    by_larger_share(&mut rows, |row| (row.seed / seed, row.evolved / evolved));
    let caption = "The objects that most kept items name, in seeds or in what was evolved, by their share of what is named there.";
    Ok(source.drawn(caption, || {
        let shown = &rows[..rows.len().min(OBJECTS_SHOWN)];
        let names: Vec<String> = shown.iter().map(|row| row.object.clone()).collect();
        let series = seed_and_evolved(shown.iter().map(|row| row.seed).collect(), shown.iter().map(|row| row.evolved).collect());
        (keys_of(&series), ranked(&names, &series, short_count))
    }))
}

#[derive(Deserialize)]
struct CocoRow {
    round: i64,
    coco_mentions: f64,
    other_mentions: f64,
}

fn coco(source: &Source) -> Result<Figure> {
    let rows: Vec<CocoRow> = source.typed()?;
    Ok(source.drawn("How often kept items name one of COCO's 80 categories, and how often anything else.", || {
        let part = |name: &str, class: &str, value| Part { name: name.to_owned(), class: class.to_owned(), value };
        let parts = |row: &CocoRow| vec![part("COCO's 80", "c-r0", row.coco_mentions), part("other", "c-evolved", row.other_mentions)];
        let rows: Vec<(String, Vec<Part>)> = rows.iter().map(|row| (round_name(row.round), parts(row))).collect();
        (vec![key("c-r0", "COCO's 80"), key("c-evolved", "other")], stacked(&rows))
    }))
}

#[derive(Deserialize)]
struct BoxRow {
    round: i64,
    small: f64,
    medium: f64,
    large: f64,
    without_box: f64,
}

fn boxes(source: &Source) -> Result<Figure> {
    let rows: Vec<BoxRow> = source.typed()?;
    let caption = "Objects that kept items name, by the smallest box of that name in the picture: small is below 32 x 32 pixels of a picture of \
                   640 x 480, medium below 96 x 96.";
    Ok(source.drawn(caption, || {
        let part = |name: &str, class: &str, value| Part { name: name.to_owned(), class: class.to_owned(), value };
        let parts = |row: &BoxRow| {
            vec![
                part("small", "c-r3", row.small),
                part("medium", "c-r2", row.medium),
                part("large", "c-r1", row.large),
                part("no box", "c-other", row.without_box),
            ]
        };
        let rows: Vec<(String, Vec<Part>)> = rows.iter().map(|row| (round_name(row.round), parts(row))).collect();
        let keys = [("c-r3", "small"), ("c-r2", "medium"), ("c-r1", "large"), ("c-other", "no box")];
        (keys.map(|(class, name)| key(class, name)).to_vec(), stacked(&rows))
    }))
}
