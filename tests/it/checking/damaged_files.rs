//! Files of a store that are gone, cut off or changed: the check names them, and so do the commands that need them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{assert_broken, check, evolved};
use crate::command::{Workspace, bundled_seeds};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// One of no bytes was taken for a new one, and the answers in it were paid for again.
#[test]
fn a_damaged_journal_is_named_and_keeps_no_other_check_from_running() {
    let workspace = evolved();
    let path = workspace.store().join("journal.redb");
    for damaged in [vec![7_u8; 8192], Vec::new()] {
        fs::write(&path, &damaged).unwrap();
        let findings = assert_broken(&workspace, &["journal_is_readable"]);
        assert!(findings["journal_is_readable"]["example"].as_str().unwrap().contains("journal.redb"), "{findings:#}");
        assert_eq!(findings["journal_is_in_calls"]["result"], "not checked");
        assert_eq!(findings["counts_agree"]["result"], "ok");
        let evolve = ["evolve", "--rounds", "2", "--model", "rules", "--dry-run"];
        for command in [&evolve[..5], &evolve] {
            let run = workspace.run(command).expect_code(2);
            run.expect_stderr(&["journal.redb", "hint: the file is damaged"]);
        }
        assert_eq!(fs::read(&path).unwrap(), damaged, "it is evidence, and left alone");
    }
    fs::remove_file(path).unwrap();
    workspace.run(&["check"]).expect_code(0);
}

#[test]
fn a_version_that_a_tag_names_must_be_there() {
    let workspace = evolved();
    // Lance counts the names of its manifests down, so that the newest comes first.
    fs::remove_file(workspace.store().join(format!("samples.lance/_versions/{}.manifest", u64::MAX - 1))).unwrap();
    let findings = assert_broken(&workspace, &["versions_are_there"]);
    assert_eq!(findings["versions_are_there"]["example"], "samples version 1, before-run-1");
}

/// Its state could not be restored, and the message sent to a check that found nothing.
#[test]
fn a_damaged_manifest_of_an_earlier_state_is_named() {
    let workspace = evolved();
    let catalog: Value = serde_json::from_slice(&fs::read(workspace.store().join("catalog.json")).unwrap()).unwrap();
    let version = catalog["tags"]["after-run-1"]["instructions"].as_u64().unwrap();
    fs::write(workspace.store().join(format!("instructions.lance/_versions/{}.manifest", u64::MAX - version)), [7; 100]).unwrap();
    let findings = assert_broken(&workspace, &["earlier_states_are_whole"]);
    let example = findings["earlier_states_are_whole"]["example"].as_str().unwrap();
    assert!(example.starts_with(&format!("instructions: the manifest of version {version} cannot be read: ")), "{example}");
    assert!(example.ends_with(", after-run-1") && !example.contains(".rs:"), "{example}");
    workspace.run(&["restore", "run-1"]).expect_code(2).expect_stderr(&["find out what is damaged with 'mmevol check'"]);
}

/// The repair ended in the advice to check, and said nothing of what is broken.
#[test]
fn a_repair_that_a_lost_table_prevents_says_what_is_broken() {
    let workspace = evolved();
    fs::remove_dir_all(workspace.store().join("calls.lance")).unwrap();
    let run = workspace.run(&["check", "--repair"]).expect_code(1);
    assert!(run.stdout.contains("versions_are_there"), "{run}");
    run.expect_stderr(&[
        "the repair could not be made: failed to open table 'calls'",
        "hint: versions_are_there: ",
        "found something broken",
    ]);
}

#[test]
fn a_lost_version_is_told_once() {
    let workspace = evolved();
    let catalog: Value = serde_json::from_slice(&fs::read(workspace.store().join("catalog.json")).unwrap()).unwrap();
    let version = catalog["tables"]["evolutions"].as_u64().unwrap();
    fs::remove_file(workspace.store().join(format!("evolutions.lance/_versions/{}.manifest", u64::MAX - version))).unwrap();
    let check = workspace.run(&["check"]).expect_code(1);
    let check = check.expect_stderr(&[
        &format!("(such as: evolutions version {version}, published)"),
        &format!("checks were not made: version {version} of table 'evolutions' is gone"),
    ]);
    assert_eq!(check.stderr.matches("hint: ").count(), 2, "{check}");
    let status = workspace.run(&["status"]).expect_code(2);
    let status = status.expect_stderr(&[
        &format!("failed to open table 'evolutions': evolutions.lance/_versions/{version}.manifest is gone"),
        "hint: find out what is damaged with 'mmevol check'",
    ]);
    assert!(!status.stderr.contains(".rs:"), "{status}");
}

#[test]
fn a_file_that_is_too_short_is_named() {
    let workspace = evolved();
    let file = files(&workspace.store().join("evolutions.lance/data")).pop().unwrap();
    let length = fs::metadata(&file).unwrap().len();
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(100).unwrap();
    let problem = format!("data/{} has 100 bytes instead of {length}", file.file_name().unwrap().to_string_lossy());
    let findings = assert_broken(&workspace, &["table_files_are_whole"]);
    assert_eq!(findings["table_files_are_whole"]["example"], format!("evolutions: {problem}"));

    let check = workspace.run(&["check", "--fast"]).expect_code(1);
    let check = check.expect_stderr(&[&format!("(such as: evolutions: {problem})"), "checks were not made: "]);
    assert!(check.stderr.matches(&problem).count() <= 2 && !check.stderr.contains(".rs:"), "{check}");
    for command in [&["status"][..], &["evolve", "--rounds", "2", "--model", "rules"]] {
        let run = workspace.run(command).expect_code(2);
        let run = run.expect_stderr(&["failed to read table 'evolutions'", &problem, "hint: find out what is damaged with 'mmevol check'"]);
        assert!(!run.stderr.contains(".rs:"), "{run}");
    }
}

#[test]
fn a_file_of_a_table_must_be_there() {
    let workspace = evolved();
    for file in files(&workspace.store().join("samples.lance/data")) {
        fs::remove_file(file).unwrap();
    }
    let findings = assert_broken(&workspace, &["table_files_are_whole"]);
    assert!(findings["table_files_are_whole"]["example"].as_str().unwrap().starts_with("samples: data/"), "{findings:#}");
    assert_eq!(findings["instructions_have_their_sample"]["result"], "not checked");
    assert_eq!(findings["images_match_their_ids"]["result"], "ok");
}

/// A restore would make the damaged state the present one.
#[test]
fn a_file_that_only_an_earlier_state_needs_must_be_there() {
    let workspace = Workspace::with_photos();
    let data = workspace.store().join("instructions.lance/data");
    let imported = files(&data);
    workspace.run(&["evolve", "--rounds", "1", "--model", "rules"]).expect_code(0);
    let made = files(&data).into_iter().find(|file| !imported.contains(file)).unwrap();
    workspace.run(&["restore", "run-1"]).expect_code(0);
    workspace.run(&["check"]).expect_code(0);
    fs::remove_file(&made).unwrap();
    let problem = format!("data/{} is gone", made.file_name().unwrap().to_string_lossy());
    let findings = assert_broken(&workspace, &["earlier_states_are_whole"]);
    assert_eq!(findings["earlier_states_are_whole"]["example"], format!("instructions: {problem}, after-run-2"));
    for flags in [&["restore", "run-2"][..], &["restore", "run-2", "--dry-run"]] {
        let said = format!("failed to restore table 'instructions': {problem}");
        workspace.run(flags).expect_code(2).expect_stderr(&[&said, "or restore another state"]);
    }
    workspace.run(&["status"]).expect_code(0);
}

/// Which of its rows were deleted when is in files of their own.
#[test]
fn a_file_of_deletions_that_only_an_earlier_state_needs_must_be_there() {
    let workspace = evolved();
    let again = |sample: &str| {
        let predicate = format!("source_id = '{sample}'");
        workspace.run(&["evolve", "--rounds", "1", "--model", "rules", "--again", "--where", &predicate]).expect_code(0);
    };
    again("coins");
    let earlier = files(&workspace.store().join("evolutions.lance/_deletions")).pop().unwrap();
    again("coffee");
    workspace.run(&["check"]).expect_code(0);
    fs::remove_file(&earlier).unwrap();
    let problem = format!("_deletions/{} is gone", earlier.file_name().unwrap().to_string_lossy());
    let findings = assert_broken(&workspace, &["earlier_states_are_whole"]);
    assert_eq!(findings["earlier_states_are_whole"]["example"], format!("evolutions: {problem}, after-run-3"));
    let said = format!("failed to restore table 'evolutions': {problem}");
    workspace.run(&["restore", "run-3"]).expect_code(2).expect_stderr(&[&said, "or restore another state"]);
    workspace.run(&["status"]).expect_code(0);
}

#[test]
fn a_damaged_image_is_found() {
    let workspace = Workspace::with_photos();
    let photo = fs::read(Path::new(&bundled_seeds()).with_file_name("images/coffee.jpg")).unwrap();
    let mut damaged = 0;
    for file in files(&workspace.store().join("images.lance")) {
        let mut bytes = fs::read(&file).unwrap();
        if let Some(start) = bytes.windows(64).position(|window| window == &photo[photo.len() / 2..][..64]) {
            bytes[start] ^= 1;
            fs::write(file, bytes).unwrap();
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1);
    let findings = assert_broken(&workspace, &["images_match_their_ids"]);
    assert_eq!(findings["images_match_their_ids"]["example"], blake3::hash(&photo).to_hex().as_str());
    let (code, findings) = check(&workspace, &["--fast"]);
    assert_eq!((code, &findings["images_match_their_ids"]["result"]), (0, &json!("not checked")));
}
