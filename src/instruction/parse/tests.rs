use super::*;

fn one(text: &str) -> Instruction {
    let parsed = parse_instructions(text);
    assert_eq!((parsed.items.len(), parsed.rejected.len(), parsed.truncated, &parsed.error), (1, 0, false, &None), "{parsed:?}");
    parsed.items.into_iter().next().unwrap()
}

fn error_kind(text: &str) -> Option<AnswerErrorKind> {
    let parsed = parse_instructions(text);
    assert_eq!(parsed.items.is_empty(), parsed.error.is_some());
    parsed.error.map(|error| error.kind)
}

#[test]
fn an_item_needs_only_a_question_and_an_answer() {
    let item = one(r#"{"question": " Is it? ", "answer": "Yes."}"#);
    assert_eq!(item, Instruction { format: "Norm".into(), question: "Is it?".into(), answer: "Yes.".into(), ..Instruction::default() });
}

#[test]
fn fields_go_by_many_names() {
    for text in [
        r#"{"Question": "Q", "Answers": "A"}"#,
        r#"{"prompt": "Q", "response": "A"}"#,
        r#"{"q": "Q", "a": "A"}"#,
        r#"{"instruction": "Q", "output": "A"}"#,
        r#"{"question": "old", "Rewritten_Question": "Q", "answer": null, "rewritten answer": "A"}"#,
    ] {
        let item = one(text);
        assert_eq!((item.question.as_str(), item.answer.as_str()), ("Q", "A"), "{text}");
    }
}

#[test]
fn values_come_in_many_shapes() {
    let answer = |json: &str| one(&format!(r#"{{"question": "Q", "answer": {json}}}"#)).answer;
    assert_eq!(answer(r#"["Yes,", "one."]"#), "Yes, one.");
    assert_eq!(answer("3"), "3");
    assert_eq!(answer("true"), "true");
    assert_eq!(answer(r#"{"short": "Yes", "long": "One dog."}"#), "Yes One dog.");
    assert_eq!(answer("[3]"), "3");
    for box_in_json in ["[0.9,0.1,0.95,0.2]", "[[1,2,3,4],[5,6,7,8]]", r#"{"bbox_2d":[10,20,300,400]}"#] {
        assert_eq!(answer(box_in_json), box_in_json);
    }
    assert_eq!(answer(r#"["The dog is at", [0.9, 0.1, 0.95, 0.2]]"#), "The dog is at [0.9,0.1,0.95,0.2]");

    let lists = one(
        r#"{"question": "Q", "answer": "A", "objects": [{"label": "dog", "bbox": [0, 0, 1, 1]}, " cat ", null], "skills": "OCR Ability, Grounding"}"#,
    );
    assert_eq!(
        (lists.objects, lists.skills),
        (vec!["dog".to_owned(), "cat".to_owned()], vec!["OCR Ability".to_owned(), "Grounding".to_owned()])
    );
    let empty = one(r#"{"question": "Q", "answer": "A", "objects": null, "skills": [], "steps": null, "format": null}"#);
    assert!(empty.objects.is_empty() && empty.skills.is_empty() && empty.steps.is_empty() && empty.format == "Norm");
}

#[test]
fn steps_come_in_many_shapes() {
    let steps = |json: &str| -> Vec<(String, String)> {
        let item = one(&format!(r#"{{"question": "Q", "answer": "A", "steps": {json}}}"#));
        item.steps.into_iter().map(|step| (step.manipulation, step.description)).collect()
    };
    let look = [("None".to_owned(), "Look.".to_owned())];
    assert_eq!(steps(r#""Look.""#), look);
    assert_eq!(steps(r#"["Look.", null, ""]"#), look);
    assert_eq!(steps(r#"[{"description": "Look.", "manipulation": null}]"#), look);
    assert_eq!(steps(r#"{"1": "Look."}"#), look);
    assert_eq!(
        steps(r#"[{"manipulation": "grounding_1(dog)->bbx_1", "description": "Find."}]"#),
        [("grounding_1(dog)->bbx_1".to_owned(), "Find.".to_owned())]
    );
}

#[test]
fn echoed_numbers_are_read() {
    for (json, expected) in [
        (r#""item": 3"#, Some(3)),
        (r#""number": 3.0"#, Some(3)),
        (r##""index": "#3""##, Some(3)),
        (r#""id": "item 3""#, Some(3)),
        (r#""Original_Index": "3""#, Some(3)),
        (r#""id": "item-3""#, Some(3)),
        (r#""id": "(3)""#, Some(3)),
        (r#""id": "no. 3""#, Some(3)),
        (r#""id": "Item 3: How many of the 4?""#, Some(3)),
        (r#""id": "-3""#, Some(-3)),
        (r#""id": "item 3.5""#, None),
        (r#""id": "3 dogs""#, None),
        (r#""source": "coco2017: train""#, None),
        (r#""item": "three", "parent": 3"#, Some(3)),
        (r#""item_id": 3"#, Some(3)),
        (r#""Item No.": "3""#, Some(3)),
        (r#""no": 3"#, Some(3)),
        (r#""no": "yes""#, None),
        (r#""pair": 3"#, Some(3)),
        (r#""qid": 3"#, Some(3)),
        (r#""id": 1, "parent_item": 3"#, Some(3)),
        (r#""id": 3, "original_item": {"question": "Old", "answer": "A"}"#, Some(3)),
        (r#""original_item": "Original item No. 3""#, Some(3)),
        (r#""original_item": "How many are in picture 3""#, None),
        (r#""item": 3.5"#, None),
        (r#""item": "3 or 4""#, None),
        (r#""item": [3]"#, None),
        (r#""item": null"#, None),
    ] {
        assert_eq!(one(&format!(r#"{{{json}, "question": "Q", "answer": "A"}}"#)).item, expected, "{json}");
    }
}

#[test]
fn numbered_keys_are_echoed_numbers() {
    let item = r#"{"question": "Q", "answer": "A"}"#;
    for (key, expected) in [("2", Some(2)), ("item_2", Some(2)), ("Item 2", Some(2)), ("#2", Some(2)), ("round 2", None), ("1.2", None)] {
        assert_eq!(one(&format!(r#"{{"{key}": {item}}}"#)).item, expected, "{key}");
        assert_eq!(one(&format!(r#"{{"{key}": [{item}]}}"#)).item, expected, "{key}");
    }
    assert_eq!(one(r#"{"2": {"item": 1, "question": "Q", "answer": "A"}}"#).item, Some(1));
    let list = parse_instructions(r#"{"2": [{"question": "Q1", "answer": "A"}, {"question": "Q2", "answer": "A"}]}"#);
    assert_eq!(list.items.iter().map(|item| item.item).collect::<Vec<_>>(), [None, None]);
}

/// Small models wrap each item, and put the number beside it.
#[test]
fn a_number_beside_an_item_is_its_number() {
    let qa = r#"{"question": "Q", "answer": "A"}"#;
    for text in [
        format!(r#"{{"items": [{{"item": 2, "qa": {qa}}}]}}"#),
        format!(r#"[{{"item": "2", "rewritten": [{qa}]}}]"#),
        format!(r#"{{"item": 2, "question": "Rewritten", "answers": [{qa}]}}"#),
        format!(r#"{{"item": 1, "wrapped": {{"item": 2, "qa": {qa}}}}}"#),
        format!(r#"{{"item": 1, "2": {qa}}}"#),
    ] {
        let item = one(&text);
        assert_eq!((item.item, item.question.as_str()), (Some(2), "Q"), "{text}");
    }
    assert_eq!(one(r#"{"item": 1, "qa": {"item": 2, "question": "Q", "answer": "A"}}"#).item, Some(2));
}

#[test]
fn an_echoed_original_is_no_new_item() {
    let (old, new) = (r#"{"question": "Old", "answer": "A"}"#, r#"{"question": "New", "answer": "A"}"#);
    for (text, number) in [
        (format!(r#"{{"items": [{{"item": 2, "original": {old}, "rewritten": {new}}}]}}"#), Some(2)),
        (format!(r#"{{"item": 2, "rewritten": {new}, "given_item": {old}}}"#), Some(2)),
        (format!(r#"{{"original": [{old}], "rewritten": [{new}]}}"#), None),
        (format!(r#"{{"original_item": 2, "rewritten": {new}}}"#), Some(2)),
        (format!(r#"{{"drafts": [{old}], "final": [{new}]}}"#), None),
        (format!(r#"{{"given_items": [{old}, {old}], "items": [{new}]}}"#), None),
        // Nothing else may be what was asked for.
        (format!(r#"{{"source": [{new}]}}"#), None),
    ] {
        let item = one(&text);
        assert_eq!((item.item, item.question.as_str()), (number, "New"), "{text}");
    }
    // A rewriting that cannot be used does not make its original one.
    let parsed = parse_instructions(&format!(r#"[{{"original": {old}, "rewritten": {{"question": "New"}}}}, {new}]"#));
    assert_eq!((parsed.items.len(), parsed.rejected.len()), (1, 1), "{parsed:?}");
}

#[test]
fn a_draft_before_the_final_answer_is_no_item() {
    let list = |question: &str, numbers: &[i64]| -> String {
        let items: Vec<String> =
            numbers.iter().map(|number| format!(r#"{{"item": {number}, "question": "{question}", "answer": "A"}}"#)).collect();
        format!("[{}]", items.join(", "))
    };
    let (draft, last) = (list("Draft", &[1, 2]), list("Final", &[2, 1]));
    for text in [
        format!("Draft: {draft}\nFinal answer: {last}"),
        format!("```json\n{draft}\n```\n**Revised items**\n```json\n{last}\n```\nThis final list is better."),
        format!("analysisLet me see. {draft}assistantfinal{last}"),
        format!("<|im_start|>think\n{draft}<|im_end|>\n<|im_start|>answer\n{last}"),
        format!("{last}<|im_end|>\n<|im_start|>user\nNow rewrite: {draft}"),
        format!("{}<|im_end|>\n<|im_start|>user\nNow rewrite: {draft}", last.trim_end_matches(']')),
    ] {
        let parsed = parse_instructions(&text);
        assert!(parsed.rejected.is_empty() && !parsed.truncated, "{text}: {parsed:?}");
        let read: Vec<_> = parsed.items.iter().map(|item| (item.item, item.question.as_str())).collect();
        assert_eq!(read, [(Some(2), "Final"), (Some(1), "Final")], "{text}");
    }
    // Other items are no second version of the first ones.
    for text in [
        format!("Items: {}\nAnd the final item: {}", list("Q1", &[1]), list("Q2", &[2])),
        "[{\"question\": \"Q1\", \"answer\": \"A\"}]\nThe final item: [{\"question\": \"Q2\", \"answer\": \"A\"}]".to_owned(),
        format!("Analysis of the image: {}", list("Q", &[1, 2])),
        format!("<|im_end|>[see left]<|im_end|>{}", list("Q", &[1, 2])),
    ] {
        assert_eq!(parse_instructions(&text).items.len(), 2, "{text}");
    }
    assert_eq!(error_kind(&format!("analysisLet me see. {draft}")), Some(AnswerErrorKind::Truncated));
}

/// Two objects without brackets between them have the same keys, and JSON keeps the last of these.
#[test]
fn items_without_brackets_between_them_are_all_read() {
    let (first, second) = (r#""item":1,"question":"Q1","answer":"A1""#, r#""item":2,"question":"Q2","answer":"A2""#);
    for text in [
        format!("[{{{first},{second}}}]"),
        format!("{{{first},{second}}}"),
        format!(r#"{{"items":[{{{first},{second}}}]}}"#),
        format!(r#"{{"result":{{{first},{second}}},"count":2}}"#),
        format!("[{{{first}}},{second}}}]"),
        format!(r#"{{"items":[{{{first}}},{second}}}]}}"#),
        format!("{first}}},{{{second}}}]"),
        format!(r#""items":[{{{first}}},{{{second}}}]}}"#),
        format!(r#"[{{"id":"x",{first},{second}}}]"#),
    ] {
        let parsed = parse_instructions(&text);
        let read: Vec<_> = parsed.items.iter().map(|item| (item.item, item.question.as_str(), item.answer.as_str())).collect();
        assert_eq!(read, [(Some(1), "Q1", "A1"), (Some(2), "Q2", "A2")], "{text}");
        assert!(parsed.rejected.is_empty() && !parsed.truncated, "{text}: {parsed:?}");
    }
    // A key that a model only says again, or corrects, begins nothing.
    for text in [
        r#"[{"item":1,"question":"Q","item":1,"skills":["OCR"],"answer":"A","skills":[]}]"#,
        r#"[{"question":"Q","answer":"B","answer":"A"}]"#,
    ] {
        let item = one(text);
        assert_eq!((item.question.as_str(), item.answer.as_str(), item.skills.len()), ("Q", "A", 0), "{text}");
    }
}

#[test]
fn only_a_known_type_is_a_format() {
    for (json, expected) in [
        (r#""type": "question""#, "Norm"),
        (r#""type": "multiple choice""#, "multiple choice"),
        (r#""type": "multiple choice", "format": "riddle""#, "riddle"),
    ] {
        assert_eq!(one(&format!(r#"{{{json}, "question": "Q", "answer": "A"}}"#)).format, expected, "{json}");
    }
}

#[test]
fn json_may_be_a_text_inside_json() {
    let item = r#"{\"question\": \"Q\", \"answer\": \"A\"}"#;
    for text in [
        format!(r#"{{"rewritten": "[{item}]"}}"#),
        format!(r#"["{item}"]"#),
        format!(r#"{{"name": "submit", "arguments": "{{\"items\": [{item}]}}"}}"#),
        format!(r#"{{"prompt": "Rewrite it.", "response": "[{item}]"}}"#),
    ] {
        let item = one(&text);
        assert_eq!((item.question.as_str(), item.answer.as_str()), ("Q", "A"), "{text}");
    }
    let about_json = one(r#"{"question": "Write it as JSON.", "answer": "{\"dogs\": [1]}"}"#);
    assert_eq!(about_json.answer, r#"{"dogs": [1]}"#);
}

#[test]
fn columns_are_items() {
    let parsed = parse_instructions(r#"{"item": [2, 1], "questions": ["Q1", "Q2"], "answers": ["A1", "A2"], "skills": [["OCR"], []]}"#);
    let items: Vec<_> =
        parsed.items.iter().map(|item| (item.item, item.question.as_str(), item.answer.as_str(), item.skills.len())).collect();
    assert_eq!(items, [(Some(2), "Q1", "A1", 1), (Some(1), "Q2", "A2", 0)]);
    assert_eq!(one(r#"{"question": ["Is", "it?"], "answer": "Yes"}"#).question, "Is it?");
    let own_options = parse_instructions(
        r#"{"questions": ["What?", "Where?"], "options": ["A. dog B. cat", "A. left B. right"], "answers": ["A", "B"], "item": [1, 2, 3]}"#,
    );
    let questions: Vec<(&str, Option<i64>)> = own_options.items.iter().map(|item| (item.question.as_str(), item.item)).collect();
    assert_eq!(questions, [("What?\nA. dog\nB. cat", None), ("Where?\nA. left\nB. right", None)]);
    let shared =
        parse_instructions(r#"{"item": 3, "question": ["Q1?", "Q2?"], "answer": ["A1.", "A2."], "objects": ["dog"], "skill": "OCR"}"#);
    assert_eq!(shared.items.len(), 2);
    for item in shared.items {
        assert_eq!((item.item, item.objects, item.skills), (Some(3), vec!["dog".to_owned()], vec!["OCR".to_owned()]));
    }
}

#[test]
fn options_beside_a_question_become_part_of_it() {
    for (json, expected) in [
        (r#""question": "Which?", "options": {"A": "dog", "B": "cat"}"#, "Which?\nA. dog\nB. cat"),
        (r#""question": "Which?", "options": ["dog", "cat"]"#, "Which?\nA. dog\nB. cat"),
        (r#""question": "Which?", "choices": ["A) dog", "(B) cat"]"#, "Which?\nA. dog\nB. cat"),
        (r#""question": "Which?", "choices": [{"label": "a", "text": "dog"}, {"option_b": "cat"}]"#, "Which?\nA. dog\nB. cat"),
        (r#""question": "Which?", "options": "A. dog\nB. cat""#, "Which?\nA. dog\nB. cat"),
        (r#""question": "Which?", "options": "A. dog B. cat""#, "Which?\nA. dog\nB. cat"),
        (r#""question": "Which?", "options": "(A) a red, wet dog; (B) cat, (C) cow""#, "Which?\nA. a red, wet dog\nB. cat\nC. cow"),
        (r#""question": "Which?", "options": "dog, cat, cow""#, "Which?\ndog, cat, cow"),
        (r#""question": "Which?", "options": "None""#, "Which?"),
        (r#""question": "Which?", "options": "Not needed, it is open.""#, "Which?"),
        (r#""question": "Which?", "options": "['dog', 'cat']""#, "Which?\nA. dog\nB. cat"),
        (r#""question": "Which?", "options": "A. 2: 1 B. 3: 1""#, "Which?\nA. 2: 1\nB. 3: 1"),
        (r#""question": "几只？", "options": "A.一只，B.两只；C. 三只""#, "几只？\nA. 一只\nB. 两只\nC. 三只"),
        (r#""question": {"text": "Which?", "options": ["dog", "cat"]}"#, "Which?\nA. dog\nB. cat"),
        (r#""question": {"en": "Which?"}"#, "Which?"),
        (r#""question": "Is it a dog or a cat?", "options": ["dog", "cat"]"#, "Is it a dog or a cat?\nA. dog\nB. cat"),
        (r#""question": "Which? (a) Dog (b) Cat", "options": ["dog", "cat"]"#, "Which? (a) Dog (b) Cat"),
        (r#""question": "Which?", "options": ["dog"]"#, "Which?"),
        (r#""question": "Which?", "options": [3.5, 12]"#, "Which?\nA. 3.5\nB. 12"),
    ] {
        assert_eq!(one(&format!(r#"{{{json}, "answer": "B"}}"#)).question, expected, "{json}");
    }
}

#[test]
fn a_correct_option_is_an_answer() {
    for name in ["correct_answer", "correctOption", "answer_text"] {
        let item = one(&format!(r#"{{"question": "Which?", "options": ["dog", "cat"], "{name}": "B"}}"#));
        assert_eq!((item.question.as_str(), item.answer.as_str()), ("Which?\nA. dog\nB. cat", "B"), "{name}");
    }
}

#[test]
fn what_cannot_be_read_is_shown() {
    let parsed = parse_instructions(r#"[{"question" Is there a dog?, "answer": "Yes"}, {"question": "Q", "answer": "A"}]"#);
    assert_eq!(parsed.rejected.len(), 1, "{parsed:?}");
    assert_eq!((parsed.rejected[0].text.as_str(), parsed.items.len()), (r#"{"question" Is there a dog?, "answer": "Yes"},"#, 1));
}

#[test]
fn faulty_items_are_rejected_and_the_others_kept() {
    let parsed = parse_instructions(
        r#"{"title": "x", "items": [{"question": "no answer"}, {"question": "Q", "answer": "A"}, {"question": "", "answer": "A"}, {"question": "Q", "answer": "A"}, 7]}"#,
    );
    assert_eq!(parsed.items.len(), 1);
    let rejected: Vec<_> = parsed.rejected.iter().map(|item| (item.position, item.reason.as_str())).collect();
    assert_eq!(rejected, [(0, "the item has no answer"), (2, "the question is empty")]);
    assert_eq!(parsed.rejected[0].text, r#"{"question":"no answer"}"#);
    let long = parse_instructions(&format!(r#"[{{"question": "{}"}}]"#, "é".repeat(900)));
    assert_eq!(long.rejected[0].text.chars().count(), 500);
}

#[test]
fn nested_items_and_schemas() {
    let nested = parse_instructions(r#"{"question": "Rewritten", "answers": [{"question": "Q", "answer": "A"}]}"#);
    assert_eq!((nested.items.len(), nested.rejected.len()), (1, 0));
    let schema = r#"{"type": "object", "properties": {"question": {"type": "string"}, "answer": {"type": "string"}}}"#;
    assert_eq!(error_kind(schema), Some(AnswerErrorKind::WrongShape));
}

#[test]
fn an_answer_without_items_says_why() {
    use AnswerErrorKind::*;
    for (text, kind) in [
        ("", Empty),
        (" \n\u{feff}", Empty),
        ("[]", NoItems),
        ("```json\n[]\n```", NoItems),
        (r#"{"items": []}"#, NoItems),
        ("I'm sorry, but I can't help with that.", Refusal),
        ("As an AI language model, I cannot see images [1].", Refusal),
        ("Unfortunately, I am unable to assist.", Refusal),
        (r#"{"error": "I'm sorry, but I can't help with that."}"#, Refusal),
        (r#"["I'm sorry, I can't identify people."]"#, Refusal),
        ("抱歉，我无法识别图中的人。", Refusal),
        ("Es tut mir leid, dabei kann ich nicht helfen.", Refusal),
        ("Je suis désolé, je ne peux pas répondre.", Refusal),
        ("Lo siento, no puedo ayudar con eso.", Refusal),
        (r#"[{"question": "Why does he say I can't?"}]"#, WrongShape),
        ("The dog is at [0.1, 0.2, 0.3, 0.4] in the image.", NoJson),
        ("The picture shows a man who cannot swim.", NoJson),
        ("<!DOCTYPE html><html></html>", Html),
        ("[1, 2, 3]", WrongShape),
        (r#"{"error": "overloaded"}"#, WrongShape),
        (r#"[{"question": "Is"#, Truncated),
        ("```json\n[", Truncated),
        ("<think>Let me see", Truncated),
    ] {
        assert_eq!(error_kind(text), Some(kind), "{text}");
    }
    assert_eq!(error_kind(&"[".repeat(5_000)), Some(TooDeep));
    let names: std::collections::HashSet<_> = AnswerErrorKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), AnswerErrorKind::ALL.len());
}
