//! Exports for fine-tuning, which takes no image as it is but RGB.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{item, seeds};
use crate::command::Workspace;

/// The error once named neither the sample nor a way to go on. An import looks at headers alone.
#[test]
fn an_image_with_broken_pixels_is_named_with_its_sample() {
    let workspace = Workspace::new();
    let mut image = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/images/gray16.png")).unwrap();
    workspace.write("whole.png", &image);
    let pixels = image.windows(4).position(|name| name == b"IDAT").unwrap();
    image[pixels + 8] ^= 0xff;
    workspace.write("broken.png", &image);
    let record = |name: &str| json!({ "id": name, "image": name, "conversations_v0": [item("What is it?", "A photo.")] });
    seeds(&workspace, json!([record("whole.png"), record("broken.png")]));

    let export = ["export", "-o", "out.jsonl", "--format", "openai"];
    let refused = workspace.run(&export).expect_code(1);
    let refused = refused.expect_stderr(&["error: image 'broken.png' of sample ", "it cannot be converted to PNG"]);
    let hint = refused.stderr.lines().find_map(|line| line.strip_prefix("hint: leave that sample out: --where \"")).unwrap();
    let run = workspace.run(&[&export[..], &["--where", hint.trim_end_matches('"')]].concat()).expect_code(0);
    run.expect_stderr(&["wrote 1 instructions of 1 samples"]);
}
