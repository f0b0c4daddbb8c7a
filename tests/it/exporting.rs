//! Exports of what is not plain: images that are not there, targets that are no files, tags inside of texts.

use std::fs;

use serde_json::{Value, json};

use crate::command::Workspace;

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
