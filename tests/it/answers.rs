//! Model answers as they really come: broken ones, the authors' first round, and two models too small for the task.

use std::fs;
use std::path::{Path, PathBuf};

use mmevol::instruction::DetectedObject;
use mmevol::instruction::faults::{Fault, instruction_faults};
use mmevol::instruction::parse::{ParsedInstructions, parse_instructions};
use mmevol::instruction::repair::repair;
use mmevol::instruction::scores::{match_scores, parse_scores};
use proptest::prelude::*;
use serde::Deserialize;

use crate::stores::shared_data;

#[derive(Deserialize)]
struct MalformedAnswer {
    name: String,
    text: String,
    status: String,
    questions: Vec<String>,
}

/// One sample of the authors' first round.
#[derive(Deserialize)]
struct Round1Sample {
    hash_id: String,
    raw_generation: String,
    raw_scoring: String,
    filtered: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct SmallModelAnswer {
    content: String,
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn json_lines<T: serde::de::DeserializeOwned>(path: &Path) -> Vec<T> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn questions(parsed: &ParsedInstructions) -> Vec<&str> {
    parsed.items.iter().map(|item| item.question.as_str()).collect()
}

#[test]
fn malformed_answers_give_exactly_the_items_they_hold() {
    let answers: Vec<MalformedAnswer> = json_lines(&data("malformed.jsonl"));
    assert_eq!(answers.len(), 28);
    for answer in answers {
        let parsed = parse_instructions(&answer.text);
        assert_eq!(questions(&parsed), answer.questions, "{}", answer.name);
        assert_eq!(parsed.error.is_some(), answer.status == "error", "{}", answer.name);
        assert_eq!(parsed.truncated, answer.name == "truncated_second", "{}", answer.name);
        assert_eq!(parsed.rejected.len(), usize::from(answer.name == "missing_answer"), "{}", answer.name);
    }
}

#[test]
fn malformed_answers_say_why_they_hold_nothing() {
    let kinds: Vec<(String, &str)> = json_lines::<MalformedAnswer>(&data("malformed.jsonl"))
        .into_iter()
        .filter_map(|answer| Some((answer.name, parse_instructions(&answer.text).error?.kind.name())))
        .collect();
    let kinds: Vec<(&str, &str)> = kinds.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
    assert_eq!(
        kinds,
        [
            ("empty_array", "no_items"),
            ("empty_text", "empty"),
            ("refusal", "refusal"),
            ("prose_only", "no_json"),
            ("wrong_shape", "wrong_shape"),
            ("html_error_page", "html"),
        ]
    );
}

#[test]
fn texts_of_small_models_give_only_items_with_question_and_answer() {
    for name in ["gemma-3-270m.jsonl", "SmolLM2-135M-Instruct.jsonl"] {
        let answers: Vec<SmallModelAnswer> = json_lines(&data("small_models").join(name));
        let parsed: Vec<_> = answers.iter().map(|answer| parse_instructions(&answer.content)).collect();
        assert!(parsed.iter().flat_map(|parsed| &parsed.items).all(|item| !item.question.is_empty() && !item.answer.is_empty()));
        assert!(parsed.iter().all(|parsed| parsed.error.is_some() == parsed.items.is_empty()));
        assert!(parsed.iter().any(|parsed| !parsed.items.is_empty()) && parsed.iter().any(|parsed| parsed.items.is_empty()), "{name}");
        answers.iter().for_each(|answer| drop(parse_scores(&answer.content)));
    }
}

/// The number of items, and of those a judge's verdict keeps, when verdicts are taken by position whatever the lengths.
fn read_round(samples: &[Round1Sample]) -> (usize, usize) {
    samples.iter().fold((0, 0), |(items, kept), sample| {
        let parsed = parse_instructions(&sample.raw_generation);
        let scores = parse_scores(&sample.raw_scoring);
        assert!(parsed.error.is_none() && !parsed.truncated && parsed.rejected.is_empty(), "{}: {parsed:?}", sample.hash_id);
        assert!(scores.error.is_none() && !scores.truncated && scores.rejected.is_empty(), "{}: {scores:?}", sample.hash_id);
        let improved = parsed.items.iter().zip(&scores.items).filter(|(_, score)| score.improved == Some(true)).count();
        assert_eq!(improved, sample.filtered.len(), "{}", sample.hash_id);
        (items + parsed.items.len(), kept + improved)
    })
}

#[test]
fn the_excerpt_of_round_1_reads_as_its_authors_did() {
    let samples: Vec<Round1Sample> = json_lines(&data("round1_excerpt.jsonl"));
    let (items, kept) = read_round(&samples);
    assert!(samples.len() == 8 && kept > 0 && kept <= items);
}

#[test]
fn round_1_reads_as_its_authors_did() {
    let Some(path) = shared_data("mmevol_demo/round1.jsonl") else { return };
    let samples: Vec<Round1Sample> = json_lines(&path);
    assert_eq!((samples.len(), read_round(&samples)), (50, (228, 183)));
    let unmatched = samples.iter().filter(|sample| {
        let items = parse_instructions(&sample.raw_generation).items.len();
        match_scores(&parse_scores(&sample.raw_scoring).items, items).contains(&None)
    });
    assert_eq!(unmatched.map(|sample| sample.hash_id.as_str()).collect::<Vec<_>>(), [""; 0]);
}

#[derive(Deserialize)]
struct HistorySample {
    #[serde(default)]
    det: Vec<DetectedObject>,
    conversations_v0: Vec<serde_json::Value>,
    conversations_v1: Vec<serde_json::Value>,
    conversations_v2: Vec<serde_json::Value>,
    conversations_v3: Vec<serde_json::Value>,
}

/// The fault checks are narrow: of what the authors kept in three rounds, they condemn one item in fifty at most.
#[test]
fn items_the_authors_kept_are_almost_never_condemned() {
    let Some(path) = shared_data("mmevol_demo/history.json") else { return };
    let samples: Vec<HistorySample> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut items = 0;
    let mut fatal: Vec<(Fault, String)> = Vec::new();
    for sample in samples {
        let parents = parse_instructions(&serde_json::to_string(&sample.conversations_v0).unwrap()).items;
        for round in [&sample.conversations_v1, &sample.conversations_v2, &sample.conversations_v3] {
            for item in round.iter().flat_map(|item| parse_instructions(&item.to_string()).items) {
                items += 1;
                let faults = instruction_faults(&item, &sample.det, &parents).into_iter().filter(|fault| fault.is_fatal());
                fatal.extend(faults.map(|fault| (fault, item.question.clone())));
            }
        }
    }
    assert!(fatal.iter().all(|(fault, _)| *fault != Fault::BoxNotGiven), "{fatal:#?}");
    assert!(fatal.iter().any(|(fault, question)| *fault == Fault::Placeholder && question.contains("trees present on the sidewalk")));
    assert!(items > 600 && fatal.len() * 50 <= items, "{} of {items}: {fatal:#?}", fatal.len());
}

/// One of the authors' raw answers.
fn real_answer() -> impl Strategy<Value = String> {
    let samples: Vec<Round1Sample> = json_lines(&data("round1_excerpt.jsonl"));
    proptest::sample::select(samples.into_iter().flat_map(|sample| [sample.raw_generation, sample.raw_scoring]).collect::<Vec<_>>())
}

/// Characters that mean something to the reader.
fn token() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        ",",
        ":",
        "\\",
        "\n",
        "```",
        "//",
        "/*",
        "# ",
        "“",
        "”",
        "None",
        "{\"question\": \"",
        "\"\"\"",
        "\\u",
        "é",
        "</Think>",
        "</think>",
    ])
}

fn parse_everything(text: &str) {
    let parsed = parse_instructions(text);
    assert!(parsed.items.iter().all(|item| !item.question.is_empty() && !item.answer.is_empty()));
    assert_eq!(parsed.items.is_empty(), parsed.error.is_some());
    let scores = parse_scores(text);
    assert_eq!(scores.items.iter().all(|item| item.improved.is_none()), scores.error.is_some());
    for item in &parsed.items {
        instruction_faults(item, &[], &parsed.items);
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        parse_everything(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_tokens_make_the_parsers_panic(tokens in proptest::collection::vec(token(), 0..60)) {
        parse_everything(&tokens.concat());
    }

    #[test]
    fn damaged_answers_do_not_make_the_parsers_panic(answer in real_answer(), place in any::<prop::sample::Index>(), removed in 0_usize..20, inserted in token()) {
        let boundaries: Vec<usize> = answer.char_indices().map(|(at, _)| at).collect();
        let start = place.index(boundaries.len());
        let end = boundaries.get(start + removed).copied().unwrap_or(answer.len());
        let damaged = format!("{}{inserted}{}", &answer[..boundaries[start]], &answer[end..]);
        parse_everything(&damaged);
    }

    #[test]
    fn a_prefix_of_an_answer_gives_a_prefix_of_its_items(answer in real_answer(), place in any::<prop::sample::Index>()) {
        let boundaries: Vec<usize> = answer.char_indices().map(|(at, _)| at).collect();
        let whole = parse_instructions(&answer).items;
        let cut = parse_instructions(&answer[..boundaries[place.index(boundaries.len())]]).items;
        prop_assert_eq!(&whole[..cut.len()], &cut[..]);
    }

    #[test]
    fn deep_brackets_do_not_overflow_the_stack(opening in "[\\[{]{1,3}", depth in 1_usize..5_000) {
        parse_everything(&opening.repeat(depth));
    }

    /// Whatever is strict JSON, the lenient reader reads as the strict one does.
    #[test]
    fn sound_json_is_read_as_it_stands(texts in proptest::collection::vec("[ -`{-~é\n]{0,30}", 1..6)) {
        // Without lower case, so that no line break looks like a LaTeX command.
        let item = serde_json::json!({"a": texts, "b": [{"c": texts[0], "d": null}], "e": -1.5});
        let source = item.to_string();
        let unstrict = format!("[{source},]");
        prop_assert_eq!(repair(&unstrict).values().cloned().collect::<Vec<_>>(), [serde_json::json!([item])]);
    }
}
