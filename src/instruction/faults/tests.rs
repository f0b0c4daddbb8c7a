use super::*;
use crate::instruction::Step;

fn item(question: &str, answer: &str) -> Instruction {
    Instruction {
        item: Some(1),
        question: question.into(),
        answer: answer.into(),
        format: "Norm".into(),
        skills: vec!["Grounding Ability".into()],
        ..Instruction::default()
    }
}

fn dog() -> Vec<DetectedObject> {
    vec![DetectedObject { label: "dog".into(), bbox: [0.335, 0.086, 0.879, 0.596], confidence: None }]
}

fn has(fault: Fault, item: &Instruction) -> bool {
    instruction_faults(item, &dog(), &[]).contains(&fault)
}

#[test]
fn names_are_distinct_and_in_order() {
    let names: BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
    assert_eq!(names.len(), Fault::ALL.len());
    assert!(Fault::ALL.is_sorted());
    assert_eq!(Fault::ALL.iter().filter(|fault| fault.is_fatal()).count(), 7);
}

#[test]
fn a_sound_item_has_no_faults() {
    assert_eq!(instruction_faults(&item("Where is the dog?", "At [0.335, 0.086, 0.879, 0.596]."), &dog(), &[]), []);
}

#[test]
fn quoted_boxes_must_be_given() {
    for (text, is_fault) in [
        ("at [0.34, 0.09, 0.88, 0.6]", false),
        ("at (0.335,0.086,0.879,0.596)", false),
        ("at `[.335, .086, .879, .596]`", false),
        ("at [0.35, 0.086, 0.879, 0.596]", true),
        ("at [0.1, 0.2, 0.3, 0.4]", true),
        ("in 0.1 of them", false),
        ("the matrix row [0, 1, 1, 0]", false),
        ("the values [1.5, 2.5, 3.5, 4.5]", false),
        ("the point [0.1, 0.2]", false),
        ("transition: cubic-bezier(0.1, 0.7, 1.0, 0.1)", false),
        ("it is {\"bbox_2d\": [50, 20, 90, 40]}", true),
        ("x1=0.5, y1=0.2, x2=0.9, y2=0.4", true),
        ("\"x1\": 0.335, \"y1\": 0.086, \"x2\": 0.879, \"y2\": 0.596", false),
        ("(0.5, 0.2) to (0.9, 0.4)", true),
        ("the line from (0, 1) to (2, 3)", false),
        ("(0.3, 0.3), (0.4, 0.4).", true),
        ("(0.335, 0.086), (0.879, 0.596)", false),
        ("(100,200),(500,600)", true),
        ("The dog(100,200),(500,600)", true),
        ("it is located at (100, 200), (500, 600)", true),
        ("its box has the corners (0.3, 0.3) and (0.4, 0.4)", true),
        ("(0.3, 0.3) and (0.4, 0.4)", false),
        ("the points (0.3, 0.3), (0.4, 0.4)", false),
        ("(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)", false),
        ("(0.335, 0.086) to (0.879, 0.596), (0.9, 0.9)", false),
        ("pieces stand at (1, 2), (3, 4)", false),
        ("[[0.1, 0.2], [0.3, 0.4]]", false),
        ("[50%, 20%, 90%, 40%]", true),
        ("[33.5%, 8.6%, 87.9%, 59.6%]", false),
        ("shares of [10%, 20%, 30%, 40%]", false),
        ("[-0.1, 0.2, 0.5, 0.6]", true),
    ] {
        assert_eq!(has(Fault::BoxNotGiven, &item("Where?", text)), is_fault, "{text}");
        assert_eq!(has(Fault::BoxNotGiven, &item(text, "Yes")), is_fault, "{text}");
    }
    assert!(!has(Fault::BoxNotGiven, &item("Where are the centers of the cups?", "(0.3, 0.3), (0.4, 0.4)")));
    // The centre and a corner of the dog.
    assert!(!has(Fault::BoxNotGiven, &item("Where?", "They are (0.607, 0.341), (0.879, 0.596)")));
    let points = item("Which points?", "The points (0.3, 0.3), (0.4, 0.4)");
    assert_eq!(instruction_faults(&item("Where?", "(0.3, 0.3), (0.4, 0.4)"), &dog(), &[points]), []);
    let mut in_step = item("Where?", "There.");
    in_step.steps = vec![Step { manipulation: "None".into(), description: "See [0.1, 0.2, 0.3, 0.4].".into() }];
    assert!(has(Fault::BoxNotGiven, &in_step));
    let quoting = item("Where?", "At [0.335, 0.086, 0.879, 0.596].");
    assert_eq!(instruction_faults(&quoting, &[], &[]), [Fault::BoxNotGiven]);
}

#[test]
fn boxes_in_the_texts_of_parents_are_given() {
    let parent = item("Describe the region [0.04, 0.67, 0.47, 0.8].", "Four tires.");
    let child = item("Give the bounding box of the tires.", "[0.04, 0.67, 0.47, 0.80]");
    assert_eq!(instruction_faults(&child, &[], &[parent]), []);
    assert_eq!(instruction_faults(&child, &[], &[item("Who?", "He.")]), [Fault::BoxNotGiven, Fault::NeedsBoxes]);
}

#[test]
fn variables_must_be_filled_in() {
    for text in [
        "It is at bbx_1.",
        "The text says `txt_2`",
        "There are res_1 dogs",
        "[Coordinates for tree 1], [Coordinates for tree 2]",
        "[insert name here]",
        "[Your answer]",
        "It is {given_paragraph}",
        "The dog is in <box>.",
        "at [x1, y1, x2, y2]",
        "at [x_min, y_min, x_max, y_max]",
        "[bounding box of the dog]",
        "<answer>",
        "<your answer here>",
        "There are <number> dogs",
        "<name of the animal>",
        "Hello {{name}}",
        "{{ count }} dogs",
        "[Coordinates not provided]",
        "[bounding box coordinates]",
        "[Dog's coordinates]",
        "in bbx_dog",
        "[bbox_dog]",
        "[0.xx, 0.xx, 0.xx, 0.xx]",
    ] {
        assert!(has(Fault::Placeholder, &item("Where?", text)), "{text}");
    }
    for text in [
        "['Nothing happens.']",
        "{\"action\": \"{an admissible action}\"}",
        "<body>",
        "<answer>Yes</answer>",
        "[MASK] or ____",
        "array[i]",
        "the box [A]",
        "res_total = 3",
        "const sizes: Array<number> = []",
        "<name>Rex</name> has <number> dogs</p>",
        "```\nHello {{ name }}\n```",
        "<p>Hello {{ name }}</p>",
        "x^{{2}} + \\mathbf{{ab}}",
        "git checkout <name>",
        "The [coordinate plane] has two axes.",
    ] {
        assert!(!has(Fault::Placeholder, &item("What?", text)), "{text}");
    }
    for question in [
        "Where is the dog? Answer in the format [x1, y1, x2, y2].",
        "Give its box as [x1, y1, x2, y2].",
        "Where is it? Use [x, y, w, h] format.",
        "Fill in the blank: there are [number] dogs.",
        "Complete the sentence: the [object] is on the table.",
    ] {
        assert!(!has(Fault::Placeholder, &item(question, "There.")), "{question}");
        assert!(has(Fault::Placeholder, &item(question, "At [x1, y1, x2, y2]")), "{question}");
    }
    assert!(!has(Fault::Placeholder, &Instruction { format: "fill in the blank".into(), ..item("There are [number] dogs.", "Two.") }));
    for question in ["What is in [x1, y1, x2, y2]?", "How many [object] are there?", "…", "...", "TODO", "[todo]"] {
        assert!(has(Fault::Placeholder, &item(question, "Yes")), "{question}");
    }
    assert!(!has(Fault::Placeholder, &item("What does the note say?", "TODO")));
    let mut in_step = item("Where?", "There.");
    in_step.steps = vec![Step { manipulation: "Grounding_1(dog)->bbx_1".into(), description: "Return `bbx_1`.".into() }];
    assert!(!has(Fault::Placeholder, &in_step));
}

#[test]
fn the_prompt_must_not_show() {
    for text in [
        "#Given Q&A&S#: what is it?",
        "The rewritten prompt asks more.",
        "see given_location",
        "```json [",
        "<|im_start|>user",
        "According to the given bounding boxes list, two.",
        "The given caption says so.",
        "According to the caption, it is red.",
        "Return only a JSON list.",
        "As in the given item 1, what stands on the table?",
        "Compared with the original question, this needs two steps.",
        "What is asked beyond the original question?",
        "Based on the provided coordinates, it is left.",
        "Based on the provided boxes, it is left.",
        "The bounding boxes provided show two.",
        "As described in the caption, it is red.",
        "Based on the caption, how many?",
    ] {
        assert!(has(Fault::PromptLeak, &item("What?", text)), "{text}");
    }
    for text in [
        "A fun caption for the photo.",
        "The poster's caption says 'Run'.",
        "According to the caption below the photo, who is it?",
        "This prompts reflection.",
        "```html\n<body>```",
        "Respond with a valid JSON file.",
        "the original question mark #1",
        "Is the original by Rembrandt?",
        "Compared with the original, the copy of the painting is darker.",
        "Which of the given items costs the most?",
        "How many pieces of item 3 are on the list?",
        "#main { }",
        "Which of the above boxes holds milk?",
        "Find all cups, with bounding boxes given as corners.",
        "Based on the caption of the meme, it is meant as a joke.",
        "What goes into the provided boxes of the form?",
        "What does the original question ask?",
    ] {
        assert!(!has(Fault::PromptLeak, &item("What?", text)), "{text}");
    }
}

#[test]
fn an_answer_names_an_option() {
    let inline = "What is it? A) Microphone B) Computer C) Video camera D) Smartphone";
    let lines = "What is it?\n(a) AMAZON\n(b) WEBCAM\n(c) DSLR";
    let chinese = "哪个？ A、狗 B、猫 C、牛";
    let numbered = "Which animal is it? 1. dog 2. cat 3. cow";
    let dotted = "Which one?\nA. The red car\nB. The blue van\nC. Neither";
    for (question, answer, is_fault) in [
        (inline, "C", false),
        (inline, "A", false),
        (inline, "A, B", false),
        (inline, "A and C and D", false),
        (inline, "C) Video camera", false),
        (inline, "The answer is (D).", false),
        (inline, "He uses a video camera.", false),
        (inline, "camera", false),
        (inline, "All of the above", false),
        (inline, "A) Video camera", true),
        (inline, "C. the video camera", false),
        (inline, "A) It is no video camera", false),
        (inline, "E", true),
        (inline, "A dog plays outside.", true),
        (inline, "He writes a letter.", true),
        (lines, "b", false),
        (lines, "(b) WEBCAM", false),
        (lines, "webcam", false),
        (lines, "option b", false),
        (lines, "b b", false),
        (lines, "d", true),
        (lines, "It was painted.", true),
        (dotted, "The blue van", false),
        (dotted, "B.", false),
        (dotted, "Green trees", true),
        (chinese, "B", false),
        (chinese, "这是一只猫。", false),
        (chinese, "答案是C", false),
        (chinese, "D", true),
        (chinese, "马", true),
        ("哪个？A．狗\nB．猫", "马", true),
        ("Which animal? A - dog, B - cat, C - cow", "D", true),
        (numbered, "2", false),
        (numbered, "4", true),
        (numbered, "Two animals.", false),
        ("Add them. 1. Three 2. Four", "9", false),
        ("Which sign?\nA. +\nB. -", "+", false),
        ("Select all that apply: A. dog B. cat C. cow", "AC", false),
        ("Select all that apply: A. dog B. cat C. cow", "A, C", false),
        ("Select all that apply: A. dog B. cat C. cow", "AD", true),
        ("Put in order: A. boil B. pour C. drink", "The order is ACB.", false),
        ("Put in order: A. boil B. pour C. drink", "OK", true),
        ("How many dogs are there?\nA. two\nB. three", "There are 3 dogs.", false),
        ("How many dogs are there?\nA. 2\nB. 3", "There are three dogs.", false),
        ("How many dogs are there?\nA. two\nB. three", "There are 4 dogs.", true),
        ("What is it?\nA. dogs\nB. boxes", "It is a dog.", false),
        ("What is it?\nA. puppies\nB. boxes", "It is a box.", false),
        ("What is it?\nA. puppies\nB. boxes", "It is a puppy.", false),
        ("Who is J. A. Smith to B. Jones?", "A friend.", false),
        ("What is it?", "C", false),
    ] {
        assert_eq!(has(Fault::AnswerNotAnOption, &item(question, answer)), is_fault, "{question} {answer}");
    }
    for (question, answer, is_fault) in [
        ("Which? A - dog, B - cat", "cat", false),
        ("Which? A - dog, B - cat", "B", false),
        ("Which? A - dog, B - cat", "C", true),
        ("Exhibit A - what is it? A. dog B. cat", "B", false),
        ("Which? A. dog B. cat", "A. cat", true),
        ("Which? A. dog B. cat", "A. dog", false),
        ("Which? A. dog B. Dog", "B. dog", false),
        ("哪个？ A、狗 B、猫", "A、猫", true),
        ("Which? 1. 1.5 2. 5", "1.5", false),
        (numbered, "1. cow", true),
        (numbered, "3. cow", false),
        (numbered, "cow", false),
        (numbered, "A horse.", true),
    ] {
        let multiple_choice = Instruction { format: "multi_choice".into(), ..item(question, answer) };
        assert_eq!(has(Fault::AnswerNotAnOption, &multiple_choice), is_fault, "{question} {answer}");
    }
    let mut without_options = item("What is it?", "C");
    without_options.format = "multi-choice".into();
    assert!(has(Fault::AnswerNotAnOption, &without_options));
    without_options.question = "Which letter marks the roots?".into();
    assert!(!has(Fault::AnswerNotAnOption, &without_options));
}

#[test]
fn an_unchanged_item_is_a_copy() {
    let parent = item("What color is the sign?", "The sign at the hotel is green.");
    let copies = |question: &str, answer: &str| {
        instruction_faults(&item(question, answer), &[], std::slice::from_ref(&parent)).contains(&Fault::CopiesParent)
    };
    assert!(copies("what color is the sign", "The sign at the hotel is green"));
    assert!(copies("What color is the sign?", "green"));
    assert!(!copies("What color is the sign?", "The sign at the hotel is blue."));
    assert!(!copies("What color is the sign?", "The sign at the hotel is green, with white letters and a thin border around them."));
    assert!(!copies("What color is the hotel's sign?", "The sign at the hotel is green."));
    for (question, parent_question, is_fault) in [
        ("Is 3<5?", "Is 3>5?", false),
        ("1+1=?", "1-1=?", false),
        ("Is it -5 degrees?", "Is it 5 degrees?", false),
        ("What is it - exactly?", "What is it, exactly?", true),
    ] {
        let faults = instruction_faults(&item(question, "Yes."), &[], &[item(parent_question, "Yes.")]);
        assert_eq!(faults.contains(&Fault::CopiesParent), is_fault, "{question}");
    }
}

#[test]
fn boxes_cannot_be_asked_for_when_none_are_given() {
    let needs = |question: &str| instruction_faults(&item(question, "Three."), &[], &[]).contains(&Fault::NeedsBoxes);
    for question in [
        "Give the bounding box of the dog.",
        "Provide the coordinates of the people in the image.",
        "How many dogs are there? Include the boxes.",
        "Locate each sheep, then count them.",
        "What are the normalized coordinates of the cup?",
        "What are the coordinates of the dog in the image?",
        "Locate the dog and give its coordinates.",
    ] {
        assert!(needs(question), "{question}");
        assert!(!has(Fault::NeedsBoxes, &item(question, "Three.")), "{question}");
    }
    for question in [
        "How many dogs are there?",
        "Where is the dog?",
        "What are the coordinates of point A?",
        "What are the coordinates of the vertex in the image?",
        "How do the players coordinate?",
        "How many boxes are on the shelf?",
    ] {
        assert!(!needs(question), "{question}");
    }
}

#[test]
fn empty_texts_skills_and_parents() {
    assert!(has(Fault::EmptyText, &item("What?", " ... ")));
    assert!(has(Fault::EmptyText, &item("?", "Yes")));
    assert!(!has(Fault::EmptyText, &item("Which sign?", "+")));
    assert!(!has(Fault::EmptyText, &item("何ですか", "犬")));

    let mut unskilled = item("What?", "A dog.");
    unskilled.skills = vec!["Creative Thinking".into(), "Painting".into()];
    assert_eq!(instruction_faults(&unskilled, &[], &[]), [Fault::UnknownSkill]);
    unskilled.skills.clear();
    assert_eq!(instruction_faults(&unskilled, &[], &[]), [Fault::EmptySkills]);

    let parents = [item("Who?", "He."), item("Why?", "So.")];
    for (number, is_fault) in [(None, true), (Some(0), true), (Some(1), false), (Some(2), false), (Some(3), true), (Some(-1), true)] {
        let child = Instruction { item: number, ..item("What?", "A dog.") };
        assert_eq!(instruction_faults(&child, &[], &parents).contains(&Fault::NoParent), is_fault, "{number:?}");
        assert!(!instruction_faults(&child, &[], &[]).contains(&Fault::NoParent));
    }
}

#[path = "tests/boxes.rs"]
mod boxes_and_data;
#[path = "tests/options.rs"]
mod labels_and_options;
#[path = "tests/phrases.rs"]
mod phrases_and_signs;
