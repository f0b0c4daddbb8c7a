//! What is told of texts equals what people and other programs say of them.

use mmevol::text::{Encoding, Root, root};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A question of `tests/data/root_verbs.jsonl`, labelled by hand.
#[derive(Deserialize)]
struct Labelled {
    sample: String,
    question: String,
    verb: Option<String>,
    noun: Option<String>,
}

/// How many of a sample's questions are right.
#[derive(Debug, Default, Clone, Copy)]
struct Score {
    questions: usize,
    verbs: usize,
    nouns: usize,
    both: usize,
}

impl Score {
    fn of(sample: &[&Labelled]) -> Score {
        sample.iter().fold(Score::default(), |score, labelled| {
            let found = root(&labelled.question);
            let is_verb = found.as_ref().map(|root| &root.verb) == labelled.verb.as_ref();
            let is_noun = found.as_ref().and_then(|root| root.noun.as_ref()) == labelled.noun.as_ref();
            Score {
                questions: score.questions + 1,
                verbs: score.verbs + usize::from(is_verb),
                nouns: score.nouns + usize::from(is_noun),
                both: score.both + usize::from(is_verb && is_noun),
            }
        })
    }
}

/// The figures of docs/diversity.md. The second sample is the measure: the rules were written with the first at hand.
#[test]
fn root_verbs_are_right() {
    let labelled: Vec<Labelled> = lines(include_str!("../data/root_verbs.jsonl"));
    let sample = |name: &str| labelled.iter().filter(|labelled| labelled.sample == name).collect::<Vec<_>>();
    let with_object =
        |sample: &[&Labelled]| Score::of(&sample.iter().filter(|labelled| labelled.noun.is_some()).copied().collect::<Vec<_>>());
    let (first, second) = (Score::of(&sample("first")), Score::of(&sample("second")));
    let objects = with_object(&sample("second"));
    println!("first sample: {first:?}\nsecond sample: {second:?}\nsecond sample, where there is an object: {objects:?}");
    assert_eq!((first.questions, second.questions, objects.questions), (230, 120, 44));
    assert!(first.verbs >= 228 && first.both >= 226, "{first:?}");
    assert!(second.verbs >= 116 && second.nouns >= 117 && second.both >= 114, "{second:?}");
    assert!(objects.both >= 43, "{objects:?}");
}

#[test]
fn hostile_texts_have_a_root_or_none() {
    let find = |text: &str| root(text).map(|Root { verb, noun }| (verb, noun.unwrap_or_default()));
    let found = |verb: &str, noun: &str| Some((verb.to_owned(), noun.to_owned()));
    assert_eq!(find("<script>alert('x'); stop();</script> Describe the <b>dog</b>."), found("describe", "dog"));
    assert_eq!(find("<STYLE>p { color: red }</STYLE><script>a</script>Describe the dog. <script>Count"), found("describe", "dog"));
    assert_eq!(find("<script>Describe the dog."), None);
    assert_eq!(find("<image>\nWhat emotions does it evoke?"), found("evoke", "emotion"));
    assert_eq!(find("Beschreibe das Bild im Detail, bitte ausführlich."), None);
    assert_eq!(find("描述这张图片。"), None);
    assert_eq!(find("??? !!! ..."), None);
    assert_eq!(find("🐕🐕🐕"), None);
    assert_eq!(find(""), None);
    assert_eq!(find("Let’s think step by step. What’s the man’s name?"), found("be", ""));
}

/// Each would take minutes if any part were quadratic.
#[test]
fn long_texts_take_linear_time() {
    for unit in [
        "describe ",
        "the dog ",
        "(",
        "<a",
        "<script>",
        "</script>",
        "\"a ",
        "'a ",
        "what is ",
        "a, ",
        "can you ",
        "that ",
        "1. ",
        "x",
        "let's ",
        "if ",
        "and what is ",
    ] {
        let text = unit.repeat(100_000 / unit.len());
        let _ = root(&text);
        let _ = mmevol::text::language(&text);
    }
    let context = "The dog is brown. ".repeat(6_000);
    assert_eq!(root(&(context + "Describe the dog.")).map(|root| root.verb).as_deref(), Some("describe"));
}

/// A text of `tests/data/token_counts.jsonl`, counted by Python's tiktoken.
#[derive(Deserialize)]
struct Counted {
    text: String,
    o200k_base: usize,
    cl100k_base: usize,
    p50k_base: usize,
    r50k_base: usize,
}

#[test]
fn token_counts_are_those_of_tiktoken() {
    let counted: Vec<Counted> = lines(include_str!("../data/token_counts.jsonl"));
    assert_eq!(counted.len(), 15);
    for Counted { text, o200k_base, cl100k_base, p50k_base, r50k_base } in counted {
        for (encoding, count) in [
            (Encoding::O200kBase, o200k_base),
            (Encoding::O200kHarmony, o200k_base),
            (Encoding::Cl100kBase, cl100k_base),
            (Encoding::P50kBase, p50k_base),
            (Encoding::P50kEdit, p50k_base),
            (Encoding::R50kBase, r50k_base),
        ] {
            assert_eq!(encoding.count(&text), count, "{}: {text:.40?}", encoding.name());
        }
    }
}

fn lines<T: DeserializeOwned>(text: &str) -> Vec<T> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
