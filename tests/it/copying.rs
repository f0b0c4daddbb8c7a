//! COPY TO a file: the old one or the whole new one.

use std::fs;

use crate::command::Workspace;

/// The names in the workspace's folder.
fn names(workspace: &Workspace) -> Vec<String> {
    let entries = fs::read_dir(workspace.path(".")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn that_fails_leaves_what_was_there() {
    for name in ["rows.parquet", "rows.csv", "rows.json"] {
        let workspace = Workspace::new();
        let copy = |query: &str| workspace.run(&["sql", &format!("COPY ({query}) TO '{name}'")]);
        copy("SELECT 1 / (value - 15) AS n FROM generate_series(1, 20)").expect_code(1).expect_stderr(&["Divide by zero"]);
        assert_eq!(names(&workspace), Vec::<String>::new(), "{name}");
        copy("SELECT value AS n FROM generate_series(1, 20)").expect_code(0);
        let before = fs::read(workspace.path(name)).unwrap();
        copy("SELECT 1 / (value - 15) AS n FROM generate_series(1, 20)").expect_code(1);
        assert_eq!(names(&workspace), [name]);
        assert!(fs::read(workspace.path(name)).unwrap() == before, "{name}");
        copy("SELECT value AS n FROM generate_series(1, 30)").expect_code(0);
        let count = workspace.run(&["sql", &format!("SELECT count(*) AS n FROM '{name}'"), "--output", "csv"]);
        assert_eq!(count.expect_code(0).stdout, "n\n30\n", "{name}");
    }
}

#[test]
fn that_the_format_cannot_hold_makes_no_file() {
    let workspace = Workspace::new();
    for (column, said) in [
        ("[1, 2] AS v", "write .parquet or .jsonl, or make it a text: array_to_string(v, ' ')"),
        ("named_struct('a', [1], 'b', 2) AS v", "write .parquet or .jsonl, or take a field of it: v['b']"),
        ("MAP {'a': 1} AS v", "write .parquet or .jsonl, or take a value of it: v['key']"),
    ] {
        for file in ["rows.csv", "rows.tsv"] {
            let run = workspace.run(&["sql", &format!("COPY (SELECT 1 AS n, {column}) TO '{file}'")]).expect_code(1);
            run.expect_stderr(&["column 'v' is ", ", which a CSV file has no place for", said]);
        }
    }
    assert_eq!(names(&workspace), Vec::<String>::new());
}

#[test]
fn is_made_where_the_statement_names_it() {
    let workspace = Workspace::new();
    for name in ["new/folder/rows.csv", "rows.of.csv", "ROWS.CSV", "rows#1.csv"] {
        workspace.run(&["sql", &format!("COPY (SELECT 1 AS n) TO '{name}'")]).expect_code(0);
        assert_eq!(fs::read_to_string(workspace.path(name)).unwrap(), "n\n1\n", "{name}");
    }
    workspace.run(&["sql", "EXPLAIN COPY (SELECT 1 AS n) TO 'explained.csv'"]).expect_code(0);
    workspace.run(&["sql", "EXPLAIN ANALYZE COPY (SELECT 1 AS n) TO 'analyzed.csv'"]).expect_code(0);
    workspace.run(&["sql", "COPY (SELECT 1 AS n) TO 'folder' STORED AS CSV"]).expect_code(0);
    assert_eq!(names(&workspace), ["ROWS.CSV", "analyzed.csv", "folder", "new", "rows#1.csv", "rows.of.csv"]);
    let refused = workspace.run(&["sql", "COPY (SELECT 1 AS n) TO 'rows.of.csv/rows.csv'"]).expect_code(1);
    refused.expect_stderr(&["error: failed to write '", "rows.of.csv/rows.csv'", "hint: see that its folder"]);
}

/// Whatever FROM reads.
#[test]
fn knows_the_formats_of_lines() {
    let workspace = Workspace::new();
    for (name, written) in [
        ("rows.jsonl", "{\"n\":1,\"t\":\"x y\"}\n"),
        ("rows.NDJSON", "{\"n\":1,\"t\":\"x y\"}\n"),
        ("rows.json", "{\"n\":1,\"t\":\"x y\"}\n"),
        ("rows.tsv", "n\tt\n1\tx y\n"),
    ] {
        workspace.run(&["sql", &format!("COPY (SELECT 1 AS n, 'x y' AS t) TO '{name}'")]).expect_code(0);
        assert_eq!(fs::read_to_string(workspace.path(name)).unwrap(), written, "{name}");
        let read = workspace.run(&["sql", &format!("SELECT * FROM '{name}'"), "--output", "csv"]).expect_code(0);
        assert_eq!(read.stdout, "n,t\n1,x y\n", "{name}");
    }
    workspace.run(&["sql", "COPY (SELECT 1 AS n, 2 AS m) TO 'rows.tsv' OPTIONS ('format.delimiter' ';')"]).expect_code(0);
    assert_eq!(fs::read_to_string(workspace.path("rows.tsv")).unwrap(), "n;m\n1;2\n");
}

#[test]
#[cfg(target_os = "linux")]
fn into_a_folder_that_takes_no_files_is_refused() {
    let run = Workspace::new().run(&["sql", "COPY (SELECT 1 AS n) TO '/proc/rows.csv'"]);
    run.expect_code(1).expect_stderr(&["failed to write '/proc/rows.csv'"]);
}

/// A file may be made of itself.
#[test]
fn may_read_what_it_replaces() {
    let workspace = Workspace::new();
    workspace.write("rows.csv", "n\n1\n2\n");
    workspace.run(&["sql", "COPY (SELECT n + 1 AS n FROM 'rows.csv' ORDER BY n) TO 'rows.csv'"]).expect_code(0);
    assert_eq!(fs::read_to_string(workspace.path("rows.csv")).unwrap(), "n\n2\n3\n");
}
