//! What the manifest beside an export says of it.

use std::fs;

use serde_json::{Value, json};

use crate::command::Workspace;
use crate::endpoint::Endpoint;
use crate::stores::KEY;

/// Only the model that wrote was once named, not the one that chose.
#[test]
fn name_the_judges_and_what_became_of_the_images() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    let url = endpoint.base_url();
    let evolve = ["evolve", "--rounds", "1", "--model", "writer", "--judge", "critic", "--base-url", &url];
    workspace.run_with_key(&evolve, KEY).expect_code(0);
    let manifest = |flags: &[&str]| -> Value {
        workspace.run(&[&["export", "-o", "out.json", "--format", "llava"], flags].concat()).expect_code(0);
        serde_json::from_slice(&fs::read(workspace.path("out.json.manifest.json")).unwrap()).unwrap()
    };
    for rule in ["copy", "link", "none"] {
        let manifest = manifest(&["--rounds", "1", "--images", rule]);
        assert_eq!((&manifest["models"], &manifest["judges"]), (&json!(["writer"]), &json!(["critic"])), "{manifest:#}");
        assert_eq!(manifest["image_rule"], rule);
    }
    let seeds = manifest(&["--rounds", "0"]);
    assert_eq!((&seeds["judges"], &seeds["image_rule"]), (&json!([]), &json!("copy")), "{seeds:#}");
}
