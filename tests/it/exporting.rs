//! Exports of what is not plain: images that are not there, targets that are no files, tags inside of texts.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::command::{Workspace, bundled_seeds};
use crate::endpoint::Endpoint;
use crate::stores::KEY;

fn seeds(workspace: &Workspace, records: Value) {
    workspace.write("seeds.json", records.to_string());
    workspace.run(&["import", "seeds.json", "--allow-missing-images"]).expect_code(0);
}

fn item(question: &str, answer: &str) -> Value {
    json!({ "question": question, "answer": answer })
}

/// Whoever has the files elsewhere gets records that name them, and no record about an image loses it in silence.
#[test]
fn images_that_were_missing_keep_their_paths() {
    let workspace = Workspace::new();
    seeds(&workspace, json!([{ "id": "a", "image": ["coco/1.jpg", "coco/2.jpg"], "conversations_v0": [item("What is it?", "A dog.")] }]));
    for format in ["llava", "messages", "openai", "mmevol", "parquet"] {
        let run = workspace.run(&["export", "-o", format, "--format", format, "--report", "json"]).expect_code(0);
        let manifest: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((&manifest[0]["images"], &manifest[0]["missing_images"]), (&json!(0), &json!(2)), "{format}");
        if format != "parquet" {
            let text = fs::read_to_string(workspace.path(format)).unwrap();
            assert!(text.contains("coco/1.jpg") && text.contains("coco/2.jpg"), "{format}: {text}");
        }
        if format != "openai" {
            let named = if format == "parquet" { "parquet" } else { format };
            let import = ["--store", &format!("from-{format}"), "import", format, "--format", named, "--allow-missing-images"];
            workspace.run(&import).expect_code(0).expect_stderr(&["imported 1 of 1 records", "2 image files were not found"]);
        }
    }
    workspace.run(&["export", "-o", "none", "--format", "llava"]).expect_code(0).expect_stderr(&["2 image files are not in the store"]);
    workspace.run(&["export", "-o", "none", "--format", "llava", "--images", "none"]).expect_code(0);
    assert!(!fs::read_to_string(workspace.path("none")).unwrap().contains("coco"));
}

#[cfg(unix)]
#[test]
fn a_link_is_written_through_and_a_pipe_is_left_alone() {
    let workspace = Workspace::with_photos();
    workspace.write("real/target.json", "old");
    std::os::unix::fs::symlink("real/target.json", workspace.path("link.json")).unwrap();
    workspace.run(&["export", "-o", "link.json", "--format", "llava"]).expect_code(0);
    assert!(fs::symlink_metadata(workspace.path("link.json")).unwrap().is_symlink());
    assert!(fs::read_to_string(workspace.path("real/target.json")).unwrap().contains("conversations"));

    let pipe = workspace.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let run = workspace.run(&["export", "-o", "pipe", "--format", "llava"]).expect_code(1).expect_stderr(&["it is a device or a pipe"]);
    assert!(!run.stderr.contains("panicked"), "{run}");
    assert!(!fs::symlink_metadata(&pipe).unwrap().is_file());
    workspace.run(&["export", "-o", "real", "--format", "llava"]).expect_code(1).expect_stderr(&["it is a directory"]);
}

/// What reads such a file counts the tags.
#[test]
fn a_record_has_one_tag_for_each_image() {
    let workspace = Workspace::new();
    workspace.write("a.bmp", {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(3, 2).write_to(&mut bytes, image::ImageFormat::Bmp).unwrap();
        bytes.into_inner()
    });
    let turn = |from: &str, value: &str| json!({ "from": from, "value": value });
    let turns =
        json!([turn("human", "<image>\nLook."), turn("gpt", "Use the <image> tag."), turn("human", "Is <image> it?"), turn("gpt", "Yes.")]);
    seeds(&workspace, json!([{ "id": "a", "image": "a.bmp", "conversations": turns }]));
    for format in ["llava", "messages"] {
        workspace.run(&["export", "-o", format, "--format", format]).expect_code(0);
        let text = fs::read_to_string(workspace.path(format)).unwrap();
        assert_eq!(text.matches("<image>").count(), 1, "{text}");
        assert!(text.contains("Use the image tag.") && text.contains("Is image 2 it?"), "{text}");
    }
    // Fine-tuning takes no bitmaps.
    workspace.run(&["export", "-o", "openai", "--format", "openai"]).expect_code(0);
    assert!(fs::read_to_string(workspace.path("openai")).unwrap().contains("data:image/png;base64,iVBOR"));
}

/// Our own export says what an item was made from, in which direction, and what the judge said.
#[test]
fn lineage_comes_back_in() {
    let (workspace, endpoint) = (Workspace::new(), Endpoint::evolving());
    let photo = Path::new(&bundled_seeds()).with_file_name("images/coffee.jpg");
    workspace.write("coffee.jpg", fs::read(photo).unwrap());
    let items: Vec<Value> = (0..40).map(|place| item(&format!("What is at place {place}?"), "A cup.")).collect();
    seeds(&workspace, json!([{ "id": "table", "image": "coffee.jpg", "conversations_v0": items }]));
    let url = endpoint.base_url();
    let evolve = |store: &str| {
        let evolve = ["--store", store, "evolve", "--rounds", "2", "--model", "m", "--base-url", &url];
        workspace.run_with_key(&evolve, KEY).expect_code(0)
    };
    let rows = |store: &str, sql: &str| workspace.run(&["--store", store, "sql", sql, "--output", "csv"]).expect_code(0).stdout;
    evolve("mmevol-store");
    workspace.run(&["export", "-o", "all.parquet", "--format", "parquet", "--rounds", "all"]).expect_code(0);
    workspace.run(&["--store", "second", "import", "all.parquet"]).expect_code(0);
    workspace.run(&["--store", "second", "check"]).expect_code(0);

    let lines = "SELECT c.round, c.operator, c.improved, c.question, p.question AS parent, r.question AS root FROM instructions c \
                 JOIN instructions p ON c.parent_id = p.instruction_id JOIN instructions r ON c.root_id = r.instruction_id \
                 WHERE c.status = 'kept' ORDER BY c.round, c.question";
    for sql in [lines, "SELECT round, operator, samples, kept FROM rounds ORDER BY round, operator"] {
        assert_eq!(rows("second", sql), rows("mmevol-store", sql), "{sql}");
    }
    assert!(rows("second", lines).lines().count() > 40);
    assert_eq!(rows("second", "SELECT count(*) AS n FROM instructions WHERE cardinality(faults) > 0"), "n\n0\n");
    // Only survivors are known.
    assert_eq!(rows("second", "SELECT count(yes_rate) AS n FROM rounds"), "n\n0\n");
    // Such a round came in one piece, from however many items it was made.
    let asked = endpoint.requests();
    evolve("second").expect_stderr(&["nothing was due"]);
    assert_eq!(endpoint.requests(), asked);
}

/// What is in the store came from a format without tags, or from a model, and may speak of one.
#[test]
fn a_question_about_a_tag_comes_back_in() {
    let workspace = Workspace::new();
    let photo = Path::new(&bundled_seeds()).with_file_name("images/coffee.jpg");
    workspace.write("coffee.jpg", fs::read(photo).unwrap());
    let items = [item("Which tag, like <image>, shows a cup?", "The <image> tag."), item("Is <image> a tag?", "Yes.")];
    seeds(&workspace, json!([{ "id": "tags", "image": "coffee.jpg", "conversations_v0": items }]));
    for (format, read_as) in [("llava", "llava"), ("messages", "messages"), ("openai", "messages")] {
        workspace.run(&["export", "-o", format, "--format", format]).expect_code(0);
        let import = ["--store", &format!("from-{format}"), "import", format, "--format", read_as];
        workspace.run(&import).expect_code(0).expect_stderr(&["imported 1 of 1 records: 2 instructions, 1 images"]);
    }
    let text = fs::read_to_string(workspace.path("openai")).unwrap();
    assert!(!text.contains("<image>") && text.contains("The image tag."), "{text}");
}

#[test]
fn an_export_of_nothing_says_so() {
    let workspace = Workspace::with_photos();
    for chosen in [["--rounds", "9"], ["--where", "score > 30"]] {
        let run = workspace.run(&["export", "-o", "none.json", "--format", "llava", chosen[0], chosen[1]]).expect_code(0);
        run.expect_stderr(&["nothing matched: none.json holds no items"]);
        assert_eq!(fs::read_to_string(workspace.path("none.json")).unwrap(), "[]\n");
    }
    let run = workspace.run(&["export", "-o", "some.json", "--format", "llava"]).expect_code(0);
    assert!(!run.stderr.contains("nothing matched"), "{run}");
}

/// A manifest and image files go beside the file.
#[test]
fn standard_output_is_no_place_for_an_export() {
    let workspace = Workspace::with_photos();
    let run = workspace.run(&["export", "-o", "-", "--format", "llava"]).expect_code(1);
    assert!(!workspace.path("-").exists());
    run.expect_stderr(&["error: --output: an export is not written to standard output", "hint: name a file"]);
}

/// The paths of images once grew by a folder each time, until the third import did not find them.
#[test]
fn an_export_comes_back_in_and_out_as_it_was() {
    let workspace = Workspace::new();
    for name in ["coffee.jpg", "rocket.jpg"] {
        let photo = Path::new(&bundled_seeds()).with_file_name("images").join(name);
        workspace.write(&format!("data/images/{name}"), fs::read(photo).unwrap());
    }
    let record = |id: &str, path: &str| json!({ "id": id, "image": path, "conversations_v0": [item("What is it?", "A photo.")] });
    // One of them is named from above its folder.
    workspace.write("above.json", json!([record("a", "images/coffee.jpg")]).to_string());
    workspace.run(&["import", "above.json", "--source", "seeds", "--images", "data"]).expect_code(0);
    workspace.write("inside.json", json!([record("b", "rocket.jpg")]).to_string());
    workspace.run(&["import", "inside.json", "--source", "seeds", "--images", "data/images"]).expect_code(0);
    for format in ["mmevol", "llava", "messages"] {
        let mut store = "mmevol-store".to_owned();
        let exported = ["first", "second", "third"].map(|turn| {
            let file = format!("{turn}/{format}");
            workspace.run(&["--store", &store, "export", "-o", &file, "--format", format]).expect_code(0);
            store = format!("{turn}-{format}");
            workspace.run(&["--store", &store, "import", &file, "--format", format]).expect_code(0);
            fs::read_to_string(workspace.path(&file)).unwrap()
        });
        assert!(exported[0].contains("\"images/coffee.jpg\"") && exported[0].contains("\"images/rocket.jpg\""), "{}", exported[0]);
        assert_eq!((&exported[1], &exported[2]), (&exported[0], &exported[0]), "{format}");
    }
}
