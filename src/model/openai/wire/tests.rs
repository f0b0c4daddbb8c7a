use super::*;

fn parse(body: &str) -> Result<Written, NoAnswer> {
    parse_completion(body.as_bytes())
}

fn text(body: &str) -> String {
    parse(body).unwrap().text
}

#[test]
fn answers_come_in_several_shapes() {
    assert_eq!(text(r#"{"choices":[{"message":{"content":"a\nb","reasoning_content":"hm"}}]}"#), "a\nb");
    assert_eq!(text(r#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}]}"#), "ab");
    assert_eq!(text(r#"{"choices":[{"text":"legacy","finish_reason":"stop"}],"usage":null}"#), "legacy");
    assert_eq!(text(r#"{"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":"many"}}"#), "a");
    let empty = parse(r#"{"choices":[{"message":{"content":null},"finish_reason":"length"}],"usage":{"prompt_tokens":7}}"#).unwrap();
    assert_eq!((empty.text.as_str(), &empty.finish_reason, empty.usage.total_tokens()), ("", &FinishReason::Length, Some(7)));
    assert_eq!(text(r#"{"choices":[{"message":{"content":null},"finish_reason":"tool_calls"}]}"#), "");
}

/// Under another name, an answer that was cut off would pass for a whole one: its last items are lost, and no higher limit brings them.
#[test]
fn every_name_of_the_limit_is_read() {
    for (said, expected) in [
        ("length", FinishReason::Length),
        ("max_tokens", FinishReason::Length),
        ("MAX_TOKENS", FinishReason::Length),
        ("model_length", FinishReason::Length),
        ("end_turn", FinishReason::Other("end_turn".to_owned())),
    ] {
        let body = format!(r#"{{"choices":[{{"message":{{"content":"a"}},"finish_reason":"{said}"}}]}}"#);
        assert_eq!(parse(&body).unwrap().finish_reason, expected, "{said}");
    }
}

/// Each of these was thrown away, and bought again five times.
#[test]
fn a_small_oddity_costs_no_answer() {
    for body in [
        r#"{"choices":[{"message":{"content":"a","refusal":false},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"message":{"content":"a"},"finish_reason":1}]}"#,
        r#"{"choices":[{"message":{"content":"a"},"finish_reason":null,"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"message":{"content":[{"type":"text","text":{"value":"a","annotations":[]}}]}}]}"#,
        r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop","error":{}}]}"#,
        "\u{feff}{\"choices\":[{\"message\":{\"content\":\"a\"}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n\0",
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n",
    ] {
        assert_eq!(text(body), "a", "{body}");
    }
    assert_eq!(text(r#"{"choices":[{"message":{"content":"a\ud83d"}}]}"#), "a\u{fffd}");
    let cut = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    assert_eq!(parse(cut), Err(NoAnswer::BrokenOff("the stream ended early".to_owned())));
}

#[test]
fn counts_are_read_where_they_are_counts() {
    for (usage, expected) in [
        (r#"{"prompt_tokens":5,"completion_tokens":2}"#, (Some(5), Some(2))),
        (r#"{"prompt_tokens":5.0,"completion_tokens":2.0}"#, (Some(5), Some(2))),
        (r#"{"prompt_tokens":5,"total_tokens":7}"#, (Some(5), Some(2))),
        (r#"{"prompt_tokens":5,"total_tokens":3}"#, (Some(5), None)),
        (r#"{"prompt_tokens":5,"completion_tokens":18446744073709551615}"#, (Some(5), None)),
        (r#"{"prompt_tokens":4294967296,"completion_tokens":4294967295}"#, (None, Some(u64::from(u32::MAX)))),
        (r#"{"prompt_tokens":-1,"completion_tokens":2.5}"#, (None, None)),
        (r#"{"prompt_tokens":"5"}"#, (None, None)),
        ("null", (None, None)),
    ] {
        let counted = parse(&format!(r#"{{"choices":[{{"message":{{"content":"a"}}}}],"usage":{usage}}}"#)).unwrap().usage;
        assert_eq!((counted.prompt_tokens, counted.completion_tokens), expected, "{usage}");
    }
}

#[test]
fn what_is_no_answer_is_named() {
    let declined = r#"{"choices":[{"message":{"content":null,"refusal":"I will not."},"finish_reason":"stop"}]}"#;
    assert_eq!(parse(declined), Err(NoAnswer::Refused("I will not.".to_owned(), Usage::default())));
    let filtered = r#"{"choices":[{"message":{"content":"half a"},"finish_reason":"content_filter"}],"usage":{"prompt_tokens":7,"completion_tokens":2}}"#;
    let usage = Usage { prompt_tokens: Some(7), completion_tokens: Some(2) };
    assert_eq!(parse(filtered), Err(NoAnswer::Refused("half a".to_owned(), usage)));
    for member in ["reasoning_content", "reasoning"] {
        let reasoned = format!(r#"{{"choices":[{{"message":{{"content":null,"{member}":"[]"}},"finish_reason":"stop"}}]}}"#);
        assert_eq!(parse(&reasoned), Err(NoAnswer::OnlyReasoning(member, Usage::default())));
        // Cut off while it thought, which says more than where the text is.
        assert!(parse(&reasoned.replace("stop", "length")).is_ok());
    }
    let page = "<html><head><title> Bad gateway </title></head></html>";
    assert_eq!(parse(page), Err(NoAnswer::NoCompletion("an HTML page titled 'Bad gateway'".to_owned())));
    assert!(matches!(parse(r#"{"choices":[{"finish_reason":"stop"}]}"#), Err(NoAnswer::NoCompletion(_))));
    let gateway = r#"{"error":{"message":"slow down","code":429}}"#;
    assert!(matches!(parse(gateway), Err(NoAnswer::Complaint(complaint, Some(429))) if complaint.text == "slow down"));
    let of_key = r#"{"error":{"message":"Invalid key","code":401},"choices":null}"#;
    assert!(matches!(parse(of_key), Err(NoAnswer::Complaint(complaint, Some(401))) if complaint.text == "Invalid key"));
    assert!(matches!(parse(r#"{"choices":null}"#), Err(NoAnswer::NoCompletion(_))));
    let broken = r#"{"choices":[{"message":{"content":"half a"},"finish_reason":"error","error":{"code":502,"message":"gone"}}]}"#;
    assert_eq!(parse(broken), Err(NoAnswer::BrokenOff("gone".to_owned())));
    assert!(matches!(parse(r#"{"choices":[{"text":"half a","finish_reason":"error"}]}"#), Err(NoAnswer::BrokenOff(_))));
    assert!(matches!(parse(&"[".repeat(100_000)), Err(NoAnswer::NoCompletion(_))));
    let raw_line_break = "{\"choices\":[{\"message\":{\"content\":\"a\nb\"}}]}";
    assert!(matches!(parse(raw_line_break), Err(NoAnswer::NoCompletion(why)) if why.contains("control character")));
}

#[test]
fn strict_mode_is_for_schemas_that_keep_to_it() {
    use serde_json::json;
    let closed = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"], "additionalProperties": false });
    assert!(takes_strict(&closed));
    assert!(takes_strict(&json!({ "type": "array", "items": closed })));
    for open in [
        json!({ "type": "object" }),
        json!({ "type": "object", "properties": { "a": {} }, "required": ["a"] }),
        json!({ "type": "object", "properties": { "a": {} }, "additionalProperties": false }),
        json!({ "anyOf": [closed, { "properties": { "a": {} } }] }),
    ] {
        assert!(!takes_strict(&open), "{open}");
    }
}

#[test]
fn complaints_come_in_several_shapes() {
    let complaint = |body: &str| parse_complaint(body.as_bytes());
    let of_openai = complaint(r#"{"error":{"message":"no","type":"t","param":"seed","code":"unsupported_value"}}"#);
    assert_eq!(
        (of_openai.text.as_str(), of_openai.code.as_deref(), of_openai.parameter.as_deref()),
        ("no", Some("unsupported_value"), Some("seed"))
    );
    for body in [r#"{"error":"no"}"#, r#"{"message":"no"}"#, r#"[{"error":{"message":"no"}}]"#, r#"{"detail":"no"}"#, r#""no""#, "no"] {
        assert_eq!(complaint(body).text, "no", "{body}");
    }
    let of_openrouter = r#"{"error":{"code":403,"message":"no","metadata":{"reasons":["violence"],"flagged_input":"..."}}}"#;
    assert!(complaint(of_openrouter).is_flagged && !of_openai.is_flagged);
    let of_fastapi = complaint(r#"{"detail":[{"loc":["body","seed"],"msg":"Extra inputs are not permitted","input":{"a":"prompt"}}]}"#);
    assert_eq!((of_fastapi.text.as_str(), of_fastapi.parameter.as_deref()), ("body.seed: Extra inputs are not permitted", Some("seed")));
}

/// Google says it in the body alone.
#[test]
fn a_complaint_may_say_how_long_to_wait() {
    let complaint = |body: &str| parse_complaint(body.as_bytes());
    let of_google = r#"[{"error":{"message":"Please retry in 1.6s.","details":[{"quotaId":"PerMinute"},{"retryDelay":"1s"}]}}]"#;
    let of_google = complaint(of_google);
    assert_eq!((of_google.retry_after, of_google.details.contains("PerMinute")), (Some(Duration::from_secs(1)), true));
    let in_words = complaint(r#"{"error":{"message":"Quota exceeded. Please retry in 1.6s.","details":null}}"#);
    assert_eq!((in_words.retry_after, in_words.details.as_str()), (Some(Duration::from_millis(1600)), ""));
    assert_eq!(complaint(r#"{"error":{"message":"no","details":"1s"}}"#).retry_after, None);
}
