use super::*;
use crate::instruction::DetectedObject;

fn scene(objects: &[(&str, [f64; 4])]) -> Scene {
    let objects: Vec<DetectedObject> =
        objects.iter().map(|(label, bbox)| DetectedObject { label: (*label).into(), bbox: *bbox, confidence: None }).collect();
    Scene::new(None, &objects, None)
}

fn statements(scene: &Scene) -> Vec<String> {
    all(scene).into_iter().map(|fact| fact.statement).collect()
}

#[test]
fn clear_relations_are_stated() {
    let scene = scene(&[("cup", [0.05, 0.3, 0.3, 0.7]), ("dog", [0.6, 0.4, 0.9, 0.95]), ("kite", [0.45, 0.02, 0.55, 0.1])]);
    let statements = statements(&scene);
    for expected in [
        "The dog is to the right of the cup.",
        "The kite appears higher in the image than the dog.",
        "The dog takes up more of the image than the cup.",
        "The kite is in the top middle part of the image.",
        "From left to right there are the cup, the kite and the dog.",
        "There is a clear gap between the dog and the cup.",
        "There is a kite in the image, in the top middle part.",
    ] {
        assert!(statements.iter().any(|statement| statement == expected), "{expected} is not in {statements:#?}");
    }
}

#[test]
fn unclear_relations_are_not() {
    let scene = scene(&[("cup", [0.3, 0.3, 0.6, 0.6]), ("dog", [0.35, 0.31, 0.64, 0.63])]);
    let relations: Vec<String> = statements(&scene)
        .into_iter()
        .filter(|text| ["left of", "higher", "more of the image", "gap"].iter().any(|word| text.contains(word)))
        .collect();
    assert_eq!(relations, Vec::<String>::new());
}

#[test]
fn counts_name_every_half_rightly() {
    let scene = scene(&[("cup", [0.1, 0.1, 0.2, 0.2]), ("cup", [0.1, 0.7, 0.2, 0.8]), ("cup", [0.7, 0.7, 0.8, 0.8])]);
    let statements = statements(&scene);
    for expected in ["There are three cups in the image.", "Of the three cups, one is in the right half of the image."] {
        assert!(statements.iter().any(|statement| statement == expected), "{expected} is not in {statements:#?}");
    }
}

/// A working may open an answer: what it counts has no name before it.
#[test]
fn workings_name_what_they_count() {
    let cups = [[0.05, 0.1, 0.1, 0.2], [0.1, 0.7, 0.2, 0.8], [0.7, 0.3, 0.8, 0.4], [0.75, 0.7, 0.85, 0.8]].map(|bbox| ("cup", bbox));
    let scene = scene(&[&cups[..], &[("dog", [0.4, 0.4, 0.5, 0.5])]].concat());
    let workings: Vec<String> = all(&scene).into_iter().filter_map(|fact| fact.working).collect();
    for expected in ["of the cups, the ", "of the cups have their centres to the left of the dog."] {
        assert!(workings.iter().any(|working| working.contains(expected)), "{expected} is not in {workings:#?}");
    }
    assert!(workings.iter().all(|working| !working.contains("of them")), "{workings:#?}");
}

#[test]
fn containment_needs_the_whole_thing_inside() {
    let inside = scene(&[("plate", [0.1, 0.1, 0.8, 0.8]), ("fork", [0.3, 0.3, 0.4, 0.6])]);
    assert!(statements(&inside).iter().any(|text| text == "The fork lies within the area taken up by the plate."));
    let across = scene(&[("plate", [0.1, 0.1, 0.8, 0.8]), ("fork", [0.7, 0.3, 0.95, 0.6])]);
    assert!(!statements(&across).iter().any(|text| text.contains("within the area")));
}

#[test]
fn what_is_named_in_the_caption_is_not_missing() {
    let objects = [DetectedObject { label: "cup".into(), bbox: [0.1, 0.1, 0.5, 0.5], confidence: None }];
    let scene = Scene::new(Some("A cup with two elephants painted on it."), &objects, None);
    assert!(!conspicuous_absent(&scene).contains(&"elephant") && conspicuous_absent(&scene).contains(&"giraffe"));
    assert!(conspicuous_absent(&Scene::new(None, &[], None)).is_empty(), "without boxes nothing is known to be absent");
}

#[test]
fn captions_give_colours_gaps_and_quotations() {
    let scene = Scene::new(Some("A white helmet with a black visor lies near a sign marked CITY POST."), &[], None);
    let statements = statements(&scene);
    assert_eq!(statements, ["The helmet is white.", "The visor is black."].map(str::to_owned));
    assert_eq!(quoted_text(&scene).as_deref(), Some("CITY POST"));
    assert!(caption_gaps(&scene).iter().any(|(_, word)| word == "black"));
}

#[test]
fn numbers_that_the_boxes_contradict_leave_no_gap() {
    let objects = [DetectedObject { label: "cup".into(), bbox: [0.1, 0.1, 0.5, 0.5], confidence: None }];
    let gaps = caption_gaps(&Scene::new(Some("There are three cups on the shelf."), &objects, None));
    assert!(gaps.iter().all(|(_, word)| word != "three"), "{gaps:?}");
}

#[test]
fn every_answer_stands_once_in_its_statement_and_is_never_wrong() {
    let scene = scene(&[
        ("cup", [0.05, 0.3, 0.3, 0.7]),
        ("dog", [0.6, 0.4, 0.9, 0.95]),
        ("dog", [0.35, 0.5, 0.5, 0.6]),
        ("kite", [0.45, 0.02, 0.55, 0.1]),
        ("plate", [0.0, 0.2, 0.4, 0.8]),
    ]);
    for fact in all(&scene) {
        assert!(!fact.questions.is_empty() && !fact.skills.is_empty() && !fact.moves.is_empty(), "{fact:?}");
        assert!(!fact.wrong.contains(&fact.answer), "{fact:?}");
        assert!(fact.is_yes_or_no() || wording::replaced_once(&fact.statement, &fact.answer, "").is_some(), "{fact:?}");
    }
}
