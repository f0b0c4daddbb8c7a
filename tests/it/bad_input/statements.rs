//! Bad SQL, as a statement and in flags.

use super::*;

#[test]
fn name_the_place_and_what_was_meant() {
    let workspace = Workspace::with_photos();
    for (statement, fragments) in [
        ("SELEC 1", &["does not parse", "SELEC"][..]),
        ("SELECT 1 +", &["does not parse"]),
        ("SELECT *\nFROM sampels", &["no table is called 'sampels'", "line 2, column 6", "did you mean 'samples'"]),
        ("SELECT captoin FROM samples", &["no column is called 'captoin'", "line 1, column 8", "did you mean 'caption'"]),
        ("SELECT s.captoin FROM samples s", &["no column is called 'captoin'", "did you mean 'caption'"]),
        (
            "SELECT parse_instruction('x')",
            &["no function is called 'parse_instruction'", "line 1, column 8", "did you mean 'parse_instructions'"],
        ),
        ("SELECT parse_instructions(1)", &["parse_instructions", "argument 1", "must be text"]),
        ("SELECT parse_instructions()", &["parse_instructions", "got 0 arguments"]),
        ("SELECT * FROM 'none.jsonl'", &["none.jsonl", "there is no such file"]),
        ("SELECT CAST(caption AS INT) FROM samples", &["Cannot cast"]),
    ] {
        assert_refused(&workspace.run(&["sql", statement]), fragments);
    }
}

#[test]
fn in_flags_too() {
    let workspace = Workspace::with_photos();
    let catalog = fs::read(workspace.store().join("catalog.json")).unwrap();
    let near = ["no column is called 'sorce'", "did you mean 'source'"];
    assert_refused(&workspace.run(&["evolve", "--where", "sorce = 'demo'"]), &["--where", near[0], near[1]]);
    assert_refused(&workspace.run(&["evolve", "--dry-run", "--where", "sorce = 'demo'"]), &["--where", near[0]]);
    assert_refused(&workspace.run(&["export", "-o", "a.json", "--format", "llava", "--where", "sorce = 'demo'"]), &near);
    assert_refused(&workspace.run(&["evolve", "--where", "source = 'demo'; DROP TABLE samples"]), &["--where"]);
    assert_refused(&workspace.run(&["evolve", "--operators", "interactoin=1"]), &["did you mean 'interaction'?"]);
    assert_refused(&workspace.run(&["export", "-o", "a.json", "--format", "lava"]), &["Did you mean 'llava'?"]);
    assert_refused(
        &workspace.run(&["export", "-o", "a.json", "--format", "llava", "--rounds", "last"]),
        &["expected current, all or a number"],
    );
    assert!(!workspace.path("a.json").exists() && !workspace.path("a.json.manifest.json").exists());
    assert_eq!(fs::read(workspace.store().join("catalog.json")).unwrap(), catalog);
}
