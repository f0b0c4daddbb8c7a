//! What is a placeholder or a piece of the prompt, and what only looks like one.

use super::*;

#[test]
fn boxes_between_tags_are_no_placeholders() {
    let given = vec![DetectedObject { label: "dog".into(), bbox: [0.124, 0.456, 0.333, 0.789], confidence: None }];
    for answer in [
        "<ref>dog</ref><box>[[0.124, 0.456, 0.333, 0.789]]</box>",
        "<box>[0.124, 0.456, 0.333, 0.789]",
        "<|object_ref_start|>dog<|object_ref_end|><|box_start|>[0.124, 0.456, 0.333, 0.789]<|box_end|>",
    ] {
        assert_eq!(instruction_faults(&item("Where is the dog?", answer), &given, &[]), [], "{answer}");
    }
    for (answer, fault) in [
        ("<ref>dog</ref><box></box>", Fault::Placeholder),
        ("It is in <box>, left of 2 cats.", Fault::Placeholder),
        ("<ref>dog</ref><box>[[0.1, 0.2, 0.3, 0.4]]</box>", Fault::BoxNotGiven),
        ("<|im_start|>The dog is on the left.", Fault::PromptLeak),
    ] {
        assert_eq!(instruction_faults(&item("Where is the dog?", answer), &given, &[]), [fault], "{answer}");
    }
}

#[test]
fn answers_must_not_have_gaps() {
    for answer in ["The brand is ____.", "[color]", "It is [color].", "[dog coordinates]"] {
        assert!(has(Fault::Placeholder, &item("Which brand is it?", answer)), "{answer}");
    }
    for (question, answer) in [
        ("What does the worksheet say?", "The capital of France is ____."),
        ("The capital is ____. Which city is it?", "The gap in \"is ____\" stands for Paris."),
        ("Which attribute is read?", "palette[color]"),
        ("What does the link show?", "[color](https://example.com)"),
        ("What does the link show?", "[polar coordinates](https://example.com)"),
    ] {
        assert!(!has(Fault::Placeholder, &item(question, answer)), "{answer}");
    }
}

#[test]
fn what_the_question_itself_gives_is_no_leak() {
    for (question, answer) in [
        ("Does the given caption match the image? A cat sleeps.", "No, it is a dog."),
        ("Given caption: \"A cat sleeps on a sofa.\" Is it accurate?", "No, the given caption is wrong."),
        ("List the colours of the flag. Return only a JSON array.", "[\"red\", \"white\"]"),
        ("Describe the dog as JSON in a code block.", "```json\n{\"animal\": \"dog\"}\n```"),
    ] {
        assert!(!has(Fault::PromptLeak, &item(question, answer)), "{question}");
    }
    let matching = Instruction { format: "text_image_matching".into(), ..item("Is the given caption right?", "Yes.") };
    assert!(!has(Fault::PromptLeak, &matching));
    let following = Instruction { format: "instruction_following".into(), ..item("What?", "```json\n[]\n```") };
    assert!(!has(Fault::PromptLeak, &following));
    for (question, answer) in [
        ("Is the given caption right?", "Yes."),
        ("Does the given caption match the image?", "Yes."),
        ("Which animal is it?", "```json\n[\"dog\"]\n```"),
        ("Which animal is it?", "Return only a JSON array."),
    ] {
        assert!(has(Fault::PromptLeak, &item(question, answer)), "{question}");
    }
}

#[test]
fn a_sign_is_an_answer() {
    for answer in ["-", "/", "*", "?", "`-`", ":)", "!="] {
        assert!(!has(Fault::EmptyText, &item("Which operator stands between 7 and 3 on the board?", answer)), "{answer}");
        assert!(has(Fault::EmptyText, &item("-", "Yes.")));
    }
    for answer in ["", ".", "...", "…", "\"\"", "[]", "{}", "--", "____", "?!?!"] {
        assert!(has(Fault::EmptyText, &item("Which operator stands between 7 and 3 on the board?", answer)), "{answer:?}");
    }
}
