//! The embedded model on real photos: everything it writes must be true of the boxes and free of faults, and its verdicts must differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use mmevol::image::request_jpeg;
use mmevol::instruction::faults::{Fault, instruction_faults};
use mmevol::instruction::parse::parse_instructions;
use mmevol::instruction::scores::parse_scores;
use mmevol::instruction::vocabulary::{ABILITIES, FORMATS};
use mmevol::instruction::{DetectedObject, Instruction, Operator};
use mmevol::model::rules::RulesModel;
use mmevol::model::{
    CallKind, ChatModel, ChatRequest, EvolveTask, FinishReason, Parameters, RequestImage, ScorePair, ScoreTask, Task, Usage,
};
use regex::Regex;
use serde::Deserialize;

use crate::stores::shared_data;

#[derive(Deserialize)]
struct Sample {
    image: String,
    caption: Vec<Turn>,
    det: Vec<DetectedObject>,
    #[serde(rename = "conversations_v0")]
    items: Vec<Instruction>,
}

#[derive(Deserialize)]
struct Turn {
    value: String,
}

/// What became of all items of a data set.
#[derive(Default)]
struct Outcome {
    given: usize,
    questions: Vec<String>,
    formats: BTreeSet<String>,
    /// Per operator and score.
    scores: BTreeMap<(Operator, i64), usize>,
    improved: usize,
}

#[tokio::test]
async fn bundled_photos() {
    let outcome = run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/seeds")).await;
    assert!(outcome.questions.len() * 10 >= outcome.given * 9, "{} of {}", outcome.questions.len(), outcome.given);
    check_spread(&outcome);
}

#[tokio::test]
async fn coco_photos() {
    let Some(folder) = shared_data("coco128") else { return };
    let outcome = run(&folder).await;
    assert_eq!((outcome.given, outcome.questions.len()), (915, 915), "every item has something true to say");
    let distinct = outcome.questions.iter().collect::<BTreeSet<_>>().len();
    assert!(distinct * 10 > outcome.questions.len() * 8, "only {distinct} different questions");
    assert!(outcome.formats.len() >= 12, "{:?}", outcome.formats);
    check_spread(&outcome);
}

/// Between a tenth and a third is eliminated, and no score is the only one.
fn check_spread(outcome: &Outcome) {
    let written = outcome.questions.len();
    let eliminated = written - outcome.improved;
    assert!(eliminated * 10 >= written && eliminated * 20 <= written * 7, "{eliminated} of {written} eliminated");
    let scores: BTreeSet<i64> = outcome.scores.keys().map(|(_, score)| *score).collect();
    assert!(scores.len() >= 6, "{:?}", outcome.scores);
    assert!(outcome.scores.values().all(|count| count * 2 < written), "{:?}", outcome.scores);
}

async fn run(folder: &Path) -> Outcome {
    let text = fs::read_to_string(folder.join("seed.json")).expect("seed.json");
    let samples: Vec<Sample> = serde_json::from_str(&text).expect("a list of samples");
    let mut outcome = Outcome::default();
    for sample in &samples {
        let bytes = fs::read(folder.join("images").join(&sample.image)).expect("the sample's photo");
        let image = Arc::new(RequestImage::new(&sample.image, request_jpeg(&bytes).expect("a photo")));
        for operator in Operator::ALL {
            evolve_and_score(sample, operator, &image, &mut outcome).await;
        }
    }
    outcome
}

async fn evolve_and_score(sample: &Sample, operator: Operator, image: &Arc<RequestImage>, outcome: &mut Outcome) {
    let parents: Vec<Instruction> =
        (1..).zip(&sample.items).map(|(number, item)| Instruction { item: Some(number), ..item.clone() }).collect();
    let caption = sample.caption.get(1).map(|turn| turn.value.clone());
    let task = EvolveTask { operator, caption: caption.clone(), objects: sample.det.clone(), items: parents.clone(), persona: None };
    let text = answer(Task::Evolve(task.clone()), image).await;
    assert_eq!(text, answer(Task::Evolve(task), image).await, "equal requests get equal answers");

    let parsed = parse_instructions(&text);
    assert!(parsed.rejected.is_empty() && !parsed.truncated);
    for item in &parsed.items {
        check_item(item, sample, &parents);
    }
    let pairs: Vec<ScorePair> = (1..).zip(&parsed.items).map(|(number, item)| pair(number, item, &parents)).collect();
    let scores = parse_scores(&answer(Task::Score(ScoreTask { caption, objects: sample.det.clone(), pairs }), image).await).items;
    assert_eq!(scores.len(), parsed.items.len());
    for (number, score) in (1..).zip(&scores) {
        assert_eq!(score.item, Some(number));
        let points = score.score.expect("a score");
        assert!((1..=10).contains(&points) && score.reason.is_some());
        *outcome.scores.entry((operator, points)).or_default() += 1;
        outcome.improved += usize::from(score.improved.expect("a verdict"));
    }
    outcome.given += parents.len();
    outcome.formats.extend(parsed.items.iter().map(|item| item.format.clone()));
    outcome.questions.extend(parsed.items.into_iter().map(|item| item.question));
}

fn pair(number: i64, item: &Instruction, parents: &[Instruction]) -> ScorePair {
    let original = parents.iter().find(|parent| parent.item == item.item).cloned();
    ScorePair { item: number, original, rewritten: Instruction { item: None, ..item.clone() } }
}

async fn answer(task: Task, image: &Arc<RequestImage>) -> String {
    let (kind, images) = match task {
        Task::Evolve(_) => (CallKind::Evolve, vec![Arc::clone(image)]),
        _ => (CallKind::Score, Vec::new()),
    };
    let image_ids = images.iter().map(|image| image.image_id.clone()).collect();
    let request =
        ChatRequest { kind, prompt: String::new(), image_ids, parameters: Parameters::default(), schema: None, sample_index: 0, task };
    let reply = RulesModel.chat(&request, &images).await.expect("an answer");
    assert_eq!((reply.finish_reason, reply.usage), (FinishReason::Stop, Usage::default()));
    reply.text
}

fn check_item(item: &Instruction, sample: &Sample, parents: &[Instruction]) {
    let context = || format!("{}: {item:#?}", sample.image);
    assert_eq!(instruction_faults(item, &sample.det, parents), Vec::<Fault>::new(), "{}", context());
    assert!(item.skills.iter().all(|skill| ABILITIES.contains(&skill.as_str())), "{}", context());
    assert!(FORMATS.contains(&item.format.as_str()), "{}", context());
    assert!(!item.steps.is_empty(), "{}", context());
    let text = format!("{} {}", item.question, item.answer);
    assert!(
        !["caption", "bounding box", "  ", " ,", "..", "the the", "There are one "].iter().any(|word| text.contains(word)),
        "{}",
        context()
    );
    check_options(item, &context);
    check_counts(&item.answer, sample, &context);
    check_relations(&item.answer, sample, &context);
}

/// The answer begins with one of the options, letter and text.
fn check_options(item: &Instruction, context: &dyn Fn() -> String) {
    let options: Vec<&str> = item.question.lines().skip(1).collect();
    if !options.is_empty() {
        assert!((3..=4).contains(&options.len()) && options.iter().collect::<BTreeSet<_>>().len() == options.len(), "{}", context());
        assert_eq!(options.iter().filter(|option| item.answer.starts_with(**option)).count(), 1, "{}", context());
    }
}

/// "There are four oranges in the image." must be what the boxes say.
fn check_counts(answer: &str, sample: &Sample, context: &dyn Fn() -> String) {
    static COUNT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[Tt]here are (\w+) ([a-zA-Z ]+) in the image\.").expect("a pattern"));
    let words =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen"];
    for captures in COUNT.captures_iter(answer) {
        let Some(stated) = words.iter().position(|word| *word == &captures[1]) else { continue };
        let plural = captures[2].trim_start_matches("pieces of ");
        let stem = match plural {
            "people" => "person",
            "knives" => "knife",
            "mice" => "mouse",
            _ => plural,
        };
        let count = sample.det.iter().filter(|object| stem.to_lowercase().starts_with(&object.label)).count();
        assert_eq!(stated, count, "{} in {}", &captures[0], context());
    }
}

/// Statements about two labels that have one box each, checked against the boxes by another way than the model's.
fn check_relations(answer: &str, sample: &Sample, context: &dyn Fn() -> String) {
    static RELATION: LazyLock<Regex> = LazyLock::new(|| {
        let relation = "is to the left of|is to the right of|takes up more of the image than|appears higher in the image than";
        Regex::new(&format!(r"[Tt]he ([a-zA-Z ]+?) ({relation}) the ([a-zA-Z ]+?)\.")).expect("a pattern")
    });
    let only = |label: &str| {
        let mut boxes = sample.det.iter().filter(|object| object.label.eq_ignore_ascii_case(label)).map(|object| object.bbox);
        boxes.next().filter(|_| boxes.next().is_none())
    };
    for captures in RELATION.captures_iter(answer) {
        let (Some(first), Some(second)) = (only(&captures[1]), only(&captures[3])) else { continue };
        let area = |[x1, y1, x2, y2]: [f64; 4]| (x2 - x1) * (y2 - y1);
        let is_true = match &captures[2] {
            "is to the left of" => first[0] < second[0] && first[2] < second[2],
            "is to the right of" => first[0] > second[0] && first[2] > second[2],
            "takes up more of the image than" => area(first) > area(second),
            _ => first[1] < second[1] && first[3] < second[3],
        };
        assert!(is_true, "{} in {}", &captures[0], context());
    }
}
