//! Statements that come through standard input, and standard output that goes to a file or cannot be written.

#[cfg(target_os = "linux")]
use std::fs::{self, File};

use crate::command::Workspace;

/// However a statement comes in, its failure has one exit code.
#[test]
fn a_damaged_store_ends_every_kind_of_statement_alike() {
    let workspace = Workspace::with_photos();
    for file in std::fs::read_dir(workspace.store().join("samples.lance/data")).unwrap() {
        std::fs::File::options().write(true).open(file.unwrap().path()).unwrap().set_len(100).unwrap();
    }
    let query = "SELECT caption FROM samples";
    workspace.write("query.sql", query);
    let runs = [workspace.run(&["sql", query]), workspace.run(&["sql", "-f", "query.sql"]), workspace.run_with_input(&["sql"], query)];
    for run in runs {
        run.expect_code(2).expect_stderr(&["has 100 bytes instead of", "hint: find out what is damaged with 'mmevol check'"]);
    }
    let wrong = workspace.run_with_input(&["sql"], "SELECT nothing;").expect_code(1);
    wrong.expect_stderr(&["error: standard input, line 1, column 8 (SELECT nothing): no column is called 'nothing'"]);
}

/// Some commands once panicked, and one exit code depended on how a statement came in.
#[cfg(target_os = "linux")]
#[test]
fn standard_output_that_cannot_be_written_is_said() {
    let workspace = Workspace::with_photos();
    workspace.run(&["evolve", "--rounds", "1", "--model", "rules"]).expect_code(0);
    workspace.write("query.sql", "SELECT 1");
    for command in [
        &["sql", "SELECT 1"][..],
        &["sql", "-f", "query.sql"],
        &["sql"],
        &["lineage", "coins"],
        &["lineage", "coins", "--output", "json"],
        &["diff", "run-1", "now"],
        &["restore", "run-1", "--dry-run"],
        &["status"],
        &["stats", "--section", "items"],
        &["report", "-o", "-"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let run = workspace.run_into(full, command, "SELECT 1;").expect_code(2);
        let run = run.expect_stderr(&["error: ", "failed to write ", "No space left on device", "hint: free space on that disk"]);
        assert!(!run.stderr.contains("panicked"), "{run}");
    }
}

/// The file that a shell had opened for it was once replaced, and images were put into `/dev`.
#[cfg(target_os = "linux")]
#[test]
fn a_name_for_standard_output_is_no_file_to_replace() {
    let workspace = Workspace::with_photos();
    let (name, refusal) = ("/proc/self/fd/1", "it stands for what a process has open; name a file");
    let output = format!(".output {name}\n");
    for (command, input) in
        [(&["export", "-o", name, "--format", "llava"][..], ""), (&["report", "-o", name], ""), (&["sql"], output.as_str())]
    {
        let path = workspace.path("out");
        let run = workspace.run_into(File::create(&path).unwrap(), command, input).expect_code(1);
        run.expect_stderr(&["failed to write ", refusal]);
        assert_eq!(fs::read(&path).unwrap(), b"");
    }
}

/// An export is more than one file, but a page is whole in itself.
#[test]
fn a_report_goes_to_standard_output_on_request() {
    let workspace = Workspace::with_photos();
    let page = workspace.run(&["report", "-o", "-", "--title", "Seven photos"]).expect_code(0);
    assert!(page.stdout.trim_end().ends_with("</html>") && page.stdout.contains("<h1>Seven photos</h1>"), "{page}");
    assert_eq!((page.stderr.as_str(), workspace.path("-").exists()), ("", false));
}

/// Windows editors write one, wherever the file's text then goes.
#[test]
fn a_byte_order_mark_begins_no_statement() {
    let workspace = Workspace::new();
    let text = "\u{feff}SELECT 1 AS n;\n";
    workspace.write("query.sql", text);
    let read = ["sql", "--output", "csv"];
    let runs = [
        workspace.run(&[&read[..], &["-f", "query.sql"]].concat()),
        workspace.run(&[&read[..], &[text]].concat()),
        workspace.run_with_input(&read, text),
        workspace.run_with_input(&read, ".read query.sql\n"),
    ];
    for run in runs {
        assert_eq!(run.expect_code(0).stdout, "n\n1\n");
    }
    let wrong = workspace.run_with_input(&["sql"], "\u{feff}SELECT nothing;").expect_code(1);
    wrong.expect_stderr(&["line 1, column 8"]);
}

/// A program that talks to the shell gets each answer before it asks again, whatever stands behind the statement.
#[test]
fn a_statement_may_share_its_lines() {
    let workspace = Workspace::new();
    let input = "SELECT 'a;\nit''s;' AS a; SELECT\n2 AS b; -- both; done\n/* none;\n */ .mode csv\nSELECT $x$;\n$x$ AS c;\n";
    let run = workspace.run_with_input(&["sql", "--output", "jsonl"], input).expect_code(0);
    assert_eq!(run.stdout, "{\"a\":\"a;\\nit's;\"}\n{\"b\":2}\nc\n\";\n\"\n");
}
