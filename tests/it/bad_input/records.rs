//! Bad records: named by number and id, and left out on request.

use std::collections::BTreeMap;

use super::*;

/// A bad record is named by number and id; a new store is not begun, an old one stays as it was, and the record can be skipped.
#[track_caller]
fn assert_bad(workspace: &Workspace, record: &Value, cause: &[&str]) {
    workspace.write("seeds.json", json!([good("first"), record, good("last")]).to_string());
    let named = ["record 2 ('bad') of 'seeds.json'", "--on-bad-record skip"];
    assert_refused(&workspace.run(&["import", "seeds.json"]), &[&named[..], cause].concat());
    assert!(!workspace.store().exists(), "{record}: a store was begun");

    let skipped = workspace.run(&["import", "seeds.json", "--on-bad-record", "skip"]).expect_code(0);
    let skipped = skipped.expect_stderr(&["imported 2 of 3 records", "1 records were rejected"]);
    let folder = fs::read_dir(workspace.store().join("rejects")).unwrap().next().unwrap().unwrap().path();
    let rejects = fs::read_to_string(&folder).unwrap();
    let reject: Value = serde_json::from_str(&rejects).unwrap();
    assert_eq!((&reject["record"], &reject["source_id"]), (&json!(2), &json!("bad")), "{skipped}");
    for fragment in cause {
        assert!(reject["message"].as_str().unwrap().contains(fragment), "expected '{fragment}' in {reject}");
    }

    let catalog = fs::read(workspace.store().join("catalog.json")).unwrap();
    assert_refused(&workspace.run(&["import", "seeds.json"]), &named);
    assert_eq!(fs::read(workspace.store().join("catalog.json")).unwrap(), catalog);
    fs::remove_dir_all(workspace.store()).unwrap();
}

#[test]
fn without_an_image_or_a_conversation() {
    let workspace = workspace();
    assert_bad(&workspace, &with("bad", json!({ "image": null })), &["no image"]);
    assert_bad(&workspace, &with("bad", json!({ "conversations_v0": null })), &["conversations_v0"]);
    assert_bad(&workspace, &with("bad", json!({ "conversations_v0": [] })), &["conversations_v0"]);
    assert_bad(&workspace, &with("bad", json!({ "conversations_v0": [{ "question": "Q?" }] })), &["conversations_v0[0].answer"]);
    assert_bad(
        &workspace,
        &with("bad", json!({ "conversations_v0": [{ "question": 7, "answer": "A." }] })),
        &["conversations_v0[0].question", "a number"],
    );
}

#[test]
fn with_files_that_are_no_images() {
    let workspace = workspace();
    workspace.write("empty.jpg", "");
    workspace.write("cut.jpg", &photo()[..photo().len() / 2]);
    workspace.write("text.jpg", "This is no image.\n");
    workspace.write("bomb.png", png_bomb());
    for (path, cause) in [
        ("none.jpg", "image 'none.jpg' does not exist in"),
        ("empty.jpg", "is empty (0 bytes)"),
        ("cut.jpg", "is cut off"),
        ("text.jpg", "it looks like"),
        ("bomb.png", "20,000 x 20,000 pixels"),
    ] {
        assert_bad(&workspace, &with_image(path), &[path, cause]);
    }
}

#[test]
fn with_paths_out_of_the_image_folder() {
    let (workspace, outside) = (workspace(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("secret.jpg"), photo()).unwrap();
    let absolute = outside.path().join("secret.jpg").to_string_lossy().into_owned();
    for path in ["../../secret.jpg", "a/../../secret.jpg", absolute.as_str()] {
        assert_bad(&workspace, &with_image(path), &["leads outside of the image folder"]);
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(outside.path().join("secret.jpg"), workspace.path("link.jpg")).unwrap();
        std::os::unix::fs::symlink(outside.path(), workspace.path("folder")).unwrap();
        for path in ["link.jpg", "folder/secret.jpg"] {
            assert_bad(&workspace, &with_image(path), &["leads outside of the image folder"]);
        }
    }
}

#[test]
fn with_boxes_that_are_none() {
    let workspace = workspace();
    for (bbox, cause) in [
        (json!([0.1, 0.1, 1.5, 0.2]), "det[1]"),
        (json!([-0.1, 0.1, 0.5, 0.2]), "det[1]"),
        (json!([10, 20, 300, 400]), "det[1]"),
        (json!([0.5, 0.1, 0.2, 0.2]), "det[1]"),
        (json!([0.1, 0.5, 0.2, 0.2]), "det[1]"),
        (json!([0.1, 0.1, null, 0.2]), "det[1]"),
        (json!([0.1, 0.1, "NaN", 0.2]), "det[1]"),
        (json!([0.1, 0.1, 0.2]), "det[1]"),
        (json!("0.1, 0.1, 0.2, 0.2"), "det[1]"),
    ] {
        assert_bad(&workspace, &with_box(bbox), &[cause, "bbox"]);
    }
}

#[test]
fn with_an_id_that_another_record_has() {
    let workspace = workspace();
    let other = with("first", json!({ "conversations_v0": [{ "question": "Another?", "answer": "Yes." }] }));
    workspace.write("seeds.json", json!([good("first"), other]).to_string());
    let cause = ["record 2 ('first')", "an earlier record of this file, number 1, has this id with other content", "--ids content"];
    // Once, it was advised as well.
    for source in ["first", "second"] {
        let run = workspace.run(&["import", "seeds.json", "--source", source]);
        assert_refused(&run, &cause);
        assert!(!run.stderr.contains("--source"), "{run}");
    }
    assert!(!workspace.store().exists());
    let without_id = |mut record: Value| {
        record.as_object_mut().unwrap().remove("id");
        record
    };
    workspace.write("without.json", json!([good("first"), other.clone()].map(without_id)).to_string());
    let import = ["--store", "without", "import", "without.json"];
    workspace.run(&import).expect_code(0).expect_stderr(&["imported 2 of 2 records"]);

    workspace.write("seeds.json", json!([good("first")]).to_string());
    workspace.run(&["import", "seeds.json"]).expect_code(0);
    workspace.write("seeds.json", json!([other]).to_string());
    let cause = ["record 1 ('first')", "another record with this id is in source 'seeds'", "--on-changed update", "--source"];
    assert_refused(&workspace.run(&["import", "seeds.json"]), &cause);
    workspace.run(&["import", "seeds.json", "--source", "second"]).expect_code(0).expect_stderr(&["imported 1 of 1 records"]);
}

/// They have no id to be named by.
#[test]
fn that_are_no_objects() {
    let workspace = workspace();
    let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
    for record in [r#""caf\ud83d""#, r#"["\ud800"]"#, "[1e999]", deep.as_str()] {
        workspace.write("seeds.json", format!("[{},{record},{}]", good("first"), good("last")));
        let cause = ["record 2 of 'seeds.json': the record is", "expected an object"];
        assert_refused(&workspace.run(&["import", "seeds.json"]), &cause);
        let skipped = workspace.run(&["import", "seeds.json", "--on-bad-record", "skip"]).expect_code(0);
        skipped.expect_stderr(&["imported 2 of 3 records", "1 records were rejected"]);
        fs::remove_dir_all(workspace.store()).unwrap();
    }
}

/// What is known of the image comes before the way to go on without it.
#[test]
fn whose_image_is_elsewhere_or_faulty() {
    let workspace = workspace();
    workspace.write("img/rgb.jpg", photo());
    workspace.write("img/cut.jpg", &photo()[..photo().len() / 2]);
    for (path, hint) in [
        ("rgb.jpeg", "there is 'rgb.jpg'"),
        ("img/rgb.jpg", "the path already begins with 'img': pass --images '"),
        ("none.jpg", "check --images, or import with --allow-missing-images"),
        ("cut.jpg", "replace the file"),
    ] {
        workspace.write("seeds.json", json!([with_image(path)]).to_string());
        let run = workspace.run(&["import", "seeds.json", "--images", "img"]);
        assert_refused(&run, &[path, "\nhint: or go on without such records: --on-bad-record skip\n"]);
        let hints: Vec<&str> = run.stderr.lines().filter_map(|line| line.strip_prefix("hint: ")).collect();
        assert!(hints.len() == 2 && hints[0].starts_with(hint), "expected '{hint}' first\n{run}");

        workspace.run(&["import", "seeds.json", "--images", "img", "--on-bad-record", "skip"]).expect_code(0);
        let rejects = fs::read_to_string(workspace.store().join("rejects/run-1.jsonl")).unwrap();
        let reject: Value = serde_json::from_str(&rejects).unwrap();
        assert!(reject["hint"].as_str().unwrap().starts_with(hint), "{reject}");
        fs::remove_dir_all(workspace.store()).unwrap();
    }
}

/// An import that added nothing once wrote to the file of the next run, and the one after it over that.
#[test]
fn are_listed_for_each_import() {
    let workspace = workspace();
    let import = |records: Value| {
        workspace.write("seeds.json", records.to_string());
        let run = workspace.run(&["import", "seeds.json", "--on-bad-record", "skip"]).expect_code(0);
        run.expect_stderr(&["1 records were rejected"]);
    };
    let lists = || -> BTreeMap<String, String> {
        let files = fs::read_dir(workspace.store().join("rejects")).unwrap().map(Result::unwrap);
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap())).collect()
    };
    import(json!([good("first"), with_image("one.jpg")]));
    assert_eq!(lists().into_keys().collect::<Vec<_>>(), ["run-1.jsonl"]);
    // Neither of these is a run; the first, done again, lists nothing new.
    import(json!([good("first"), with_image("two.jpg")]));
    import(json!([good("first"), with_image("two.jpg")]));
    import(json!([good("first"), with_image("three.jpg")]));
    import(json!([good("first"), good("second"), with_image("four.jpg")]));
    let lists = lists();
    assert!(lists["run-1.jsonl"].contains("one.jpg") && lists["run-2.jsonl"].contains("four.jpg"), "{lists:?}");
    let others: Vec<&String> = lists.iter().filter(|(name, _)| name.starts_with("no-run-")).map(|(_, list)| list).collect();
    assert_eq!((lists.len(), others.len()), (4, 2), "{lists:?}");
    assert!(["two.jpg", "three.jpg"].iter().all(|path| others.iter().any(|list| list.contains(path))), "{lists:?}");
}

/// A good record with finished rounds, each of one item with this answer.
fn with_rounds(answers: &[(u32, &str)]) -> Value {
    let rounds = answers.iter().map(|(round, answer)| {
        (format!("conversations_v{round}"), json!([{ "question": format!("What about {round}?"), "answer": answer }]))
    });
    with("first", Value::Object(rounds.collect()))
}

/// The second of two equal ones was once known by the first, the good one after them was refused, and the round before the refused one came in.
#[test]
fn whose_round_is_refused_leave_nothing_behind() {
    let workspace = workspace();
    let import = |records: Value| {
        workspace.write("seeds.json", records.to_string());
        workspace.run(&["import", "seeds.json", "--on-bad-record", "skip"]).expect_code(0)
    };
    let (good, refused) = (with_rounds(&[(2, "Black.")]), with_rounds(&[(1, "Hot."), (2, "Brown.")]));
    import(json!([good]));
    let run = import(json!([refused, refused, good])).expect_stderr(&["2 records were rejected", "1 records were in the store already"]);
    assert!(run.stderr.contains("imported 0 of 3 records: 0 instructions"), "{run}");
    let rounds = workspace.run(&["sql", "SELECT round, run_id FROM evolutions", "--output", "csv"]).expect_code(0);
    assert_eq!(rounds.stdout, "round,run_id\n2,run-1\n");
}

/// The evolution that stands is not the one in the file, which is in the store all the same.
#[test]
fn are_not_those_whose_round_was_evolved_again() {
    let workspace = workspace();
    workspace.write("seeds.json", json!([with_rounds(&[(1, "Black.")])]).to_string());
    workspace.run(&["import", "seeds.json"]).expect_code(0);
    workspace.run(&["evolve", "--rounds", "1", "--model", "rules", "--again", "--where", "round = 1"]).expect_code(0);
    let statuses = workspace.run(&["sql", "SELECT status FROM evolutions ORDER BY attempt", "--output", "csv"]).expect_code(0);
    assert_eq!(statuses.stdout, "status\nsuperseded\nkept\n");
    workspace.run(&["import", "seeds.json"]).expect_code(0).expect_stderr(&["1 records were in the store already"]);
}
