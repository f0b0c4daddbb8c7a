//! What single records of the JSON formats say, and the faults they may have.

use bytes::Bytes;
use mmevol::formats::SeedImage;
use mmevol::formats::detect::{Format, detect};
use mmevol::instruction::{DetectedObject, Step};
use serde_json::{Value, json};

use super::{LLAVA, MESSAGES, MMEVOL, assert_fault, file, questions, sample};

#[test]
fn fields_that_are_absent_have_defaults() {
    let seed = sample(MMEVOL, Format::Mmevol);
    let item = &seed.rounds[0][0].instruction;
    assert_eq!((item.format.as_str(), item.image_position.as_deref(), item.steps.len()), ("Norm", Some("single"), 0));
    assert_eq!((seed.caption, seed.objects.len(), seed.source_id.as_deref()), (None, 0, Some("a")));
    assert_eq!(seed.images, [SeedImage::Path("a.jpg".to_owned())]);
}

#[test]
fn shapes_of_captions_ids_images_and_rounds() {
    let record = |fields: &str| MMEVOL.replacen('{', &format!("{{{fields}, "), 1);
    let caption = |caption: &str| sample(&record(&format!(r#""caption": {caption}"#)), Format::Mmevol).caption;
    assert_eq!(caption(r#""A dog.""#).as_deref(), Some("A dog."));
    assert_eq!(caption(r#"[{"from": "human", "value": "?"}, {"from": "gpt", "value": "A cat."}]"#).as_deref(), Some("A cat."));
    assert_eq!((caption("[]"), caption("null"), caption(r#""""#)), (None, None, None));
    assert_eq!(sample(&record(r#""hash_id": 7"#), Format::Mmevol).source_id.as_deref(), Some("7"));
    let several = MMEVOL.replace(r#""a.jpg""#, r#"["a.jpg", "b.jpg"]"#);
    assert_eq!(sample(&several, Format::Mmevol).images.len(), 2);
    let gap = record(r#""conversations_v3": [{"question": "Q3", "answer": "A3", "score": 7, "steps": ["look", {"manipulation": null}]}]"#);
    let rounds = sample(&gap, Format::Mmevol).rounds;
    assert_eq!(rounds.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0, 0, 1]);
    assert_eq!(rounds[3][0].score, Some(7));
    // As an export of one round is.
    let alone = sample(&gap.replace(r#"[{"question": "Q?", "answer": "A."}]"#, "[]"), Format::Mmevol).rounds;
    assert_eq!(alone.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 0, 1]);
    assert_eq!(rounds[3][0].instruction.steps[0], Step { manipulation: "None".to_owned(), description: "look".to_owned() });
}

#[test]
fn faults_name_the_field() {
    let assert_broken = |from: &str, to: &str, expected: &[&str]| assert_fault(&MMEVOL.replace(from, to), Format::Mmevol, expected);
    assert_broken(r#""image": "a.jpg","#, "", &["no image"]);
    assert_broken(r#""a.jpg""#, r#""""#, &["no image", "empty path"]);
    assert_broken(r#"[{"question": "Q?", "answer": "A."}]"#, "[]", &["no conversation", "conversations_v0 is empty"]);
    assert_broken(r#"[{"question": "Q?", "answer": "A."}]"#, "{}", &["conversations_v0 is an object, expected a list"]);
    assert_broken(r#""answer": "A.""#, r#""answer": 5"#, &["conversations_v0[0].answer is a number, expected text"]);
    assert_broken(r#""question": "Q?","#, "", &["conversations_v0[0].question is missing"]);
    assert_broken(r#""A.""#, "null", &["conversations_v0[0].answer is missing"]);
    assert_broken(r#""A.""#, r#""A.", "skills": [{}]"#, &["conversations_v0[0].skills[0] is an object"]);
    assert_broken(r#""A.""#, r#""A.", "score": 11"#, &["score is a number, expected a number from 0 to 10"]);
    assert_broken(r#""id""#, r#""conversations_v4000000000": [], "id""#, &["rounds above 1000"]);
    assert_broken(r#""id""#, r#""caption": [{"from": "human", "value": "x"}], "id""#, &["caption has 0 gpt turns"]);
    assert_fault("[1]", Format::Mmevol, &["the record is a number, expected an object"]);
    let deep = format!(r#"{{"id": {}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    assert_fault(&deep, Format::Mmevol, &["nested too deeply"]);
}

/// Such a record, asked for its id, was once taken for an object until the stack was full.
#[test]
fn what_cannot_be_read_and_is_no_object_is_a_fault() {
    let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
    for (record, found) in [(r#""caf\ud83d""#, "text"), (r#"["\ud800"]"#, "a list"), (deep.as_str(), "a list"), ("1e999", "a number")] {
        let expected = format!("the record is {found}, expected an object");
        for format in [Format::Mmevol, Format::Llava, Format::Messages] {
            assert_fault(&format!("[{record}]"), format, &[expected.as_str()]);
        }
        let (_folder, path) = file("seeds.json", format!("[{record}]"));
        let message = detect(&path).unwrap_err().to_string();
        assert!(message.contains(&expected), "{message}");
    }
    let turns = format!(r#"{{"image": "a.jpg", "conversations": [{deep}]}}"#);
    let (_folder, path) = file("seeds.jsonl", &turns);
    assert_eq!(detect(&path).unwrap(), Format::Llava);
    assert_fault(&turns, Format::Llava, &["nested too deeply"]);
}

/// A file with an address was once said to be missing, and with `--allow-missing-images` it came in without the image.
#[test]
fn images_that_are_no_paths_are_read_alike_in_every_format() {
    for (record, format) in [(MMEVOL, Format::Mmevol), (LLAVA, Format::Llava), (MESSAGES, Format::Messages)] {
        let with_image = |image: &str| record.replace("a.jpg", image);
        let bytes = SeedImage::Bytes { bytes: Bytes::from_static(&[0, 1, 2]), name: None };
        for encoded in ["AAEC", "AA\\nEC\\n"] {
            let url = format!("data:image/png;base64,{encoded}");
            assert_eq!(sample(&with_image(&url), format).images, std::slice::from_ref(&bytes), "{format}");
        }
        assert_fault(&with_image("https://example.org/a.jpg"), format, &["[0] is the address", "download the image first"]);
        assert_fault(&with_image("file:///data/a.jpg"), format, &["is the address", "path inside the folder of images"]);
        assert_fault(&with_image("data:image/png;base64,A*"), format, &["broken base64"]);
        // As our own exports once had them.
        let path = "images/https://example.org/a.jpg";
        assert_eq!(sample(&with_image(path), format).images, [SeedImage::Path(path.to_owned())], "{format}");
    }
}

#[test]
fn boxes_are_checked() {
    let with_box = |bbox: &str| MMEVOL.replacen('{', &format!(r#"{{"det": [{{"label": "dog", "bbox": {bbox}}}], "#), 1);
    let exact = sample(&with_box("[0, 0.25, 1.0000005, 0.75]"), Format::Mmevol);
    assert_eq!(exact.objects, [DetectedObject { label: "dog".to_owned(), bbox: [0.0, 0.25, 1.0, 0.75], confidence: None }]);
    for (bbox, expected) in [
        ("[0, 0, 1.5, 1]", "leaves the image"),
        ("[-0.1, 0, 1, 1]", "leaves the image"),
        ("[12, 30, 200, 180]", "divide pixels"),
        ("[0.5, 0, 0.2, 1]", "corners swapped"),
        ("[0.1, 0.9, 0.2, 0.1]", "corners swapped"),
        ("[0.1, 0.9, 0.2]", "four numbers"),
        ("[0.1, \"nan\", 0.2, 0.3]", "no number"),
        ("[0.1, null, 0.2, 0.3]", "no number"),
        ("\"0,0,1,1\"", "no list"),
        ("null", "no list"),
    ] {
        assert_fault(&with_box(bbox), Format::Mmevol, &["det[0] (dog)", expected]);
    }
    assert_fault(&with_box("[0.1, NaN, 0.2, 0.3]"), Format::Mmevol, &["line 1", "NaN"]);
    assert_fault(&with_box("[0.1, 1e999, 0.2, 0.3]"), Format::Mmevol, &["a number is out of range"]);
}

#[test]
fn llava_turns_become_items() {
    let record = r#"{"image": "a.jpg", "conversations": [{"from": "system", "value": "s"}, {"from": "user", "value": "One?\n<image>"},
        {"from": "assistant", "value": "1"}, {"from": "human", "value": "Two?"}, {"from": "gpt", "value": "2"}]}"#;
    let seed = sample(record, Format::Llava);
    assert_eq!(questions(&seed), [("One?", "1"), ("Two?", "2")]);
    assert_eq!(seed.source_id, None);
}

#[test]
fn llava_faults_name_the_turn() {
    let turns = |turns: &str| format!(r#"{{"id": 3, "image": "a.jpg", "conversations": [{turns}]}}"#);
    let (human, gpt) = (r#"{"from": "human", "value": "Q"}"#, r#"{"from": "gpt", "value": "A"}"#);
    assert_fault(&turns(&[human, gpt, human].join(",")), Format::Llava, &["conversations[2] has no answer"]);
    assert_fault(&turns(&[human, human].join(",")), Format::Llava, &["conversations[1] is a human turn"]);
    assert_fault(&turns(&[gpt, human].join(",")), Format::Llava, &["conversations[0] is a model turn"]);
    let system = r#"{"from": "system", "value": "s"}"#;
    assert_fault(&turns(&[human, system, gpt].join(",")), Format::Llava, &["conversations[1] is a system turn"]);
    assert_fault(&turns(system), Format::Llava, &["no conversation"]);
    assert_fault(&turns(""), Format::Llava, &["no conversation"]);
    assert_fault(&turns(r#"{"from": "tool", "value": "s"}"#), Format::Llava, &["conversations[0] is spoken by 'tool'"]);
    assert_fault(&turns(&format!(r#"{{"from": "human"}},{gpt}"#)), Format::Llava, &["conversations[0].value is missing"]);
    assert_fault(&LLAVA.replace(r#""image": "a.jpg","#, ""), Format::Llava, &["no image"]);
    let two = LLAVA.replace(r#""a.jpg""#, r#"["a.jpg", "b.jpg"]"#);
    assert_fault(&two.replace("Q?", "<image> or <image>?"), Format::Llava, &["show 3 images, but the record has 2"]);
}

/// LLaVA makes one of all tags of a turn; a record whose later turn had one was once refused.
#[test]
fn every_tag_of_a_llava_record_with_one_image_shows_that_one() {
    let turns = [
        ("human", "<image>\n<image>\nOne?"),
        ("gpt", "1"),
        ("human", "What is in <image>?"),
        ("gpt", "2"),
        ("human", "<image>\nThree?"),
        ("gpt", "3"),
    ];
    let turns = turns.map(|(from, value)| serde_json::json!({ "from": from, "value": value }));
    let record = serde_json::json!({ "image": "a.jpg", "conversations": turns }).to_string();
    let seed = sample(&record, Format::Llava);
    assert_eq!(questions(&seed), [("One?", "1"), ("What is in image 1?", "2"), ("Three?", "3")]);
}

#[test]
fn messages_hold_images_as_parts_or_beside() {
    let parts = r#"{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "Q?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC"}}, {"type": "image", "path": "b.jpg"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A."}]}, {"role": "user", "content": "More?"},
        {"role": "assistant", "content": "No."}]}"#;
    let seed = sample(parts, Format::Messages);
    assert_eq!(questions(&seed), [("Q?", "A."), ("More?", "No.")]);
    let bytes = SeedImage::Bytes { bytes: Bytes::from_static(&[0, 1, 2]), name: None };
    assert_eq!(seed.images, [bytes, SeedImage::Path("b.jpg".to_owned())]);
    let beside = sample(MESSAGES, Format::Messages);
    assert_eq!((questions(&beside), beside.images.len()), (vec![("Q?", "A.")], 1));
    let sharegpt = r#"{"messages": [{"from": "human", "value": "Q?"}, {"from": "gpt", "value": "A."}], "image": "a.jpg"}"#;
    assert_eq!(questions(&sample(sharegpt, Format::Messages)), [("Q?", "A.")]);
}

/// The places of the images were once lost, and with them what "then" and "which" speak of.
#[test]
fn image_parts_between_texts_become_their_numbers() {
    let text = |text: &str| json!({ "type": "text", "text": text });
    let image = |path: &str| json!({ "type": "image", "image": path });
    for (parts, question) in [
        (json!([text("First"), image("a"), text("then"), image("b"), text("which?")]), "First image 1 then image 2 which?"),
        (json!([text("Look:\n"), image("a"), text("\nand "), image("b"), text(" too.")]), "Look:\nimage 1 and image 2 too."),
        (json!([image("a"), text("A cat."), image("b"), text("Is it one?")]), "image 1 A cat. image 2 Is it one?"),
        (json!([image("a"), image("b"), text("Which is older?"), text("Say why.")]), "Images 1 and 2: Which is older?\nSay why."),
        (json!([text("Which is older?"), image("a"), image("b")]), "Images 1 and 2: Which is older?"),
    ] {
        let answer = json!([text("The first"), image("c"), text("one.")]);
        let record = json!({ "messages": [{ "role": "user", "content": parts }, { "role": "assistant", "content": answer }] });
        let seed = sample(&record.to_string(), Format::Messages);
        assert_eq!((questions(&seed), seed.images.len()), (vec![(question, "The first\none.")], 3));
    }
}

/// Two questions about two images were once the same question twice.
#[test]
fn a_turn_that_shows_some_images_of_its_chat_names_them() {
    let named = [("Image 1: What colour is the car?", "Red."), ("Image 2: What colour is the car?", "Blue.")];
    let images = [SeedImage::Path("0.jpg".to_owned()), SeedImage::Path("1.jpg".to_owned())];
    let parts = |path: &str| json!([{ "type": "image", "image": path }, { "type": "text", "text": "What colour is the car?" }]);
    let tagged = json!("<image>\nWhat colour is the car?");
    for [first, second] in [[parts("0.jpg"), parts("1.jpg")], [tagged.clone(), tagged]] {
        let turns = [("user", first), ("assistant", json!("Red.")), ("user", second), ("assistant", json!("Blue."))];
        let mut record = json!({ "messages": turns.map(|(role, content)| json!({ "role": role, "content": content })) });
        if record["messages"][0]["content"].is_string() {
            record["images"] = json!(["0.jpg", "1.jpg"]);
        }
        let seed = sample(&record.to_string(), Format::Messages);
        assert_eq!((questions(&seed), seed.images.as_slice()), (named.to_vec(), images.as_slice()), "{record}");
    }
    let turns = |first: &str, second: &str| {
        let turns = [("human", first), ("gpt", "Red."), ("human", second), ("gpt", "Blue.")];
        let turns = turns.map(|(from, value)| json!({ "from": from, "value": value }));
        sample(&json!({ "image": ["0.jpg", "1.jpg"], "conversations": turns }).to_string(), Format::Llava)
    };
    let question = "<image>\nWhat colour is the car?";
    assert_eq!(questions(&turns(question, question)), named);
    // All images at once are those that the sample has.
    let at_once = turns("<image><image>\nWhat colour is the car?", "And the other one?");
    assert_eq!(questions(&at_once), [("What colour is the car?", "Red."), ("And the other one?", "Blue.")]);
}

/// As M3IT and MMBench have them; it was looked up as a path, a folder for each slash.
#[test]
fn an_image_may_stand_in_its_field_as_base64() {
    let encoded = "R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
    for (record, format) in [(MMEVOL, Format::Mmevol), (LLAVA, Format::Llava), (MESSAGES, Format::Messages)] {
        let seed = sample(&record.replace("a.jpg", encoded), format);
        let [SeedImage::Bytes { bytes, name: None }] = seed.images.as_slice() else { panic!("{format}: {:?}", seed.images) };
        assert!(bytes.starts_with(b"GIF89a"), "{format}");
        let in_lines = format!("{}\\n{}\\n", &encoded[..20], &encoded[20..]);
        assert_eq!(sample(&record.replace("a.jpg", &in_lines), format).images, seed.images, "{format}");
        // What only looks like it is the path that it always was.
        let path = format!("iVBOR/{}.png", "x".repeat(60));
        assert_eq!(sample(&record.replace("a.jpg", &path), format).images, [SeedImage::Path(path)], "{format}");
    }
}

/// As `datasets` writes them. The bytes were once left out, and the file of that name was looked for.
#[test]
fn an_image_object_may_hold_its_bytes() {
    let with_image = |image: &Value| MESSAGES.replace(r#""a.jpg""#, &image.to_string());
    let images = |image: &Value| sample(&with_image(image), Format::Messages).images;
    let bytes = |name: Option<&str>| [SeedImage::Bytes { bytes: Bytes::from_static(&[0, 1, 2]), name: name.map(str::to_owned) }];
    assert_eq!(images(&json!({ "bytes": "AAEC", "path": "a.jpg" })), bytes(Some("a.jpg")));
    assert_eq!(images(&json!({ "bytes": "AA\nEC\n", "path": null })), bytes(None));
    assert_eq!(images(&json!({ "bytes": null, "path": "a.jpg" })), [SeedImage::Path("a.jpg".to_owned())]);
    for (given, cause) in [(json!("A*"), "bytes holds broken base64"), (json!([1]), "images[0].bytes is a list, expected base64")] {
        assert_fault(&with_image(&json!({ "bytes": given, "path": "a.jpg" })), Format::Messages, &[cause]);
    }
}

#[test]
fn videos_and_sounds_are_refused() {
    for (record, format) in [(LLAVA, Format::Llava), (MESSAGES, Format::Messages)] {
        let with = |field: &str| record.replacen('{', &format!("{{{field}, "), 1);
        assert_fault(&with(r#""videos": ["a.mp4"]"#), format, &["videos holds a list: mmevol holds images only"]);
        assert_fault(&with(r#""audio": "a.wav""#), format, &["audio holds text: mmevol holds images only"]);
        assert_eq!(questions(&sample(&with(r#""videos": [], "audios": null, "video": """#), format)), [("Q?", "A.")]);
    }
}

#[test]
fn messages_faults_name_the_message() {
    let with_image = |image: &str| MESSAGES.replace(r#""a.jpg""#, image);
    assert_fault(&with_image(r#""https://example.org/a.jpg""#), Format::Messages, &["images[0]", "download the image first"]);
    assert_fault(&with_image(r#""data:image/png;base64,A*""#), Format::Messages, &["images[0]", "broken base64"]);
    assert_fault(&with_image(r#""data:image/svg,<svg/>""#), Format::Messages, &["without base64"]);
    assert_fault(&with_image("7"), Format::Messages, &["images[0] is a number"]);
    assert_fault(&with_image(""), Format::Messages, &["no image"]);
    let content = |content: &str| MESSAGES.replace(r#""<image>Q?""#, content);
    assert_fault(&content(r#""<image><image>Q?""#), Format::Messages, &["show 2 images, but the record has 1"]);
    assert_fault(&content("null"), Format::Messages, &["messages[0].content is null"]);
    assert_fault(&content(r#"[{"type": "video"}]"#), Format::Messages, &["messages[0].content[0] is of type 'video'"]);
    assert_fault(&MESSAGES.replace("assistant", "tool"), Format::Messages, &["messages[1] is spoken by 'tool'"]);
}
