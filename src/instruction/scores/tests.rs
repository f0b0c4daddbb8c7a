use super::*;

fn improved(text: &str) -> Vec<Option<bool>> {
    parse_scores(text).items.iter().map(|item| item.improved).collect()
}

#[test]
fn verdicts_in_any_spelling() {
    for (json, expected) in [
        (r#""yes""#, true),
        (r#""Yes, because it is longer""#, true),
        (r#""YES.""#, true),
        ("true", true),
        ("1", true),
        (r#""no""#, false),
        (r#""No - the same""#, false),
        ("false", false),
        ("0", false),
    ] {
        assert_eq!(improved(&format!(r#"[{{"improved": {json}, "score": 5}}]"#)), [Some(expected)], "{json}");
    }
    assert_eq!(improved("[{'improved': True, 'score': 7,}]"), [Some(true)]);
}

#[test]
fn only_a_clear_verdict_counts() {
    for (json, expected) in [
        (r#""N/A""#, None),
        (r#""n.a.""#, None),
        (r#""yes/no""#, None),
        (r#""Yes or no""#, None),
        (r#""yes | no""#, None),
        (r#""maybe""#, None),
        (r#""not sure""#, None),
        (r#""是否""#, None),
        (r#"["yes", "no"]"#, None),
        (r#""Yes and no""#, None),
        (r#""Yes and no: it is longer""#, None),
        (r#""yes, no""#, None),
        (r#""Yes, and no step is lost""#, Some(true)),
        (r#""No. It is worse""#, Some(false)),
        (r#""improved""#, Some(true)),
        (r#""Better: it adds a step""#, Some(true)),
        (r#""improved: yes""#, Some(true)),
        (r#""improved: no""#, Some(false)),
        (r#""Improved? No.""#, Some(false)),
        (r#""Improved? Yes""#, Some(true)),
        (r#""是，更难""#, Some(true)),
        (r#"["yes"]"#, Some(true)),
        (r#""N""#, Some(false)),
        (r#""Not improved.""#, Some(false)),
        (r#""not_improved""#, Some(false)),
        (r#""NOT-IMPROVED""#, Some(false)),
        (r#""not really""#, Some(false)),
        (r#""nope""#, Some(false)),
        (r#""Unchanged""#, Some(false)),
        (r#""worse""#, Some(false)),
        (r#""否""#, Some(false)),
    ] {
        assert_eq!(improved(&format!(r#"[{{"improved": {json}, "score": 5}}, {{"improved": "yes"}}]"#)), [expected, Some(true)], "{json}");
    }
}

#[test]
fn what_is_said_again_counts_once() {
    let list = r#"[{"item": 1, "improved": "yes", "score": 7}, {"item": 2, "improved": "no", "score": 3}]"#;
    let other = r#"[{"item": 1, "improved": "no", "score": 2}, {"item": 2, "improved": "no", "score": 3}]"#;
    let without_numbers = r#"[{"improved": "yes", "score": 7}, {"improved": "no", "score": 3}]"#;
    for text in [
        format!("{list}\n{list}"),
        format!("```json\n{list}\n```\n```json\n{list}\n```"),
        format!("{other}\n**Final answer:**\n{list}"),
        format!("{list}\nFinal answer: {list}"),
        format!("{without_numbers}\n{without_numbers}"),
        format!(r#"{{"score": 7, "scores": {list}}}"#),
        format!(r#"{{"improved": "yes", "score": 7, "items": {without_numbers}}}"#),
        r#"{"improved": ["yes", "no"], "score": [7, 3]}"#.to_owned(),
    ] {
        let parsed = parse_scores(&text);
        let scores: Vec<_> = parsed.items.iter().map(|item| (item.improved, item.score)).collect();
        assert_eq!(scores, [(Some(true), Some(7)), (Some(false), Some(3))], "{text}");
        assert!(parsed.rejected.is_empty() && match_scores(&parsed.items, 2).iter().all(Option::is_some), "{text}");
    }
    let matched = |text: &str, count: usize| -> Vec<Option<bool>> {
        match_scores(&parse_scores(text).items, count).into_iter().map(|score| score.and_then(|score| score.improved)).collect()
    };
    assert_eq!(matched(&format!("{list}\n{other}"), 2), [None, Some(false)]);
    assert_eq!(matched(&format!("analysisMaybe {other}?assistantfinal{list}"), 2), [Some(true), Some(false)]);
    assert_eq!(
        matched(r#"[{"item": 1, "improved": "no", "score": 3, "item": 2, "improved": "yes", "score": 8}]"#, 2),
        [Some(false), Some(true)]
    );
    assert_eq!(matched(&format!("{list}\nFinal answer: [{{\"item\": 1, \"improved\": \"no\"}}]"), 2), [None, Some(false)]);
    assert_eq!(matched(r#"[{"improved": "no"}] [{"improved": "no"}]"#, 1), [Some(false)]);
    assert_eq!(matched(r#"[{"improved": "no"}] [{"improved": "no"}]"#, 2), [Some(false), Some(false)]);
    assert_eq!(matched("{\"improved\": \"no\"}\n{\"improved\": \"no\"}", 2), [Some(false), Some(false)]);
}

#[test]
fn a_number_may_stand_outside_of_an_entry() {
    let numbered =
        |text: &str| -> Vec<(Option<i64>, Option<i64>)> { parse_scores(text).items.iter().map(|item| (item.item, item.score)).collect() };
    let entry = r#"{"improved": "yes", "score": 9}"#;
    for (key, expected) in [("2", Some(2)), ("item_2", Some(2)), ("item 2", Some(2)), ("summary", None)] {
        assert_eq!(numbered(&format!(r#"{{"{key}": {entry}}}"#)), [(expected, Some(9))], "{key}");
    }
    assert_eq!(numbered(&format!(r#"{{"item": 2, "verdict": {entry}}}"#)), [(Some(2), Some(9))]);
    assert_eq!(numbered(&format!(r#"{{"item": 2, "improved": "yes", "score": 4, "aspects": [{entry}]}}"#)), [(Some(2), Some(4))]);
    assert_eq!(numbered(r#"{"arguments": "[{\"item\": 2, \"improved\": \"yes\", \"score\": 9}]"}"#), [(Some(2), Some(9))]);
}

/// Judges wrap their verdict, and put the number and the reason beside it: by position the verdicts would be those of other items.
#[test]
fn what_stands_around_a_verdict_is_of_it() {
    let (no, yes) = (r#"{"improved": "no", "score": 2}"#, r#"{"improved": "yes", "score": 8}"#);
    let matched = |text: &str| -> Vec<Option<i64>> {
        match_scores(&parse_scores(text).items, 2).into_iter().map(|score| score.and_then(|score| score.score)).collect()
    };
    for key in ["item", "pair", "pair_id", "Pair Number", "item_id", "item_no", "question_id", "original_item", "no", "idx"] {
        let numbered = |number: i64, verdict: &str| format!(r#"{{"{key}": {number}, {}"#, &verdict[1..]);
        assert_eq!(matched(&format!("[{}, {}]", numbered(2, no), numbered(1, yes))), [Some(8), Some(2)], "{key}");
        for inner in ["evaluation", "verdict", "result"] {
            let text = format!(r#"[{{"{key}": 2, "{inner}": {no}}}, {{"{key}": 1, "{inner}": {yes}}}]"#);
            assert_eq!(matched(&text), [Some(8), Some(2)], "{text}");
        }
    }
    assert_eq!(
        matched(r#"[{"item": 2, "improved": ["no"], "score": [2]}, {"item": 1, "improved": ["yes"], "score": [8]}]"#),
        [Some(8), Some(2)]
    );
    for inner in ["verdict", "evaluation"] {
        let around = parse_scores(&format!(r#"[{{"item": 2, "score": 8, "reason": "Longer.", "{inner}": {{"improved": "yes"}}}}]"#));
        let expected = ItemScore { item: Some(2), improved: Some(true), score: Some(8), reason: Some("Longer.".into()) };
        assert_eq!((around.items, around.rejected.len()), (vec![expected], 0), "{inner}");
    }
    let apart = |number: i64, verdict: &str| format!(r#"{{"item": {number}, "evaluation": {verdict}, "clarity": {{"score": 5}}}}"#);
    assert_eq!(matched(&format!("[{}, {}]", apart(2, no), apart(1, yes))), [Some(8), Some(2)]);
    let wrapped = parse_scores(r#"{"score": 5, "a": {"evaluation": {"improved": "yes"}}, "b": {"evaluation": {"improved": "no"}}}"#);
    assert_eq!(wrapped.items.iter().map(|item| item.score).collect::<Vec<_>>(), [None, None]);
    let of_all = parse_scores(&format!(r#"{{"reason": "All in all.", "first": {no}, "second": {yes}}}"#));
    assert_eq!(
        of_all.items.iter().map(|item| (item.score, item.reason.as_deref())).collect::<Vec<_>>(),
        [(Some(2), None), (Some(8), None)]
    );
}

/// Its `id` was taken for the number of the only verdict, and with a score beside it for that of an entry without a verdict.
#[test]
fn the_id_of_a_whole_answer_is_of_no_item() {
    let matched = |text: &str, count: usize| -> Vec<Option<bool>> {
        match_scores(&parse_scores(text).items, count).into_iter().map(|score| score.and_then(|score| score.improved)).collect()
    };
    for own in [
        r#""id": 7"#,
        r#""id": "eval-7", "status": "done""#,
        r#""index": 0"#,
        r#""id": 7, "score": 5"#,
        r#""id": 7, "verdict": "see below""#,
    ] {
        for list in ["results", "items", "verdicts"] {
            let answer = |verdicts: &str| format!(r#"{{{own}, "{list}": [{verdicts}]}}"#);
            let one = answer(r#"{"improved": "yes", "score": 8}"#);
            let two = answer(r#"{"improved": "yes", "score": 8}, {"improved": "no", "score": 2}"#);
            let numbered = answer(r#"{"item": 2, "improved": "yes", "score": 8}"#);
            assert_eq!(matched(&one, 1), [Some(true)], "{one}");
            assert_eq!(matched(&two, 2), [Some(true), Some(false)], "{two}");
            assert_eq!(matched(&numbered, 2), [None, Some(true)], "{numbered}");
        }
    }
    // A number that names the item, or one of several answers, stays the number of what is in it.
    let one = r#"[{"improved": "yes"}]"#;
    assert_eq!(matched(&format!(r#"{{"item": 2, "results": {one}}}"#), 2), [None, Some(true)]);
    assert_eq!(matched(&format!(r#"{{"item": 2, "id": 7, "results": {one}}}"#), 2), [None, Some(true)]);
    let both = format!(r#"{{"id": 2, "results": {one}}}, {{"id": 1, "results": [{{"improved": "no"}}]}}"#);
    assert_eq!(matched(&format!("[{both}]"), 2), [Some(false), Some(true)]);
    assert_eq!(matched(&both.replace("}, {", "}\n{"), 2), [Some(false), Some(true)]);
    // Details of the only item.
    assert_eq!(matched(r#"{"id": 1, "improved": "no", "evaluations": [{"improved": "yes"}]}"#, 1), [Some(false)]);
}

/// The judge said no of the item, whatever it said of an aspect.
#[test]
fn details_do_not_overrule_their_entry() {
    let of_two = r#"{"improved": "yes", "score": 8, "results": {"item_1": {"improved": "no"}, "item_2": {"improved": "yes"}}}"#;
    let entry = r#"{"improved": "no", "score": 3, "details": {"clarity": {"improved": "yes", "score": 9}}}"#;
    let two = format!("[{entry}, {entry}]");
    for (text, expected) in [
        (r#"{"criteria": {"visual_information": {"improved": "yes", "score": 9}}, "improved": "no", "score": 2}"#, vec![(false, Some(2))]),
        (two.as_str(), vec![(false, Some(3)); 2]),
        (r#"{"improved": "no", "score": 3, "aspects": [{"improved": "yes", "score": 9}]}"#, vec![(false, Some(3))]),
        (of_two, vec![(false, None), (true, None)]),
        (r#"{"improved": "yes", "rows": [{"item": 1, "improved": "no", "score": 1}]}"#, vec![(false, Some(1))]),
        // An unreadable verdict does not stand in the way of one that is inside.
        (r#"{"improved": "see below", "details": {"all": {"improved": "no"}}}"#, vec![(false, None)]),
    ] {
        let parsed = parse_scores(text);
        let said: Vec<_> = parsed.items.iter().filter_map(|item| Some((item.improved?, item.score))).collect();
        assert_eq!(said, expected, "{text}");
    }
}

/// The number is all that says which item a verdict is about.
#[test]
fn numbers_are_read_as_judges_write_them() {
    for number in ["item-1", "(1)", "[1]", "no. 1", "Item 1:", "1.", "Item 1: How many dogs are there?"] {
        let parsed = parse_scores(&format!(r#"[{{"id":"{number}","improved":"yes","score":7}}]"#));
        assert_eq!(match_scores(&parsed.items, 1).iter().flatten().count(), 1, "{number}");
    }
}

#[test]
fn an_unusable_verdict_is_rejected_but_keeps_its_place() {
    let parsed = parse_scores(r#"[{"improved": "maybe", "score": 5}, {"score": 3}, {"improved": "yes", "score": 8, "reason": "r"}]"#);
    assert_eq!(parsed.items.iter().map(|item| item.improved).collect::<Vec<_>>(), [None, None, Some(true)]);
    assert_eq!(parsed.items[2].reason.as_deref(), Some("r"));
    assert_eq!(parsed.rejected.iter().map(|item| item.position).collect::<Vec<_>>(), [0, 1]);
    assert!(parsed.rejected[0].reason.contains("maybe"));
    assert_eq!(parsed.error, None);
}

#[test]
fn scores_are_rounded_and_kept_in_range() {
    for (json, expected) in [
        ("7", Some(7)),
        ("7.0", Some(7)),
        ("7.5", Some(8)),
        (r#""7""#, Some(7)),
        (r#""7/10""#, Some(7)),
        (r#"" 8 out of 10""#, Some(8)),
        (r#""10""#, Some(10)),
        (r#""10/10""#, Some(10)),
        ("0", Some(0)),
        ("11", None),
        ("-1", None),
        (r#""70/100""#, None),
        (r#""7 - good""#, Some(7)),
        (r#""7/10, good""#, Some(7)),
        (r#"{"value": 6}"#, Some(6)),
        (r#""8 (out of 10)""#, Some(8)),
        (r#""8 (out of 20)""#, None),
        (r#""8/10 (up from 5/10)""#, Some(8)),
        (r#""8/10.""#, Some(8)),
        (r#""8 (up from 5)""#, Some(8)),
        (r#""8 (offers more detail)""#, Some(8)),
        (r#""8 (often unclear)""#, Some(8)),
        (r#""8 (good), 7 (style)""#, None),
        (r#""7/10-8/10""#, None),
        (r#""7/10 or 8/10""#, None),
        (r#""Score: 8""#, Some(8)),
        (r#""**Score:** 8/10""#, Some(8)),
        (r#""score - 8""#, Some(8)),
        (r#""level 8""#, None),
        (r#""**8**""#, Some(8)),
        ("[8]", Some(8)),
        ("[7, 8]", None),
        (r#""7,5""#, Some(8)),
        (r#""7,25""#, None),
        (r#""7, 8""#, None),
        (r#""7-8""#, None),
        (r#""7 or 8""#, None),
        (r#""7th""#, None),
        (r#""70%""#, None),
        (r#""high""#, None),
        ("null", None),
        ("true", None),
    ] {
        let parsed = parse_scores(&format!(r#"[{{"improved": "yes", "score": {json}}}]"#));
        assert_eq!((parsed.items[0].score, parsed.items[0].improved), (expected, Some(true)), "{json}");
        // What cannot be read is told, unless there is nothing.
        assert_eq!(parsed.rejected.len(), usize::from(expected.is_none() && json != "null"), "{json}");
    }
}

#[test]
fn no_verdict_is_an_error_with_its_kind() {
    for (text, kind) in [
        ("", "empty"),
        ("[]", "no_items"),
        ("[1, 2]", "wrong_shape"),
        (r#"[{"improved": "?"}]"#, "wrong_shape"),
        ("They are better.", "no_json"),
    ] {
        let parsed = parse_scores(text);
        assert!(parsed.items.is_empty());
        assert_eq!(parsed.error.map(|error| error.kind.name()), Some(kind), "{text}");
    }
    let cut = parse_scores(r#"[{"improved": "yes", "score": 7}, {"improved": "y"#);
    assert_eq!((cut.items.len(), cut.truncated), (1, true));
}

#[test]
fn scores_match_by_number_else_by_position() {
    let scored = |items: &[Option<i64>]| -> Vec<ItemScore> {
        items.iter().zip(0..).map(|(item, score)| ItemScore { item: *item, score: Some(score), ..ItemScore::default() }).collect()
    };
    let matched = |items: &[Option<i64>], count: usize| -> Vec<Option<i64>> {
        match_scores(&scored(items), count).into_iter().map(|score| score.and_then(|score| score.score)).collect()
    };
    assert_eq!(matched(&[None, None], 2), [Some(0), Some(1)]);
    assert_eq!(matched(&[None, None], 3), [None, None, None]);
    assert_eq!(matched(&[None, None, None], 2), [None, None]);
    assert_eq!(matched(&[Some(3), Some(1)], 3), [Some(1), None, Some(0)]);
    assert_eq!(matched(&[Some(1), Some(1), Some(2)], 3), [None, Some(2), None]);
    assert_eq!(matched(&[Some(1), Some(9), Some(-2), None], 2), [Some(0), None]);
    assert_eq!(matched(&[Some(0), Some(1)], 2), [None, None]);
    assert_eq!(matched(&[], 1), [None]);
    assert_eq!(matched(&[], 0), []);
}
