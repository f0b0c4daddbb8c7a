//! Scores, verdicts, faults, failures, and how far judges agree.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::overview::keys_of_parts;
use super::{Chapter, Figure, Source, by_key, class_of, key, keys_of, round_class, round_name, spoken};
use crate::error::Result;
use crate::report::chart::bars::{Part, Series, ranked, stacked};
use crate::report::chart::curves::{Counted, Rate, densities, rates};
use crate::report::facts::Facts;
use crate::text::grouped;

/// The judge's scores and verdicts, and what the checks found.
pub async fn quality(facts: &Facts) -> Result<Chapter> {
    Ok(Chapter {
        id: "quality",
        title: "Scores and elimination",
        intro: "A judge compares each item with its own parent and scores how hard it is, from 0 to 10. Checks without a model find faults first; \
                a fatal one eliminates an item unseen by the judge.",
        figures: vec![
            scores(&Source::of(facts, "score_distribution").await?)?,
            yes_rates(&Source::of(facts, "verdicts").await?)?,
            Source::of(facts, "scores").await?.listed("Verdicts and scores of each round; means of all scored items and of the kept ones."),
            faults(&Source::of(facts, "faults").await?)?,
            attempts(&Source::of(facts, "attempts").await?)?,
            Source::of(facts, "audits").await?.listed(
                "Verdicts of people who checked a sample by hand, against the judge's. Rates are weighted: each checked item stands for its share of \
                 the items of its round, operator and verdict.",
            ),
            Source::of(facts, "judges").await?.listed(
                "Each earlier judge against the one that stands, on the same items. Kappa is the agreement beyond chance: 1 is perfect, 0 is chance.",
            ),
        ],
    })
}

#[derive(Deserialize)]
struct ScoreRow {
    round: i64,
    score: f64,
    items: f64,
}

fn scores(source: &Source) -> Result<Figure> {
    let rows: Vec<ScoreRow> = source.typed()?;
    let caption = "Density of the judge's difficulty scores in each round, smoothed; the dot marks the mean. Kept and eliminated items together; of \
                   imported rounds only survivors are known.";
    Ok(source.drawn_as("score_distribution", "Difficulty scores", caption, || {
        let counted: Vec<Counted> = by_key(rows, |row| row.round)
            .into_iter()
            .map(|(round, rows)| Counted {
                name: round_name(round),
                class: round_class(round),
                counts: rows.iter().map(|row| (row.score, row.items)).collect(),
            })
            .collect();
        let keys = counted.iter().map(|counted| key(&counted.class, &counted.name)).collect();
        (keys, densities(&counted, (0.0, 10.0), "score"))
    }))
}

#[derive(Deserialize)]
struct VerdictRow {
    round: i64,
    operator: String,
    judged: f64,
    yes: f64,
}

fn yes_rates(source: &Source) -> Result<Figure> {
    let rows: Vec<VerdictRow> = source.typed()?;
    let caption = "How often the judge called an item an improvement over its parent, per round and operator, with the interval that holds the true \
                   rate 95 times of 100.";
    Ok(source.drawn_as("verdicts", "Yes-rate", caption, || {
        let mut rounds: Vec<i64> = rows.iter().map(|row| row.round).collect();
        rounds.sort_unstable();
        rounds.dedup();
        let series: Vec<(Series, Vec<Rate>)> = by_key(rows, |row| row.operator.clone())
            .into_iter()
            .map(|(operator, rows)| {
                let rate = |(column, round): (usize, &i64)| {
                    let (yes, count) =
                        rows.iter().filter(|row| row.round == *round).fold((0.0, 0.0), |sum, row| (sum.0 + row.yes, sum.1 + row.judged));
                    Rate { column, rate: if count > 0.0 { yes / count } else { 0.0 }, count }
                };
                let series = Series { name: spoken(&operator), class: class_of(&operator).to_owned(), values: Vec::new() };
                (series, rounds.iter().enumerate().map(rate).collect())
            })
            .collect();
        let columns: Vec<String> = rounds.iter().map(|round| round_name(*round)).collect();
        (series.iter().map(|(series, _)| key(&series.class, &series.name)).collect(), rates(&columns, &series))
    }))
}

#[derive(Deserialize)]
struct FaultRow {
    operator: String,
    fault: String,
    fatal: bool,
    items: f64,
}

fn faults(source: &Source) -> Result<Figure> {
    let rows: Vec<FaultRow> = source.typed()?;
    Ok(source.drawn("Items with each fault, over all rounds, by operator. Fatal ones are marked with a cross.", || {
        let mut operators: Vec<String> = rows.iter().map(|row| row.operator.clone()).collect();
        operators.sort();
        operators.dedup();
        let mut faults: Vec<(String, Vec<FaultRow>)> = by_key(rows, |row| row.fault.clone()).into_iter().collect();
        let total = |rows: &[FaultRow]| rows.iter().map(|row| row.items).sum::<f64>();
        faults.sort_by(|one, other| total(&other.1).total_cmp(&total(&one.1)));
        let of = |operator: &str, rows: &[FaultRow]| rows.iter().filter(|row| row.operator == operator).map(|row| row.items).sum();
        let series: Vec<Series> = operators
            .iter()
            .map(|operator| Series {
                name: spoken(operator),
                class: class_of(operator).to_owned(),
                values: faults.iter().map(|(_, rows)| of(operator, rows)).collect(),
            })
            .collect();
        let mark = |rows: &[FaultRow]| if rows.iter().any(|row| row.fatal) { "✕ " } else { "" };
        let names: Vec<String> = faults.iter().map(|(fault, rows)| format!("{}{}", mark(rows), spoken(fault))).collect();
        (keys_of(&series), ranked(&names, &series, |value| grouped(value as i64)))
    }))
}

#[derive(Deserialize)]
struct AttemptRow {
    round: i64,
    status: String,
    attempts: f64,
}

fn attempts(source: &Source) -> Result<Figure> {
    let rows: Vec<AttemptRow> = source.typed()?;
    Ok(source.drawn("Attempts to evolve a sample, by what came of them. The table says why those failed that did.", || {
        let rows: Vec<(String, Vec<Part>)> = by_key(rows, |row| row.round)
            .into_iter()
            .map(|(round, rows)| {
                let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
                for row in &rows {
                    *counts.entry(&row.status).or_default() += row.attempts;
                }
                let part = |status: &str| Part {
                    name: status.to_owned(),
                    class: class_of(status).to_owned(),
                    value: counts.get(status).copied().unwrap_or(0.0),
                };
                (round_name(round), ["kept", "eliminated", "failed"].map(part).to_vec())
            })
            .collect();
        (keys_of_parts(&rows), stacked(&rows))
    }))
}
