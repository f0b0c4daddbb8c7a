//! What each round made and what became of every sample; the mix of operators, formats and abilities; what it cost.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Chapter, Figure, Key, Source, by_key, class_of, key, keys_of, round_name, spoken};
use crate::error::Result;
use crate::report::chart::bars::{Part, Series, ranked, stacked};
use crate::report::chart::frame::percent;
use crate::report::chart::sankey::{Flow, State, Stop, sankey};
use crate::report::facts::Facts;

/// Items per round, and the way of each sample through the rounds.
pub async fn rounds(facts: &Facts) -> Result<Chapter> {
    let descent = Source::of(facts, "descent").await?;
    Ok(Chapter {
        id: "rounds",
        title: "Rounds",
        intro: "What each round made of the items it was given, and the way of every sample from its seeds to the last round.",
        figures: vec![
            items(&Source::of(facts, "items").await?)?,
            flow(&Source::of(facts, "flow").await?)?,
            descent.listed(
                "Kept items that know their parent, how many items a parent brought, and the seed items that still have an heir. \
                            Imported rounds know no parents.",
            ),
        ],
    })
}

#[derive(Deserialize)]
struct Items {
    round: i64,
    kept: f64,
    eliminated: f64,
    unjudged: f64,
}

fn items(source: &Source) -> Result<Figure> {
    let rows: Vec<Items> = source.typed()?;
    Ok(source.drawn("Items by what became of them. What another attempt replaced is not counted.", || {
        let part = |name: &str, value| Part { name: name.to_owned(), class: class_of(name).to_owned(), value };
        let parts = |row: &Items| vec![part("kept", row.kept), part("eliminated", row.eliminated), part("unjudged", row.unjudged)];
        let rows: Vec<(String, Vec<Part>)> = rows.iter().map(|row| (round_name(row.round), parts(row))).collect();
        (keys_of_parts(&rows), stacked(&rows))
    }))
}

/// Each colour of stacked rows that is seen, once.
pub(super) fn keys_of_parts(rows: &[(String, Vec<Part>)]) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for part in rows.iter().flat_map(|(_, parts)| parts).filter(|part| part.value > 0.0) {
        let key = key(&part.class, &part.name);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

#[derive(Deserialize)]
struct FlowRow {
    from_round: i64,
    from_state: String,
    to_round: i64,
    to_state: String,
    samples: f64,
}

/// States from the top: what kept items, then what did not.
const STATES: [&str; 9] = [
    "seed",
    "fine_grained_perception",
    "cognitive_reasoning",
    "interaction",
    "imported",
    "eliminated",
    "failed",
    "not chosen",
    "not tried",
];

fn flow(source: &Source) -> Result<Figure> {
    let rows: Vec<FlowRow> = source.typed()?;
    let caption = "Samples, by the operator through which they kept an item in a round, or why they kept none. A sample that keeps none goes on \
                   with the items of its latest round that kept any. With --where, an attempt that brought none of the chosen items is not \
                   chosen.";
    Ok(source.drawn(caption, || {
        let mut rounds: Vec<i64> = rows.iter().flat_map(|row| [row.from_round, row.to_round]).collect();
        rounds.sort_unstable();
        rounds.dedup();
        let stop = |round: i64, state: &str| Stop {
            stage: rounds.iter().position(|known| *known == round).unwrap_or(0),
            state: STATES.iter().position(|known| *known == state).unwrap_or(STATES.len() - 1),
        };
        let mut flows: Vec<Flow> = rows
            .iter()
            .map(|row| Flow { from: stop(row.from_round, &row.from_state), to: stop(row.to_round, &row.to_state), count: row.samples })
            .collect();
        flows.sort_by(|one, other| (&one.from, &one.to).cmp(&(&other.from, &other.to)));
        let states = STATES.map(|state| State { name: short_name(state).to_owned(), class: class_of(state).to_owned() });
        let stages: Vec<String> = rounds.iter().map(|round| round_name(*round)).collect();
        (Vec::new(), sankey(&stages, &states, &flows))
    }))
}

/// Operators by one word, where there is little room.
fn short_name(state: &str) -> &str {
    match state {
        "fine_grained_perception" => "perception",
        "cognitive_reasoning" => "reasoning",
        other => other,
    }
}

/// Operators, formats and abilities.
pub async fn mix(facts: &Facts) -> Result<Chapter> {
    Ok(Chapter {
        id: "mix",
        title: "Mix",
        intro: "In which directions items were rewritten, in which forms they ask, and which abilities they ask for.",
        figures: vec![
            operators(&Source::of(facts, "operators").await?)?,
            formats(&Source::of(facts, "formats").await?)?,
            skills(&Source::of(facts, "skills").await?)?,
        ],
    })
}

#[derive(Deserialize)]
struct OperatorRow {
    round: i64,
    operator: String,
    kept: f64,
}

fn operators(source: &Source) -> Result<Figure> {
    let rows: Vec<OperatorRow> = source.typed()?;
    Ok(source.drawn("Kept items by the operator that made them. Imported rounds do not say which it was.", || {
        let rows: Vec<(String, Vec<Part>)> = by_key(rows, |row| row.round)
            .into_iter()
            .map(|(round, rows)| {
                let part =
                    |row: OperatorRow| Part { name: spoken(&row.operator), class: class_of(&row.operator).to_owned(), value: row.kept };
                (round_name(round), rows.into_iter().map(part).collect())
            })
            .collect();
        (keys_of_parts(&rows), stacked(&rows))
    }))
}

#[derive(Deserialize)]
struct FormatRow {
    round: i64,
    format: String,
    kept: f64,
}

/// Formats that get a colour of their own.
const FORMATS_SHOWN: usize = 7;

fn formats(source: &Source) -> Result<Figure> {
    let rows: Vec<FormatRow> = source.typed()?;
    Ok(source.drawn("Kept items by format: the seven commonest of all rounds, and the rest together.", || {
        let mut totals: BTreeMap<&str, f64> = BTreeMap::new();
        for row in &rows {
            *totals.entry(&row.format).or_default() += row.kept;
        }
        let mut commonest: Vec<(&str, f64)> = totals.into_iter().collect();
        commonest.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(other.0)));
        let shown: Vec<String> = commonest.iter().take(FORMATS_SHOWN).map(|(format, _)| (*format).to_owned()).collect();
        let rows: Vec<(String, Vec<Part>)> = by_key(rows, |row| row.round)
            .into_iter()
            .map(|(round, rows)| {
                let kept = |format: &str| rows.iter().filter(|row| row.format == format).map(|row| row.kept).sum();
                let own = shown.iter().enumerate().map(|(index, format)| Part {
                    name: spoken(format),
                    class: format!("c-{}", index + 1),
                    value: kept(format),
                });
                let rest = rows.iter().filter(|row| !shown.contains(&row.format)).map(|row| row.kept).sum();
                let rest = Part { name: "other".to_owned(), class: "c-other".to_owned(), value: rest };
                (round_name(round), own.chain([rest]).collect())
            })
            .collect();
        (keys_of_parts(&rows), stacked(&rows))
    }))
}

#[derive(Deserialize)]
struct SkillRow {
    skill: String,
    seed_share: Option<f64>,
    evolved_share: Option<f64>,
}

/// Abilities that get a row.
const SKILLS_SHOWN: usize = 12;

fn skills(source: &Source) -> Result<Figure> {
    let mut rows: Vec<SkillRow> = source.typed()?;
    by_larger_share(&mut rows, |row| (row.seed_share.unwrap_or(0.0), row.evolved_share.unwrap_or(0.0)));
    Ok(source.drawn("The abilities that kept items name most, as shares of all that are named: seeds beside what was evolved.", || {
        let shown = &rows[..rows.len().min(SKILLS_SHOWN)];
        // Where nothing is named, there is no share.
        let share = |value: fn(&SkillRow) -> Option<f64>| -> Vec<f64> { shown.iter().map(|row| value(row).unwrap_or(0.0)).collect() };
        let series = seed_and_evolved(share(|row| row.seed_share), share(|row| row.evolved_share));
        let names: Vec<String> = shown.iter().map(|row| row.skill.trim_end_matches(" Ability").to_owned()).collect();
        (keys_of(&series), ranked(&names, &series, percent))
    }))
}

/// Sorts rows by the larger of their shares of seeds and of what was evolved, so that a name which is common in either is seen. Rows with equal
/// shares stay in the order of the statement.
pub(super) fn by_larger_share<T>(rows: &mut [T], shares: impl Fn(&T) -> (f64, f64)) {
    let larger = |row: &T| {
        let (seed, evolved) = shares(row);
        seed.max(evolved)
    };
    rows.sort_by(|one, other| larger(other).total_cmp(&larger(one)));
}

/// Two series in the colours of seeds and of what became of them.
pub(super) fn seed_and_evolved(seed: Vec<f64>, evolved: Vec<f64>) -> Vec<Series> {
    vec![
        Series { name: "seed".to_owned(), class: "c-r0".to_owned(), values: seed },
        Series { name: "evolved".to_owned(), class: "c-evolved".to_owned(), values: evolved },
    ]
}

/// Tokens, money, calls.
pub async fn cost(facts: &Facts) -> Result<Chapter> {
    let mut figures = vec![tokens(&Source::of(facts, "cost").await?)?];
    if facts.selection().predicate.is_none() {
        let calls = Source::of(facts, "calls").await?;
        figures.push(calls.listed("Every request of the store, whatever came of it, also of attempts that were replaced."));
    }
    Ok(Chapter {
        id: "cost",
        title: "Tokens and cost",
        intro: "What the models were sent and wrote. A model that counts no tokens, or has no price, is left out rather than counted as free.",
        figures,
    })
}

#[derive(Deserialize)]
struct CostRow {
    round: i64,
    prompt_tokens: Option<f64>,
    completion_tokens: Option<f64>,
}

fn tokens(source: &Source) -> Result<Figure> {
    let rows: Vec<CostRow> = source.typed()?;
    let is_counted = rows.iter().any(|row| row.prompt_tokens.or(row.completion_tokens).is_some());
    let caption = "Tokens of the attempts that stand, sent and written, for rewriting and for judging together.";
    if !rows.is_empty() && !is_counted {
        return Ok(source.listed("The model counted no tokens."));
    }
    Ok(source.drawn(caption, || {
        let part = |name: &str, class: &str, value: Option<f64>| Part {
            name: name.to_owned(),
            class: class.to_owned(),
            value: value.unwrap_or(0.0),
        };
        let parts = |row: &CostRow| vec![part("sent", "c-1", row.prompt_tokens), part("written", "c-2", row.completion_tokens)];
        let rows: Vec<(String, Vec<Part>)> = rows.iter().map(|row| (round_name(row.round), parts(row))).collect();
        (keys_of_parts(&rows), stacked(&rows))
    }))
}
