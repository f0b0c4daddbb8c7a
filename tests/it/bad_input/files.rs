//! Files that cannot be read at all.

use super::*;

#[track_caller]
fn assert_bad(name: &str, content: &[u8], fragments: &[&str]) {
    let workspace = workspace();
    workspace.write(name, content);
    assert_refused(&workspace.run(&["import", name]), &[&[name][..], fragments].concat());
    assert!(!workspace.store().exists(), "{name}: a store was begun");
}

#[test]
fn cut_off() {
    let list = json!([good("first"), good("second")]).to_string();
    assert_bad("seeds.json", &list.as_bytes()[..list.len() - 20], &["record 2", "line 1"]);
    let line = good("first").to_string();
    assert_bad("seeds.jsonl", format!("{line}\n{}", &line[..30]).as_bytes(), &["record 2"]);
}

#[test]
fn not_utf8() {
    let line = good("first").to_string().into_bytes();
    let second: Vec<u8> =
        good("second").to_string().replace("Coffee", "Caf#").bytes().map(|byte| if byte == b'#' { 0xE9 } else { byte }).collect();
    assert_bad("seeds.jsonl", &[&line[..], b"\n", &second].concat(), &["record 2", "UTF-8"]);
    assert_bad("seeds.json", &[b"[", &line[..], b",", &second, b"]"].concat(), &["record 2", "UTF-8"]);
}

#[test]
fn with_numbers_that_json_does_not_have() {
    let record = with_box(json!([0.1, 0.1, 0.2, 0.2])).to_string();
    let good = good("first");
    for number in ["NaN", "1e999"] {
        let record = record.replacen("0.2", number, 1);
        assert_bad("seeds.json", format!("[{good},{record}]").as_bytes(), &["record 2"]);
        assert_bad("seeds.json", format!("[{record},{good}]").as_bytes(), &["record 1"]);
    }
}

/// Such a file was once said to be of none of the formats, and its records could not be skipped.
#[test]
fn of_which_no_record_can_be_read() {
    let nan = with_box(json!([0.1, 0.1, 0.2, 0.2])).to_string().replacen("0.2", "NaN", 1);
    assert_bad("seeds.json", format!("[{nan}]").as_bytes(), &["record 1 ('bad') of", "holds NaN", "hint: correct the record"]);
    let line = good("first").to_string();
    assert_bad("seeds.jsonl", &line.as_bytes()[..30], &["record 1 of", "line 1, column 30 is not JSON: the text ends inside"]);
    let pretty = serde_json::to_string_pretty(&good("first")).unwrap();
    let cut_off = &pretty[..pretty.rfind(':').unwrap()];
    let place = format!("record 1, line {}", cut_off.lines().count());
    assert_bad("seeds.json", cut_off.as_bytes(), &[place.as_str(), "the text ends inside an object", "may be cut off"]);

    let workspace = workspace();
    let skip = |content: String| {
        workspace.write("seeds.json", content);
        workspace.run(&["import", "seeds.json", "--on-bad-record", "skip"]).expect_code(0)
    };
    skip(format!("[{nan}]")).expect_stderr(&["imported 0 of 1 records", "1 records were rejected"]);
    let many = vec![nan.as_str(); 150].join(",");
    skip(format!("[{many},{line}]")).expect_stderr(&["imported 1 of 151 records", "150 records were rejected"]);
}

/// The first look at it once swallowed what was in the pipe: records vanished, and nobody was told.
#[cfg(unix)]
#[test]
fn that_can_be_read_only_once() {
    let workspace = workspace();
    for format in ["auto", "mmevol", "parquet"] {
        let import = ["import", "/dev/stdin", "--images", ".", "--format", format];
        let run = workspace.run_with_input(&import, &good("first").to_string());
        assert_refused(&run, &["/dev/stdin is a pipe or a device, which can be read only once", "to a file first"]);
    }
    assert!(std::process::Command::new("mkfifo").arg(workspace.path("pipe.jsonl")).status().unwrap().success());
    assert_refused(&workspace.run(&["import", "pipe.jsonl"]), &["pipe.jsonl is a pipe"]);
    assert!(!workspace.store().exists());
}

/// A query waited for somebody to write into the pipe.
#[cfg(unix)]
#[test]
fn that_are_no_regular_files_in_from() {
    let workspace = workspace();
    for extension in ["csv", "tsv", "json", "jsonl", "parquet", "arrow", "txt"] {
        let (pipe, folder) = (format!("./pipe.{extension}"), format!("./folder.{extension}"));
        assert!(std::process::Command::new("mkfifo").arg(workspace.path(&pipe)).status().unwrap().success());
        fs::create_dir(workspace.path(&folder)).unwrap();
        let run = |name: &str| workspace.run(&["sql", &format!("SELECT * FROM '{name}'")]);
        let stream = format!("cannot read '{pipe}' as a table: it is no file but a stream");
        assert_refused(&run(&pipe), &[stream.as_str(), "hint: write it to a file first"]);
        let directory = format!("cannot read '{folder}' as a table: it is a folder");
        assert_refused(&run(&folder), &[directory.as_str()]);
    }
}

/// A first record with such a number was once said to be of an unknown format.
#[test]
fn with_a_first_record_that_cannot_be_read() {
    let first = good("bad").to_string();
    let surrogate = first.replace("Coffee.", "\\ud800");
    assert_bad("seeds.json", format!("[{surrogate}]").as_bytes(), &["record 1 ('bad')", "half of a surrogate pair"]);
    let score = first.replace("\"question\"", "\"score\":1e999,\"question\"");
    assert_bad("seeds.jsonl", score.as_bytes(), &["record 1 ('bad')", "a number is out of range at the end of", "1e999"]);
    let id = first.replace("\"bad\"", "1e999");
    assert_bad("seeds.json", format!("[{id}]").as_bytes(), &["record 1 of", "a number is out of range", "{\"id\":1e999"]);
    let deep = first.replace("\"Coffee.\"", &format!("{}{}", "[".repeat(300), "]".repeat(300)));
    assert_bad("seeds.json", format!("[{deep}]").as_bytes(), &["record 1 ('bad')", "nested too deeply"]);
}

/// Two ids that differ in digits a float does not hold would be one sample.
#[test]
fn with_an_id_that_is_rounded() {
    let record = good("bad").to_string().replace("\"bad\"", "184467440737095516170");
    assert_bad("seeds.json", format!("[{record}]").as_bytes(), &["record 1", "id is the number", "write it as text"]);
}

/// Other files that commands read, each with the way out.
#[test]
fn that_are_no_text() {
    let workspace = Workspace::with_photos();
    workspace.write("latin1.txt", b"SELECT 'caf\xe9'");
    fs::create_dir(workspace.path("folder")).unwrap();
    for (name, cause, hint) in [
        ("folder", "failed to read 'folder': Is a directory", "hint: it is a directory: name a file in it"),
        ("latin1.txt", "failed to read 'latin1.txt': stream did not contain valid UTF-8", "hint: convert it to UTF-8"),
        ("latin1.txt/a", "failed to read 'latin1.txt/a': Not a directory", "hint: check the path"),
    ] {
        assert_refused(&workspace.run(&["sql", "-f", name]), &[cause, hint]);
        assert_refused(&workspace.run(&["evolve", "--model", "rules", "--personas", name]), &[cause, hint]);
        assert_refused(&workspace.run_with_input(&["sql"], &format!(".read {name}\n")), &[cause, hint]);
        assert_refused(&workspace.run(&["evolve", "--model", "rules", "--prices", name]), &[name]);
    }
}

#[test]
fn of_an_unknown_format() {
    assert_bad("seeds.json", br#"[{"id": 1, "caption": "c", "url": "u"}]"#, &["the keys id, caption, url", "llava wants"]);
    assert_bad("seeds.json", b"[{}]", &["the first record is empty"]);
    assert_bad("seeds.json", b"[[]]", &["the record is a list, expected an object"]);
    assert_bad("seeds.json", br#"["\ud800"]"#, &["the record is text, expected an object"]);
    assert_bad("seeds.json", &photo(), &["perhaps UTF-16 text or an image"]);
    assert_bad("seeds.json", b"id,image\n", &["neither a JSON list nor JSON lines"]);
    assert_bad("seeds.json", b"", &["is empty"]);
    assert_bad("seeds.parquet", b"PAR1", &["cannot be opened as Parquet"]);
    let workspace = workspace();
    workspace.write("seeds.json", json!([good("first")]).to_string());
    assert_refused(&workspace.run(&["import", "seeds.json", "--format", "lava"]), &["no format is called 'lava'", "Did you mean 'llava'?"]);
    assert_refused(&workspace.run(&["import", "none.json"]), &["there is no such file: none.json"]);
    assert_refused(&workspace.run(&["import", "seeds.json", "--images", "none"]), &["none"]);
    assert!(!workspace.store().exists());
}
