//! Which numbers are boxes, and which questions ask for some.

use super::*;

#[test]
fn invented_boxes_are_seen_in_every_notation() {
    for (text, is_fault) in [
        ("Its top-left corner is (0.52, 0.16) and its bottom-right corner is (0.73, 0.59).", true),
        ("Its top-left corner is (0.335, 0.086) and its bottom-right corner is (0.879, 0.596).", false),
        ("[0.52 0.16 0.73 0.59]", true),
        ("[0.335 0.086 0.879 0.596]", false),
        ("{\"left\": 0.52, \"top\": 0.16, \"right\": 0.73, \"bottom\": 0.59}", true),
        ("{\"left\": 0.335, \"top\": 0.086, \"right\": 0.879, \"bottom\": 0.596}", false),
        ("left 0.52, top 0.16, right 0.73, bottom 0.59", true),
        ("The margins are left 0.5, top 0.2, right 0.9, bottom 0.4 inches.", false),
        ("left: 10%; top: 20%; right: 30%; bottom: 50%;", false),
    ] {
        assert_eq!(has(Fault::BoxNotGiven, &item("Where?", text)), is_fault, "{text}");
    }
    let parent = item("Where?", "At [0.52, 0.16, 0.73, 0.59].");
    let child = item("Where is the dog?", "left 0.52, top 0.16, right 0.73, bottom 0.59");
    assert_eq!(instruction_faults(&child, &[], &[parent]), []);
}

#[test]
fn data_that_the_image_shows_are_no_boxes() {
    for (question, answer) in [
        ("Which accuracies does the chart give for k = 1 to 4?", "[0.61, 0.66, 0.72, 0.79]"),
        ("Which four probabilities does the table list?", "(0.25, 0.25, 0.25, 0.25)"),
        ("What are the four weights?", "(0.25, 0.25, 0.25, 0.25)"),
        ("Which RGBA value does the code on the screen set?", "(0.2, 0.4, 0.6, 1.0)"),
        ("Which pairs does the table list?", "(2019,150),(2020,180)"),
        ("How did the sales grow?", "(2019,150),(2020,180)"),
        ("What does the code print?", "[0.1 0.2 0.3 0.4]"),
    ] {
        assert!(!has(Fault::BoxNotGiven, &item(question, answer)), "{question}");
    }
    for (question, answer) in [
        ("Where is the chart?", "[0.1, 0.2, 0.3, 0.4]"),
        ("What does the chart show?", "The bar in the region [0.1, 0.2, 0.3, 0.4] is the highest."),
        ("What stands on the table?", "A cup [0.1, 0.2, 0.3, 0.4]."),
    ] {
        assert!(has(Fault::BoxNotGiven, &item(question, answer)), "{question}");
    }
}

#[test]
fn coordinates_of_things_are_boxes_and_those_of_places_are_not() {
    let needs = |question: &str| instruction_faults(&item(question, "Three."), &[], &[]).contains(&Fault::NeedsBoxes);
    for question in [
        "Provide the coordinates of the dog.",
        "What are the coordinates of the dog?",
        "Where is the dog? Answer with coordinates.",
        "Detect every dog and give its box.",
        "Find the cups and output their boxes.",
    ] {
        assert!(needs(question), "{question}");
        assert!(!has(Fault::NeedsBoxes, &item(question, "Three.")), "{question}");
    }
    for question in [
        "What are the coordinates of Paris?",
        "What are the coordinates of the Eiffel Tower?",
        "Where is Paris? Answer with coordinates.",
        "What are the coordinates of the white king?",
        "What are the coordinates of the ship on the screen?",
        "What are the coordinates of the center of the square?",
        "Who coordinates for the team?",
        "Take the toy and give its box back.",
    ] {
        assert!(!needs(question), "{question}");
    }
}
