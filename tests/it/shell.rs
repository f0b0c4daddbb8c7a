//! What statements and commands of the shell leave behind: on standard output, and in the file of `.output`.

use std::fs;

use serde_json::Value;

use crate::command::Workspace;

/// Two arrays are no JSON, and statements such as SET have nothing to say.
#[test]
fn what_has_no_result_adds_no_array() {
    let workspace = Workspace::new();
    let set = "SET datafusion.execution.batch_size = 100;";
    let shown = "[{\"name\":\"datafusion.execution.batch_size\",\"value\":\"100\"}]\n";
    let statements = format!("{set} SHOW datafusion.execution.batch_size; {set}");
    assert_eq!(workspace.run(&["sql", "--output", "json", &statements]).expect_code(0).stdout, shown);
    assert_eq!(workspace.run_with_input(&["sql", "--output", "json"], &statements).expect_code(0).stdout, shown);
    // What reads JSON gets some all the same.
    assert_eq!(workspace.run(&["sql", "--output", "json", &set.repeat(2)]).expect_code(0).stdout, "[]\n");
}

/// They are the shell's, and so is a script that begins with them.
#[test]
fn commands_with_a_dot_are_no_statements() {
    let workspace = Workspace::new();
    let hint = "hint: commands with a dot are the shell's, which reads a script of them: mmevol sql < FILE\n";
    workspace.write("script.sql", ".mode csv\nSELECT 1 AS n;\n");
    workspace.run(&["sql", "-f", "script.sql"]).expect_code(1).expect_stderr(&["'script.sql', line 1, column 1: ", hint]);
    workspace.run(&["sql", "SELECT 1; .tables"]).expect_code(1).expect_stderr(&["(line 1, column 11)", hint]);
    let parsed = workspace.run(&["sql", "SELECT 2 +"]).expect_code(1);
    assert!(!parsed.stderr.contains("shell"), "{parsed}");
    let script = fs::read_to_string(workspace.path("script.sql")).unwrap();
    assert_eq!(workspace.run_with_input(&["sql"], &script).expect_code(0).stdout, "n\n1\n");
}

/// It read what it had written so far, over and over; and a file that only had the name of an unfinished one was emptied.
#[test]
fn a_statement_reads_the_file_of_its_output_as_it_was() {
    let workspace = Workspace::new();
    workspace.write("own.jsonl.partial", "of somebody else");
    let input = ".mode jsonl\n.output own.jsonl\nSELECT value AS n FROM generate_series(1, 3);\nSELECT n FROM 'own.jsonl';\n";
    workspace.run_with_input(&["sql"], input).expect_code(0);
    let written = fs::read_to_string(workspace.path("own.jsonl")).unwrap();
    assert_eq!(written, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n".repeat(2));
    assert_eq!(fs::read_to_string(workspace.path("own.jsonl.partial")).unwrap(), "of somebody else");
}

#[test]
fn views_of_ones_own_are_views() {
    let workspace = Workspace::with_photos();
    let input = "CREATE VIEW mine AS SELECT source_id FROM samples;\nCREATE TABLE own_rows AS SELECT 1 AS n;\n.tables\n.schema mine\n";
    let run = workspace.run_with_input(&["sql"], input).expect_code(0);
    for expected in ["\ncurrent  (view)\n", "\nmine  (view)\n", "\nown_rows\n", "\nsamples\n", "VIEW mine (\n"] {
        assert!(run.stdout.contains(expected), "{expected}{run}");
    }
}

/// Types came from the first thousand records, and from shapes of dates alone.
#[test]
fn later_values_of_a_csv_file_are_read() {
    let workspace = Workspace::new();
    let numbers: String = (1..=1500).map(|number| format!("{number}\n")).collect();
    for (last, expected) in [("7", "Int64"), ("0.5", "Float64"), ("abc", "Utf8")] {
        workspace.write("late.csv", format!("n\n{numbers}{last}\n"));
        let run = workspace.run(&["sql", "SELECT arrow_typeof(max(n)) AS type, count(n) AS n FROM 'late.csv'", "--output", "csv"]);
        assert_eq!(run.expect_code(0).stdout, format!("type,n\n{expected},1501\n"));
    }
}

#[test]
fn what_commands_say_is_json_on_request() {
    let workspace = Workspace::with_photos();
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&workspace.run(arguments).expect_code(0).stdout).unwrap() };
    let plan = json(&["restore", "before-run-1", "--dry-run", "--output", "json"]);
    assert_eq!(plan[0]["tag"], "before-run-1");
    assert!(plan[0]["tables"].as_array().unwrap().iter().any(|table| table["table"] == "samples" && table["rows_then"] == 0), "{plan}");
    let prompts = json(&["prompts", "list", "--output", "json"]);
    let score = prompts.as_array().unwrap().iter().find(|prompt| prompt["name"] == "score").expect("the judge's prompt");
    assert_eq!(score["prompt_id"].as_str().map(str::len), Some(32));
    // A page is none.
    let refused = workspace.run(&["report", "--output", "json"]).expect_code(1);
    refused.expect_stderr(&["--output: it is the file to write", "'json' is a format", "hint: print the figures: mmevol stats --output"]);
    assert!(!workspace.path("json").exists());
}

#[test]
fn a_number_is_no_state_of_the_store() {
    let workspace = Workspace::with_photos();
    workspace.run(&["diff", "1"]).expect_code(1).expect_stderr(&["no state of the store is called '1'", "hint: after run 1: run-1; "]);
}
