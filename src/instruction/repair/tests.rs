use serde_json::json;

use super::*;

/// The values of a text that holds no unreadable object.
fn values(text: &str) -> Vec<Value> {
    let repaired = repair(text);
    assert!(repaired.parts.iter().all(|part| matches!(part, Part::Value(_))), "{text}: {repaired:?}");
    repaired.values().cloned().collect()
}

/// Asserts that a text reads as one value and as nothing cut off.
fn reads_as(text: &str, expected: &Value) {
    let repaired = repair(text);
    assert_eq!(repaired, Repaired { parts: vec![Part::Value(expected.clone())], ..Repaired::default() }, "{text}");
}

#[test]
fn mends_what_models_break() {
    let expected = json!([{"q": "one", "a": "two"}]);
    for text in [
        r#"[{"q": "one", "a": "two"}]"#,
        "\u{feff}[{\"q\": \"one\", \"a\": \"two\"}]",
        r#"[{"q": "one", "a": "two"},]"#,
        r#"[{"q": "one", "a": "two",},,]"#,
        r#"[{"q": "one" "a": "two"}]"#,
        r#"[{"q": "one""a": "two"}]"#,
        "[{'q': 'one', 'a': 'two'}]",
        "[{“q”: “one”, “a”: “two”}]",
        r#"[{“q”: "one", "a": “two"}]"#,
        r#"[{"q”: "one”, "a": "two”}]"#,
        "[{q: 'one', a: \"two\"}]",
        "[{q: one, a: two}]",
        "[{\nq: \"one\"\na: \"two\"\n}]",
        r#"[{"q": """one""", "a": "two"}]"#,
        r#"[{"q": "one"", "a": "two""}]"#,
        "[\n# the items\n{\"q\": \"one\", # a comment with \"quotes\"\n \"a\": \"two\" # and more\n} # last\n]",
        "[{'q': 'one', # first\n 'a': 'two'} # last\n]",
        "[{\"q\": \"one\" # no comma\n \"a\": \"two\", # the last\n # but one\n}]",
        "[{\"q\": \"one\", // a comment with \"quotes\"\n \"a\": /* another */ \"two\"} // last\n]",
        r#"[{"q": "one", "a": "two"}, ...]"#,
        r#"[{{"q": "one", "a": "two"}}]"#,
        r#"Sure, here [as asked] is {it}: [{"q": "one", "a": "two"}] I hope "this" helps!"#,
        r#"[{"q": "one", "a": "two",}] I hope "this" helps!"#,
        "```json\n[{\"q\": \"one\", \"a\": \"two\"}]\n```",
        "```\n[{\"q\": \"one\", \"a\": \"two\"},]\n```\nDone.",
        "~~~json5\n[{q: 'one', a: 'two'}]\n~~~",
        "```json\n[{\"q\": \"one\", \"a\": \"two\"\n```",
        "<think>maybe [{\"q\": \"draft\"}]?</think>\n[{\"q\": \"one\", \"a\": \"two\"}]",
        "I will answer [{\"q\": 1}].</think>[{\"q\": \"one\", \"a\": \"two\",}]",
        r#"result = [{"q": "one", "a": "two"];"#,
        r#""[{\"q\": \"one\", \"a\": \"two\"}]""#,
        r#"[{\"q\": \"one\", \"a\": \"two\"}]"#,
        "```json\n[\n  {\\\"q\\\": \\\"one\\\",\n\\\"a\\\": \\\"two\\\"}]\n```",
        r#"[{"q"： "one"， "a"："two"}]"#,
        r#"[{"q": "one"; "a": "two"}]"#,
        r#"[{"q": one; "a": "two"}]"#,
        r#"[{"q": "o" + "ne", "a": "t" + "w" + "o"}]"#,
        "[{'q': 'o'\n + 'ne', 'a': 'two'}]",
    ] {
        reads_as(text, &expected);
    }
}

#[test]
fn drafts_in_thoughts_are_no_answer() {
    let answer = r#"[{"q": "one", "a": "two"}]"#;
    for (opening, closing) in [
        ("◁think▷", "◁/think▷"),
        ("<thought>", "</thought>"),
        ("<reasoning>", "</reasoning>"),
        ("<reflection>", "</reflection>"),
        ("[THINK]", "[/THINK]"),
        ("<THINK>", "</Think>"),
        ("<seed:think>", "</seed:think>"),
        ("<scratchpad>", "</scratchpad>"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
        ("<|start|>assistant<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ] {
        let draft = r#"Maybe [{"q": "draft"}]?"#;
        reads_as(&format!("{opening}{draft}{closing}\n{answer}"), &json!([{"q": "one", "a": "two"}]));
        reads_as(&format!("<think>{draft}</think>\n{opening}{draft}{closing}{answer}"), &json!([{"q": "one", "a": "two"}]));
        assert_eq!(repair(&format!("{opening}{draft}")), Repaired { truncated: true, ..Repaired::default() }, "{opening}");
    }
}

/// LLaVA-CoT thinks in several sections, and the answer is one too.
#[test]
fn sections_before_the_conclusion_are_thoughts() {
    let text = r#"<SUMMARY>I look.</SUMMARY><REASONING>Maybe [{"q": "draft"}]?</REASONING><CONCLUSION>[{"q": "one"}]</CONCLUSION>"#;
    reads_as(text, &json!([{"q": "one"}]));
}

#[test]
fn keeps_the_text_of_strings() {
    for (source, expected) in [
        (r"say \_this\_ and \*that\*", "say _this_ and *that*"),
        (r"\frac{1}{2} \times \theta \neq \alpha", r"\frac{1}{2} \times \theta \neq \alpha"),
        (r"\\frac{1}{2}", r"\frac{1}{2}"),
        (r"tab\there, line\nthere", "tab\there, line\nthere"),
        (r"a \(b\) \$5", r"a \(b\) \$5"),
        ("line\r\nline\u{1}", "line\nline"),
        ("the \"red\" car, is it?", "the \"red\" car, is it?"),
        ("a \"b\", \"c\" and \"d\" set", "a \"b\", \"c\" and \"d\" set"),
        ("the \"#\" sign, the \"red\" # and \"#1\" of it", "the \"#\" sign, the \"red\" # and \"#1\" of it"),
        ("print \"a\", # of\nthe \"b\", # c", "print \"a\", # of\nthe \"b\", # c"),
        ("```python\nx = \"a\"  # set x\nprint(x)\n```", "```python\nx = \"a\"  # set x\nprint(x)\n```"),
        ("y = [\"a\", \"b\"]  # two\nprint(y)", "y = [\"a\", \"b\"]  # two\nprint(y)"),
        ("the set {\"a\"} is \"small\"", "the set {\"a\"} is \"small\""),
        ("the sign reads “STOP”", "the sign reads “STOP”"),
        ("see http://example.org/a//b /* here */", "see http://example.org/a//b /* here */"),
        ("```python\nprint({1: [2]})\n```", "```python\nprint({1: [2]})\n```"),
        (r"\ud83d\ude00 \ud83d \u00e9 \u12", "😀 \u{fffd} é \\u12"),
        ("}, ] and , too", "}, ] and , too"),
        ("the sum \"1\" + \"2\" and; more", "the sum \"1\" + \"2\" and; more"),
        (r"x \to \infty, \tau, \tanh x, \textit{a}", r"x \to \infty, \tau, \tanh x, \textit{a}"),
        (r"\(a \ne b\), $\nu$, E = h\nu, y = \tan\theta", r"\(a \ne b\), $\nu$, E = h\nu, y = \tan\theta"),
        (r"Which?\ne) bird\ni. cat", "Which?\ne) bird\ni. cat"),
        (r"I hear\nu know\to go\not now", "I hear\nu know\to go\not now"),
        (r"it costs $5\ne $6 more, 1.\tan apple", "it costs $5\ne $6 more, 1.\tan apple"),
    ] {
        // The trailing comma keeps strict JSON out of the way.
        let text = format!("[{{\"q\": \"{source}\", \"a\": \"yes\"}},]");
        reads_as(&text, &json!([{"q": expected, "a": "yes"}]));
    }
    reads_as(r#"[{"q": "x \to 0\nand on"}]"#, &json!([{"q": "x \\to 0\nand on"}]));
    reads_as(r#"["it's", 'it is "so"', 'it\'s', 'the dog's ball']"#, &json!(["it's", "it is \"so\"", "it's", "the dog's ball"]));
}

#[test]
fn reads_python_and_javascript_scalars() {
    reads_as(
        "{'k': 7 # of 10\n, 'm': NULL # none\n, 'l': #3, 'a': None, 'b': True, 'c': False, 'd': NaN, 'e': -Infinity, 'f': undefined, 'g': .5, 'h': 007, 'i': 7/10, 'j': }",
        &json!({"k": 7, "m": null, "l": "#3", "a": null, "b": true, "c": false, "d": null, "e": null, "f": null, "g": 0.5, "h": 7, "i": "7/10", "j": null}),
    );
}

/// A model that writes Chinese parts members by fullwidth commas, also behind what has no quotes.
#[test]
fn fullwidth_commas_part_what_has_no_quotes() {
    reads_as(
        r#"[{"item"：1，"q"："A，B?"，"ok"：true，"l"：[1，2；3]}，{"item"：2.5；"q"："B"}]"#,
        &json!([{"item": 1, "q": "A，B?", "ok": true, "l": [1, 2, 3]}, {"item": 2.5, "q": "B"}]),
    );
    reads_as("[{item：1，q：红，黄, a: 7}]", &json!([{"item": 1, "q": "红，黄", "a": 7}]));
}

#[test]
fn a_tuple_is_a_list() {
    reads_as(
        "[{'objects': ('dog', \"cat's\"), 'one': ('dog',), 'box': (10, -2.5, None), 'boxes': [(1, 2), (3, 4)], 'a': 'yes'}]",
        &json!([{"objects": ["dog", "cat's"], "one": ["dog"], "box": [10, -2.5, null], "boxes": [[1, 2], [3, 4]], "a": "yes"}]),
    );
    reads_as(
        "{'pairs': (('a', 1), ('b', 2)), 'rows': ({'a': 1}, {'a': 2})}",
        &json!({"pairs": [["a", 1], ["b", 2]], "rows": [{"a": 1}, {"a": 2}]}),
    );
    reads_as(
        "[{'o': ('dog', None), 'p': (None, 'dog'), 'q': ('dog', True,), 'r': ('a', (False, 'b')), 's': ['dog', None], 't': 'yes'}]",
        &json!([{
            "o": ["dog", null], "p": [null, "dog"], "q": ["dog", true], "r": ["a", [false, "b"]], "s": ["dog", null], "t": "yes",
        }]),
    );
    // Round brackets of a text are no tuple.
    reads_as(
        r#"[{q: (a) red, a: (1) dog, b: (None) cat}, {'q': ["the (so called "big") dog", 'it']}]"#,
        &json!([{"q": "(a) red", "a": "(1) dog", "b": "(None) cat"}, {"q": ["the (so called \"big\") dog", "it"]}]),
    );
    let cut = repair("[{'q': 1}, {'objects': ('dog', 'ca");
    assert!(cut.truncated);
    assert_eq!(cut.values().next(), Some(&json!([{"q": 1}])));
}

#[test]
fn finds_every_value() {
    assert_eq!(values("{\"a\": 1}\n{\"a\": 2,}\n{a: 3}"), [json!({"a": 1}), json!({"a": 2}), json!({"a": 3})]);
    assert_eq!(values("First:\n```json\n[1]\n```\nand\n```\n[2]\n```"), [json!([1]), json!([2])]);
    assert_eq!(values("[{\"a\": 1, {\"a\": 2}, {\"a\": 3}]"), [json!([{"a": 1}, {"a": 2}, {"a": 3}])]);
    assert_eq!(values("{\"steps\": [{\"a\": 1}, \"answer\": \"x\"}"), [json!({"steps": [{"a": 1}], "answer": "x"})]);
    assert_eq!(values("[{\"a\": [\"dog\"}, {\"a\": []}]"), [json!([{"a": ["dog"]}, {"a": []}])]);
}

#[test]
fn keys_that_come_again_begin_another_object() {
    reads_as(r#"[{"a": 1, "b": 2, "a": 3, "b": 4}]"#, &json!([{"a": 1, "b": 2}, {"a": 3, "b": 4}]));
    reads_as(r#"{"x": {"a": 1, "a": 3}, "y": 5}"#, &json!({"x": [{"a": 1}, {"a": 3}], "y": 5}));
    reads_as(r#"[{"a": 1, "b": 2, "b": 4, "a": 1}]"#, &json!([{"a": 1, "b": 4}]));
    reads_as(r#"[{"a": "\"a\": 1", "b": ["a", "a"], "c": {"a": 2}}]"#, &json!([{"a": "\"a\": 1", "b": ["a", "a"], "c": {"a": 2}}]));
    reads_as(r#"[{"a": 1, "b": 2}, "a": 3, "b": 4}]"#, &json!([{"a": 1, "b": 2}, {"a": 3, "b": 4}]));
    reads_as(r#""a": [1]}"#, &json!({"a": [1]}));
    reads_as(r#""Here it is": [{"a": 1}]"#, &json!([{"a": 1}]));
    reads_as(r#""Here": it is [{"a": 1}]"#, &json!([{"a": 1}]));
    reads_as(r#""Here": [{"a": 1}] is it"#, &json!([{"a": 1}]));
    // The brace of the outer object is missing behind them.
    let in_member = r#"[{"a": 1, "x": {"a": 1, "a": 3}, {"a": 2}]"#;
    reads_as(in_member, &json!([{"a": 1, "x": [{"a": 1}, {"a": 3}]}, {"a": 2}]));
    // Sound but for the key, so that it is not read strictly.
    reads_as(r#"[{"a": ["x", null, "y", true], "b": 1, "b": 2}]"#, &json!([{"a": ["x", null, "y", true], "b": 2}]));
}

#[test]
fn prose_is_no_json() {
    for text in [
        "",
        "the number [# of cats] and [# a\nb], {# a\nb}",
        "see [1, or {given_qa} or [ask him]",
        "a {b} [c",
        "no brackets",
        ":-]",
        "<think>[1, {\"a\": 2}]",
    ] {
        assert!(!repair(text).values().any(|value| value.to_string().contains('a')), "{text}");
    }
    assert!(repair("<think>I should").truncated);
}

#[test]
fn what_was_cut_off_is_dropped() {
    let whole = "[{\"q\": \"one\", \"s\": [\"x\"]}, {\"q\": \"two\", \"s\": [\"y\"]}]";
    let second = whole.rfind('{').unwrap();
    for end in second + 1..whole.len() - 1 {
        let repaired = repair(&whole[..end]);
        assert!(repaired.truncated, "{end}");
        assert_eq!(repaired.values().next(), Some(&json!([{"q": "one", "s": ["x"]}])), "{end}");
        assert!(repaired.values().skip(1).all(|value| value.is_array()), "{end}: {repaired:?}");
    }
    let wrapped = repair("```json\n{\"items\": [{\"q\": 1}, {\"q\": 2}], \"note\": \"and th");
    assert!(wrapped.truncated);
    assert_eq!(wrapped.values().collect::<Vec<_>>(), [&json!([{"q": 1}, {"q": 2}])]);
}

#[test]
fn what_cannot_be_read_is_reported_and_the_rest_is_kept() {
    let repaired = repair("[{\"q\": \"one\"}, {\"q\": \"two\" and more, \"a\": \"x\"}, {\"q\": \"three\"}]");
    assert!(!repaired.truncated);
    assert!(
        matches!(&repaired.parts[..], [
        Part::Value(first),
        Part::Broken(second),
        Part::Value(third),
    ] if *first == json!([{"q": "one"}]) && second.starts_with("{\"q\": \"two\"") && *third == json!({"q": "three"})),
        "{repaired:?}"
    );
    let unclosed = repair("[{\"q\": \"one}, {\"q\": \"two\"}]");
    assert_eq!(unclosed.values().collect::<Vec<_>>(), [&json!({"q": "two"})]);
}

#[test]
fn hostile_texts_take_linear_time_and_no_stack() {
    let hostile = [
        "[".repeat(200_000),
        "{\"a\":".repeat(200_000),
        "{".repeat(200_000),
        "[{".repeat(100_000),
        "[\"".repeat(100_000),
        "[\"a\" ".repeat(100_000),
        "[{\"a\": \"b, {\"a\"".repeat(60_000),
        format!("[{{\"a\": 0{}", ",\"a\": 1,\"a\": 2".repeat(60_000)),
        "{\"a\": {\"b\": 1, \"b\": 2, \"a\": ".repeat(60_000),
        format!("[{{\"a\": 0}}{}", ", \"a\": 1}".repeat(60_000)),
        "{\"a\": 1}<|im_end|>".repeat(60_000),
        "[1]<|im_end|>".repeat(60_000),
        "[{'a': ' /* ".repeat(80_000),
        "[1, ('a', ".repeat(60_000),
        format!("[1, {}", "(\"".repeat(100_000)),
        format!("[1, {}1, 2", "(".repeat(50_000)),
        format!("[{{\"a\": {}", "(".repeat(200_000)),
        format!("[{}", "1，".repeat(80_000)),
        format!("[{{\"a\": x{}", "，".repeat(80_000)),
        "[# {# [{'a': # ".repeat(80_000),
        format!("[{}", "1 # ,\"# \" # ,".repeat(80_000)),
        format!("[{}x {}", "1".repeat(80_000), "# ".repeat(80_000)),
        format!("[{{\"a\": \"b\", {}", "# \n".repeat(80_000)),
        "[{\"a\": \" + '".repeat(80_000),
        format!("[{{\"a\": \"{}", r"x \ne ".repeat(20_000)),
        "{\"a\" /* ".repeat(100_000),
        "[{\"a\": \"\"\" ".repeat(80_000),
        format!("[{}", "{},".repeat(300_000)),
        format!("[{{\"a\": \"{}", "\" ".repeat(500_000)),
        format!("[{{\"a\": \"{}", "\",  \"x".repeat(150_000)),
        format!("[{{\"a\": \"{}", "\\".repeat(1_000_001)),
        format!("[{}", " ".repeat(1_000_000)),
        "\u{feff}".repeat(300_000),
    ];
    for text in hostile {
        repair(&text);
    }
    assert!(repair(&"[".repeat(5_000)).too_deep);
    let nested = format!("{}[{{\"a\": 1}}]", "[".repeat(5_000));
    assert!(repair(&nested).values().any(|value| value.to_string().contains("{\"a\":1}")));
}
