//! Duplicates: what the search finds of what there is to find, on real questions.

use std::collections::{BTreeSet, HashMap, HashSet};

use mmevol::Session;
use mmevol::duplicates::text::{NGRAM_TOKENS, tokens};
use mmevol::duplicates::{Collector, Groups, Near, NearSketcher, Rank, normalize_text};
use proptest::prelude::*;
use serde_json::Value;

use crate::stores::TestStore;

/// Questions with their answers from the MMEvol authors' demo seeds.
fn real_texts() -> Vec<String> {
    let lines = include_str!("../data/questions_excerpt.jsonl").lines();
    let records = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.map(|record| format!("{}\n{}", record["question"].as_str().unwrap(), record["answer"].as_str().unwrap())).collect()
}

/// The runs of three tokens of each text, as numbers in order: the same run has the same number.
fn runs(texts: &[String]) -> Vec<Vec<usize>> {
    let mut numbers: HashMap<Vec<String>, usize> = HashMap::new();
    let mut number = |run: &[String]| {
        let next = numbers.len();
        *numbers.entry(run.to_vec()).or_insert(next)
    };
    let runs = texts.iter().map(|text| {
        let normal = normalize_text(text);
        let tokens: Vec<String> = tokens(&normal).map(str::to_owned).collect();
        let runs: BTreeSet<usize> = match tokens.len() {
            0..NGRAM_TOKENS => BTreeSet::from([number(&tokens)]),
            _ => tokens.windows(NGRAM_TOKENS).map(&mut number).collect(),
        };
        runs.into_iter().collect()
    });
    runs.collect()
}

fn jaccard(a: &[usize], b: &[usize]) -> f64 {
    let shared = a.iter().filter(|run| b.binary_search(run).is_ok()).count();
    shared as f64 / (a.len() + b.len() - shared) as f64
}

/// Each text under its number as id, which is its rank too.
fn grouped(texts: &[String], threshold: f64) -> Groups {
    let sketcher = NearSketcher::new(threshold);
    let mut collector = Collector::new(Near::new(threshold));
    for (number, text) in texts.iter().enumerate() {
        collector.add(&format!("{number:06}"), Rank { round: 0, score: None }, sketcher.sketch(text, 0));
    }
    collector.finish()
}

/// What comparing every pair finds: the representative of each text that has another one.
fn by_brute_force(sets: &[Vec<usize>], threshold: f64) -> Vec<(usize, usize)> {
    let mut leaders: Vec<usize> = Vec::new();
    let mut joined = Vec::new();
    for (number, set) in sets.iter().enumerate() {
        match leaders.iter().find(|leader| jaccard(&sets[**leader], set) >= threshold) {
            Some(leader) => joined.push((number, *leader)),
            None => leaders.push(number),
        }
    }
    joined
}

/// A text with some of its words dropped, doubled or replaced.
fn edited() -> impl Strategy<Value = String> {
    let texts = real_texts();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3usize), 0..6);
    (0..texts.len(), edits).prop_map(move |(text, edits)| {
        let mut words: Vec<&str> = texts[text].split(' ').collect();
        for (place, kind) in edits {
            let place = place.index(words.len());
            match kind {
                0 if words.len() > 1 => drop(words.remove(place)),
                1 => words.insert(place, words[place]),
                _ => words[place] = "something",
            }
        }
        words.join(" ")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn near_finds_what_comparing_every_pair_finds(changed in prop::collection::vec(edited(), 100), threshold in 0.3..1.0f64) {
        let texts = [real_texts(), changed].concat();
        let sets = runs(&texts);
        let groups = grouped(&texts, threshold);
        let number = |id: &str| id.parse::<usize>().unwrap();
        let found: HashSet<(usize, usize)> = groups.rows().filter(|row| !row.is_representative()).map(|row| (number(row.member_id), number(row.representative_id))).collect();
        for row in groups.rows() {
            let similarity = jaccard(&sets[number(row.member_id)], &sets[number(row.representative_id)]);
            prop_assert!((row.similarity - similarity).abs() < 1e-9 && similarity >= threshold, "{row:?}: {similarity}");
        }
        let expected = by_brute_force(&sets, threshold);
        let missed = expected.iter().filter(|pair| !found.contains(pair)).count();
        // The chance to be found is 0.95 at the threshold and grows quickly above it.
        prop_assert!(missed * 20 <= expected.len() + 40, "{missed} of {} are missed at {threshold}", expected.len());
    }
}

#[test]
fn most_of_a_large_text_tells_how_alike_it_is() {
    let words = |from: usize| (from..from + 20_000).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    let texts = [words(0), words(1_000), words(15_000)];
    assert!(texts[0].len() > 100_000);
    let groups = grouped(&texts, 0.8);
    let found: Vec<(&str, f64)> = groups.rows().map(|row| (row.member_id, row.similarity)).collect();
    let [("000000", _), ("000001", similarity)] = found[..] else { panic!("{found:?}") };
    assert!((similarity - 19.0 / 21.0).abs() < 0.05, "{similarity}");
}

/// The same groups in the same order, however many partitions read the items and in whatever order they come.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_change_nothing() {
    let test = TestStore::with_items(&[40, 30, 30]).await;
    let session = Session::builder().store(test.store.clone()).build().await.unwrap();
    let mut found = Vec::new();
    for partitions in [1, 2, 7] {
        session.collect(&format!("SET datafusion.execution.target_partitions = {partitions}")).await.unwrap();
        session.collect("SET datafusion.execution.batch_size = 16").await.unwrap();
        found.push(session.rows::<Value>("SELECT * FROM duplicate_groups('near', 0.3)").await.unwrap());
    }
    assert!(found[0].len() > 10, "{:?}", found[0]);
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
}
