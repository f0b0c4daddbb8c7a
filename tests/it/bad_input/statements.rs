//! Bad SQL, as a statement and in flags.

use super::*;

#[test]
fn name_the_place_and_what_was_meant() {
    let workspace = Workspace::with_photos();
    for (statement, fragments) in [
        ("SELEC 1", &["does not parse", "SELEC", "(line 1, column 1)"][..]),
        ("SELECT 1 +", &["does not parse", "found the end (line 1, column 11)"]),
        ("SELECT 'a", &["does not parse: Unterminated string literal (line 1, column 8)"]),
        ("SELECT *\nFROM sampels", &["no table is called 'sampels'", "line 2, column 6", "did you mean 'samples'"]),
        ("SELECT captoin FROM samples", &["no column is called 'captoin'", "line 1, column 8", "did you mean 'caption'"]),
        ("SELECT s.captoin FROM samples s", &["no column is called 'captoin'", "did you mean 'caption'"]),
        ("SELECT sample.caption FROM samples", &["no column is called 'sample.caption'", "did you mean 'samples.caption'"]),
        ("SELECT 1; SELECT *\nFROM sampels", &["no table is called 'sampels' (line 2, column 6)"]),
        ("SELECT * FROM other.samples", &["no table is called 'other.samples'"]),
        (
            "SELECT parse_instruction('x')",
            &["no function is called 'parse_instruction'", "line 1, column 8", "did you mean 'parse_instructions'"],
        ),
        ("SELECT parse_instructions(1)", &["parse_instructions", "argument 1", "must be text"]),
        ("SELECT parse_instructions()", &["parse_instructions", "got 0 arguments"]),
        ("SELECT * FROM 'none.jsonl'", &["none.jsonl", "there is no such file"]),
        ("SELECT CAST(caption AS INT) FROM samples", &["error: Cannot cast"]),
        ("SELECT sum(caption) FROM samples", &["function 'sum' does not take String"]),
        ("SELECT array_length(caption) FROM samples", &["takes these arguments: array_length(Utf8)"]),
        ("DELETE FROM samples", &["a store only adds rows"]),
    ] {
        let run = workspace.run(&["sql", statement]);
        // Of two statements, the first one has printed its rows.
        assert_refused(&Run { stdout: if statement.starts_with("SELECT 1;") { String::new() } else { run.stdout }, ..run }, fragments);
    }
}

/// The engine answered with a part of its plan.
#[test]
fn name_the_place_that_a_subquery_cannot_have() {
    let workspace = Workspace::with_photos();
    let cause = "can only be conditions of WHERE, HAVING or ON";
    for statement in [
        "SELECT count(*) FILTER (WHERE sample_id IN (SELECT sample_id FROM samples)) FROM instructions",
        "SELECT count(*) FILTER (WHERE EXISTS (SELECT 1 FROM samples s WHERE s.sample_id = i.sample_id)) FROM instructions i",
        "SELECT sum(CASE WHEN sample_id IN (SELECT sample_id FROM samples) THEN 1 END) FROM instructions",
        "SELECT sample_id IN (SELECT sample_id FROM samples) FROM instructions",
        "SELECT sample_id FROM instructions ORDER BY sample_id IN (SELECT sample_id FROM samples)",
    ] {
        assert_refused(&workspace.run(&["sql", statement]), &[cause, "hint: join with the subquery"]);
    }
    let correlated =
        "SELECT count(*) FILTER (WHERE 3 > (SELECT count(*) FROM samples s WHERE s.sample_id = i.sample_id)) FROM instructions i";
    assert_refused(&workspace.run(&["sql", correlated]), &["names columns of the query around it", "hint: join with the subquery"]);
    assert_refused(&workspace.run(&["sql", "SELECT max(count(*)) FROM samples"]), &["cannot stand inside another one", "in a subquery"]);

    let hinted = "WITH b AS (SELECT DISTINCT sample_id FROM samples WHERE source_id = 'coins') \
                  SELECT count(*) FILTER (WHERE b.sample_id IS NOT NULL) AS n FROM instructions a LEFT JOIN b ON b.sample_id = a.sample_id";
    let allowed = "SELECT count(*) AS n FROM instructions WHERE sample_id IN (SELECT sample_id FROM samples WHERE source_id = 'coins')";
    let count = |sql: &str| workspace.run(&["sql", sql, "--output", "csv"]).expect_code(0).stdout;
    assert_eq!(count(hinted), count(allowed));
}

/// Of a file, the position is the one in the file, and the only one.
#[test]
fn name_the_place_in_a_file() {
    let workspace = Workspace::with_photos();
    workspace.write("wrong.sql", "-- first\nSELECT count(*)\nFROM samples; SELECT 1 AS one,\n  captoin\nFROM samples;\n");
    let run = workspace.run(&["sql", "-f", "wrong.sql", "--output", "csv"]);
    let named = "error: 'wrong.sql', line 4, column 3: no column is called 'captoin'\nhint: did you mean 'caption'?\n";
    assert_eq!((run.code, run.stderr.as_str()), (1, named), "{run}");
    let text = fs::read_to_string(workspace.path("wrong.sql")).unwrap();
    let run = workspace.run_with_input(&["sql"], &text);
    assert!(run.stderr.contains("error: standard input, line 4, column 3 (SELECT 1 AS one,): no column is called 'captoin'\n"), "{run}");
    workspace.write("end.sql", "SELECT 1;\nSELECT (2");
    assert!(workspace.run(&["sql", "-f", "end.sql"]).stderr.contains("'end.sql', line 2, column 10: the statement does not parse"));
    workspace.write("zero.sql", "SELECT 1;\nSELECT 1 / 0");
    assert!(workspace.run(&["sql", "-f", "zero.sql"]).stderr.contains("'zero.sql', statement at line 2: Divide by zero"));
}

#[test]
fn name_the_record_of_a_json_file() {
    let workspace = workspace();
    let refused = |name: &str, content: &str, fragments: &[&str]| {
        workspace.write(name, content);
        assert_refused(&workspace.run(&["sql", &format!("SELECT * FROM '{name}'")]), &[&[name][..], fragments].concat());
    };
    let many = "{\"a\": 1}\n".repeat(1500);
    refused("cut.jsonl", &format!("{many}{{\"a\": 2"), &["record 1501", "the text ends inside an object"]);
    refused("cut.json", "[{\"a\": 1}, {\"a\": 2", &["record 2", "the text ends inside an object"]);
    refused("range.jsonl", "{\"a\": 1}\n{\"a\": 1e999}\n", &["record 2", "a number is out of range"]);
    refused("number.json", "[{\"a\": 1}, 2]", &["record 2: it is no object"]);
}

/// What the first thousand records do not show: columns that are empty there, or missing.
#[test]
fn are_none_over_a_file_whose_records_differ() {
    let workspace = workspace();
    let many = "{\"a\": null, \"b\": []}\n".repeat(1500);
    workspace.write("late.jsonl", format!("{many}{{\"a\": \"v\", \"b\": [\"w\"], \"c\": 1}}\n"));
    let run = workspace.run(&["sql", "SELECT a, b[1] AS b, c FROM 'late.jsonl' WHERE a IS NOT NULL", "--output", "csv"]);
    assert_eq!(run.expect_code(0).stdout, "a,b,c\nv,w,1\n");
}

#[test]
fn in_flags_too() {
    let workspace = Workspace::with_photos();
    let catalog = fs::read(workspace.store().join("catalog.json")).unwrap();
    let near = ["no column is called 'sorce'", "did you mean 'source'"];
    assert_refused(&workspace.run(&["evolve", "--where", "sorce = 'demo'"]), &["--where", near[0], near[1]]);
    assert_refused(&workspace.run(&["evolve", "--dry-run", "--where", "sorce = 'demo'"]), &["--where", near[0]]);
    let export = |predicate: &str| workspace.run(&["export", "-o", "a.json", "--format", "llava", "--where", predicate]);
    assert_refused(&export("sorce = 'demo'"), &["--where", near[0], near[1], "(line 1, column 1)"]);
    assert_refused(&export("source = "), &["--where: the statement does not parse", "found the end (line 1, column 10)"]);
    assert_refused(&export("round > 'x'"), &["--where: Cannot cast string 'x'"]);
    assert_refused(&export("true UNION SELECT 2"), &["--where", "found: UNION (line 1, column 6)"]);
    assert_refused(&export("true ORDER BY round"), &["--where", "found: ORDER (line 1, column 6)"]);
    assert_refused(&export("round = 0 AS seed"), &["--where", "found: AS seed (line 1, column 14)"]);
    assert_refused(&export("caption"), &["--where: a condition must be true or false, and history.caption is Utf8", "as in round = 1"]);
    assert_refused(&workspace.run(&["import", "a.json", "--source", ""]), &["--source"]);
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
