//! Bad input ends with exit code 1, names what is wrong, and leaves the store as it was.

mod files;
mod models;
mod records;
mod statements;
mod stores;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::command::{Run, Workspace, bundled_seeds};
use crate::endpoint::{Behaviour, Endpoint};
use crate::images::png_bomb;
use crate::stores::{KEY, TestStore};

/// A workspace with a good image, `good.jpg`.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("good.jpg", photo());
    workspace
}

fn photo() -> Vec<u8> {
    fs::read(Path::new(&bundled_seeds()).with_file_name("images/coffee.jpg")).unwrap()
}

/// A record that can be imported.
fn good(id: &str) -> Value {
    json!({ "id": id, "image": "good.jpg", "conversations_v0": [{ "question": "What is it?", "answer": "Coffee." }] })
}

/// A good record with some fields replaced; `null` takes one away.
fn with(id: &str, fields: Value) -> Value {
    let mut record = good(id);
    for (key, value) in fields.as_object().unwrap() {
        record[key] = value.clone();
    }
    record
}

fn with_box(bbox: Value) -> Value {
    with("bad", json!({ "det": [{ "label": "cup", "bbox": [0.1, 0.1, 0.2, 0.2] }, { "label": "spoon", "bbox": bbox }] }))
}

fn with_image(path: &str) -> Value {
    with("bad", json!({ "image": path }))
}

/// A refused command says why and what to do, and nothing on standard output.
#[track_caller]
fn assert_refused(run: &Run, fragments: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run}");
    assert!(run.stderr.lines().any(|line| line.starts_with("error: ")), "{run}");
    for fragment in fragments {
        assert!(run.stderr.contains(fragment), "expected '{fragment}'\n{run}");
    }
}

#[test]
fn odd_images_are_no_bad_input() {
    let workspace = Workspace::new();
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/images");
    let names = ["cmyk.jpg", "gray16.png", "animated.gif", "animated.webp", "rotated.jpg"];
    workspace.write("seeds.json", json!(names.map(|name| with(name, json!({ "image": name })))).to_string());
    workspace.run(&["import", "seeds.json", "--images", &images.to_string_lossy()]).expect_code(0);
    let endpoint = Endpoint::evolving();
    let evolve = ["evolve", "--rounds", "1", "--model", "m", "--base-url", &endpoint.base_url(), "--output", "json"];
    let report: Value = serde_json::from_str(&workspace.run(&evolve).expect_code(0).stdout).unwrap();
    assert_eq!((&report[0]["rounds"][0]["samples"], &report[0]["rounds"][0]["failed"]), (&json!(5), &json!(0)));
    workspace.run(&["check"]).expect_code(0);
}
