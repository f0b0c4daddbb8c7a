//! Stores that cannot be opened or written.

use super::*;

#[test]
fn a_directory_that_is_no_store() {
    let workspace = workspace();
    workspace.write("photos/a.jpg", photo());
    workspace.write("file", "text");
    let seeds = bundled_seeds();
    for command in [vec!["import", &seeds], vec!["status"], vec!["sql", "SELECT 1"], vec!["evolve"], vec!["demo"]] {
        let run = workspace.run(&[&["--store", "photos"], &command[..]].concat());
        assert_refused(&run, &["'photos' is not an mmevol store", "catalog.json"]);
        assert_refused(&workspace.run(&[&["--store", "file"], &command[..]].concat()), &["'file' is not an mmevol store", "it is a file"]);
    }
    assert_eq!(fs::read_dir(workspace.path("photos")).unwrap().count(), 1);
    workspace.write("broken/catalog.json", "{");
    assert_refused(&workspace.run(&["--store", "broken", "status"]), &["'broken' is not an mmevol store", "cannot be read"]);
}

/// Once, the next import took such a directory for one that a first import had left, and began anew.
#[test]
fn a_store_that_lost_its_catalog() {
    let workspace = Workspace::with_photos();
    workspace.run(&["evolve", "--rounds", "1", "--model", "rules"]).expect_code(0);
    let catalog = workspace.store().join("catalog.json");
    let published = fs::read(&catalog).unwrap();
    for (content, reason) in [(None, "its catalog.json is gone"), (Some("{"), "its catalog.json cannot be read")] {
        match content {
            None => fs::remove_file(&catalog).unwrap(),
            Some(text) => fs::write(&catalog, text).unwrap(),
        }
        for command in [&["status"][..], &["import", &bundled_seeds()], &["check", "--repair"]] {
            assert_refused(&workspace.run(command), &["is damaged", reason, "bring catalog.json back"]);
        }
    }
    fs::write(&catalog, published).unwrap();
    workspace.run(&["check"]).expect_code(0);
}

#[test]
fn no_store() {
    let workspace = workspace();
    for command in [&["status"][..], &["evolve"], &["check"], &["lineage", "a"], &["export", "-o", "a.json", "--format", "llava"]] {
        assert_refused(&workspace.run(command), &["there is no store at 'mmevol-store'", "mmevol import PATH"]);
    }
    assert!(!workspace.store().exists());
}

/// A failed first import once removed a directory that the user had made for the store.
#[test]
fn a_failed_import_removes_what_it_made_and_nothing_else() {
    let workspace = workspace();
    workspace.write("seeds.json", json!([good("first"), with_image("none.jpg")]).to_string());
    fs::create_dir_all(workspace.path("mine")).unwrap();
    for store in ["mine", "mine/new/store", "new/store"] {
        assert_refused(&workspace.run(&["--store", store, "import", "seeds.json"]), &["record 2"]);
        assert_eq!(fs::read_dir(workspace.path("mine")).unwrap().count(), 0, "{store}");
    }
    assert!(!workspace.path("new").exists());
}

#[test]
fn a_store_of_a_newer_version() {
    let workspace = Workspace::with_photos();
    let path = workspace.store().join("catalog.json");
    let mut catalog: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    catalog["format_version"] = json!(999);
    catalog["tables"] = json!("a form that this version does not know");
    fs::write(&path, catalog.to_string()).unwrap();
    for command in [&["status"][..], &["import", &bundled_seeds()], &["evolve"]] {
        assert_refused(&workspace.run(command), &["has format version 999; this mmevol reads up to version 2", "newer mmevol"]);
    }
}

#[test]
fn a_place_that_cannot_be_written() {
    let workspace = workspace();
    // A file system that is read-only for everybody, the superuser included.
    if cfg!(target_os = "linux") {
        let run = workspace.run(&["--store", "/proc/mmevol-store", "import", &bundled_seeds()]);
        assert_refused(&run, &["'/proc/mmevol-store' cannot be written", "permissions"]);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        let workspace = Workspace::with_photos();
        fs::set_permissions(workspace.store(), fs::Permissions::from_mode(0o555)).unwrap();
        fs::set_permissions(workspace.store().join("write.lock"), fs::Permissions::from_mode(0o444)).unwrap();
        let superuser = fs::write(workspace.store().join("probe"), "").is_ok();
        if superuser {
            println!("skipped: permissions do not bind the superuser");
        } else {
            assert_refused(&workspace.run(&["import", &bundled_seeds()]), &["cannot be written"]);
            workspace.run(&["status"]).expect_code(0);
        }
        fs::set_permissions(workspace.store(), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
async fn in_use_by_another_writer() {
    let workspace = Workspace::with_photos();
    let store = mmevol::Store::open(workspace.store()).await.unwrap();
    let writer = store.writer("test", json!({})).await.unwrap();
    let in_use = ["is in use by another writer (process", "what only reads works meanwhile"];
    for command in [&["import", &bundled_seeds()][..], &["evolve"], &["sql", "INSERT INTO prompts SELECT * FROM prompts"]] {
        assert_refused(&workspace.run(command), &in_use);
    }
    for command in [&["status"][..], &["sql", "SELECT * FROM samples"], &["check"], &["lineage", "coins"]] {
        workspace.run(command).expect_code(0);
    }
    drop(writer);
    workspace.run(&["evolve", "--rounds", "1"]).expect_code(0);
}

/// A second command once removed the tables that the first one was about to publish.
#[tokio::test]
async fn a_new_store_in_use_stays_whole() {
    let test = TestStore::empty().await;
    let writer = test.store.writer("test", json!({})).await.unwrap();
    let other = mmevol::Store::create(test.store.root()).await.unwrap();
    let refused = mmevol::Import::new(bundled_seeds()).run(&other).await.unwrap_err();
    assert!(matches!(refused, mmevol::Error::StoreInUse { .. }), "{refused}");
    writer.publish(json!({})).await.unwrap();
    test.import(Path::new(&bundled_seeds())).await;
    test.assert_sound().await;
}
