//! The commands as a user meets them: exit code, standard output, standard error.

use std::fs;

use mmevol::prompt::PromptLibrary;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::command::{Workspace, bundled_seeds};
use crate::endpoint::Endpoint;

/// A workspace whose photos went through two rounds of a model that never changes its answers.
fn evolved() -> (Workspace, Endpoint) {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    let url = endpoint.base_url();
    workspace.run(&["evolve", "--rounds", "2", "--model", "test-model", "--base-url", &url]).expect_code(0);
    (workspace, endpoint)
}

mod help {
    use super::*;

    fn snapshot(name: &str, arguments: &[&str]) {
        let workspace = Workspace::new();
        workspace.assert_snapshot(name, &workspace.run(arguments));
    }

    #[test]
    fn of_the_program() {
        snapshot("help", &["--help"]);
    }

    #[test]
    fn of_every_command() {
        for command in
            ["demo", "import", "evolve", "status", "sql", "lineage", "export", "prompts", "check", "dedup", "stats", "report", "audit"]
        {
            snapshot(&format!("help_{command}"), &[command, "--help"]);
        }
    }

    #[test]
    fn a_wrong_flag_is_the_users_to_fix() {
        snapshot("wrong_flag", &["import", "--fromat", "llava", "seeds.json"]);
        snapshot("no_command", &[]);
    }
}

#[test]
fn demo_shows_the_whole_loop() {
    let workspace = Workspace::new();
    let run = workspace.run(&["demo"]).expect_code(0);
    for heading in ["round  samples  generated  kept  eliminated  unjudged  failed", "yes_rate", "question"] {
        assert!(run.stdout.contains(heading), "{heading}\n{run}");
    }
    let run = run.expect_stderr(&["imported 7 of 7 records: 15 instructions, 7 images", "rule-based", "lineage astronaut", "export -o"]);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{run}");
    workspace.run(&["lineage", "astronaut"]).expect_code(0);
    workspace.run(&["demo"]).expect_code(0).expect_stderr(&["nothing was due", "7 records were in the store already"]);
}

/// Its rounds take up whatever the store holds.
#[test]
fn a_demo_leaves_other_samples_alone() {
    let workspace = Workspace::new();
    workspace.run(&["import", &bundled_seeds(), "--source", "mine"]).expect_code(0);
    workspace.run(&["demo"]).expect_code(1).expect_stderr(&["other samples than the demo's", "--store demo demo"]);
    let run = workspace.run(&["sql", "SELECT count(*) AS n FROM evolutions", "--output", "csv"]).expect_code(0);
    assert_eq!(run.stdout, "n\n0\n");
}

/// What would be asked can be known before there is a key.
#[test]
fn a_dry_run_needs_no_key() {
    let workspace = Workspace::with_photos();
    let flags = ["evolve", "--model", "gpt-4o-mini", "--rounds", "1"];
    workspace.run(&[&flags[..], &["--dry-run"]].concat()).expect_code(0);
    workspace.run(&flags).expect_code(1).expect_stderr(&["wants a key"]);
}

#[test]
fn importing_twice_adds_nothing() {
    let workspace = Workspace::new();
    workspace.assert_snapshot("import", &workspace.run(&["import", &bundled_seeds()]));
    let catalog = fs::read(workspace.store().join("catalog.json")).unwrap();
    workspace.assert_snapshot("import_again", &workspace.run(&["import", &bundled_seeds()]));
    assert_eq!(fs::read(workspace.store().join("catalog.json")).unwrap(), catalog);
    workspace.assert_snapshot("import_json", &workspace.run(&["import", &bundled_seeds(), "--source", "again", "--output", "json"]));
}

#[test]
fn evolve_says_what_it_does() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    let url = endpoint.base_url();
    let flags = ["evolve", "--rounds", "1", "--model", "test-model", "--base-url", &url];
    let plan = workspace.run(&[&flags[..], &["--dry-run"]].concat()).expect_code(0);
    assert_eq!(endpoint.requests(), 0, "a dry run asks nothing");
    for statement in ["frontier", "evolve", "answers", "items", "score", "eliminate", "evolutions"] {
        assert!(plan.stdout.contains(&format!("-- sql/round/{statement}.sql")), "{plan}");
    }
    assert!(plan.stdout.contains(" fine_grained_perception  new ") && !plan.stdout.contains('…'), "an operator is cut\n{plan}");
    let plan = workspace.run(&[&flags[..], &["--dry-run", "--output", "json"]].concat()).expect_code(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let asked: u64 = plan[0]["requests"].as_array().unwrap().iter().map(|planned| planned["evolve_requests"].as_u64().unwrap()).sum();
    assert_eq!((plan[0]["requests"][0]["round"].as_u64(), asked), (Some(1), 7));
    assert_eq!(plan[0]["requests"][0]["due"], "new");

    workspace.assert_snapshot("evolve", &workspace.run(&flags));
    workspace.assert_snapshot("evolve_again", &workspace.run(&flags));
    workspace.assert_snapshot("status", &workspace.run(&["status"]));
    workspace.assert_snapshot("status_json", &workspace.run(&["status", "--output", "json"]));
    workspace.assert_snapshot("check", &workspace.run(&["check"]));
}

#[test]
fn evolve_with_the_embedded_model_needs_no_network() {
    let workspace = Workspace::with_photos();
    let run = workspace.run(&["evolve", "--rounds", "1", "--output", "json"]).expect_code(0).expect_stderr(&["rule-based model"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let round = &report[0]["rounds"][0];
    assert_eq!((round["samples"].as_u64(), round["failed"].as_u64()), (Some(7), Some(0)), "{run}");
    assert!(round["kept"].as_u64().unwrap() >= 7, "{run}");
    workspace.run(&["check"]).expect_code(0);
}

/// Hints that were followed to the letter once put its items in the place of paid ones.
#[test]
fn the_embedded_model_replaces_no_other_unless_it_is_named() {
    let (workspace, endpoint) = evolved();
    for command in [
        &["evolve"][..],
        &["evolve", "--stale"],
        &["evolve", "--failed"],
        &["evolve", "--judge-only"],
        &["evolve", "--new"],
        &["evolve", "--where", "round = 1"],
        &["evolve", "--dry-run"],
    ] {
        workspace.run(command).expect_code(1).expect_stderr(&[
            "--model: the evolutions of this store were made by 'test-model', and none is named",
            "name the model: --model test-model; or --model rules",
        ]);
    }
    workspace.run(&["evolve", "--rounds", "2", "--model", "rules"]).expect_code(0).expect_stderr(&["nothing was due"]);

    let url = endpoint.base_url();
    let evolve = |more: &[&str]| {
        let command = ["evolve", "--model", "test-model", "--base-url", &url];
        workspace.run(&[&command[..], more].concat()).expect_code(0)
    };
    // What a plain run leaves alone is told of.
    let original = fs::read_to_string(crate::command::in_package("prompts/score.md")).unwrap();
    workspace.write("own/score.md", original + "\nTake your time.\n");
    evolve(&["--rounds", "2", "--prompts", "own"]).expect_stderr(&["nothing was due", "mmevol status says what there is of it"]);
    evolve(&["--rounds", "1", "--where", "round = 1"]).expect_stderr(&["is left to: mmevol evolve --model test-model --stale"]);
    let status = workspace.run(&["status"]).expect_code(0);
    status.expect_stderr(&["mend what is stale: mmevol evolve --model test-model --stale, with the same flags"]);
}

mod sql {
    use super::*;

    const QUERY: &str = "SELECT source_id, cardinality(objects) AS boxes, CASE WHEN source_id = 'camera' THEN NULL ELSE caption END AS caption \
                         FROM samples ORDER BY source_id LIMIT 3";

    #[test]
    fn in_every_format() {
        let workspace = Workspace::with_photos();
        for format in ["table", "line", "csv", "json", "jsonl", "markdown"] {
            workspace.assert_snapshot(&format!("sql_{format}"), &workspace.run(&["sql", QUERY, "--output", format]));
        }
    }

    #[test]
    fn from_files_and_from_standard_input() {
        let workspace = Workspace::with_photos();
        workspace.write("queries.sql", "-- how many\nSELECT count(*) AS samples FROM samples;\n\nSELECT 'a;b' AS text;\n");
        workspace.assert_snapshot("sql_file", &workspace.run(&["sql", "-f", "queries.sql"]));
        workspace.write("wrong.sql", "SELECT 1;\n\nSELECT nothing FROM samples;\n");
        workspace.assert_snapshot("sql_wrong_file", &workspace.run(&["sql", "-f", "wrong.sql"]));
        let input = "SELECT count(*) AS images FROM images;\n.mode csv\nSELECT 1 AS one,\n  2 AS two;\n.exit\n";
        workspace.assert_snapshot("sql_standard_input", &workspace.run_with_input(&["sql"], input));
        workspace.assert_snapshot("sql_wrong_input", &workspace.run_with_input(&["sql"], "SELECT 1;\nSELECT 2 +;\nSELECT 3;\n"));
    }

    /// As files of SQL do.
    #[test]
    fn that_begins_with_a_comment_is_no_flag() {
        let workspace = Workspace::new();
        for comment in ["-- what = it is", "--\tshort", "------\n--title", "--title"] {
            let query = format!("{comment}\nSELECT 1 AS n");
            let query = query.as_str();
            for arguments in [["sql", query, "--output", "csv"], ["sql", "--output", "csv", query]] {
                assert_eq!(workspace.run(&arguments).expect_code(0).stdout, "n\n1\n", "{query}");
            }
        }
        workspace.run(&["sql", "-- wrong\nSELECT nothing"]).expect_code(1).expect_stderr(&["(line 2, column 8)"]);
        let mistyped = workspace.run(&["sql", "--outptu", "json", "SELECT 1"]).expect_code(1);
        mistyped.expect_stderr(&["unexpected argument '--outptu' found", "'--output'"]);
        workspace.run(&["sql", "--outptu=a b", "SELECT 1"]).expect_code(1).expect_stderr(&["unexpected argument '--outptu' found"]);
    }

    #[test]
    fn reads_files_as_tables_without_a_store() {
        let workspace = Workspace::new();
        workspace.write("rows.jsonl", "{\"name\": \"a\", \"size\": 1}\n{\"name\": \"b\", \"size\": 2}\n");
        workspace.write("rows.json", "[{\"name\": \"c\"}]");
        workspace.write("rows.csv", "name,size\nd,4\n");
        let query =
            "SELECT name FROM 'rows.jsonl' UNION ALL SELECT name FROM 'rows.json' UNION ALL SELECT name FROM 'rows.csv' ORDER BY name";
        workspace.assert_snapshot("sql_files", &workspace.run(&["sql", query, "--output", "csv"]));
        workspace.assert_snapshot("sql_no_store", &workspace.run(&["sql", "SELECT * FROM samples"]));
        assert!(!workspace.store().exists());
    }

    /// Spreadsheets and Windows editors write one.
    #[test]
    fn reads_files_with_a_byte_order_mark() {
        let workspace = Workspace::new();
        for (name, content) in [
            ("lines.jsonl", "{\"name\": \"a\"}\n{\"name\": \"b\"}\n"),
            ("lines.json", "{\"name\": \"a\"}\n{\"name\": \"b\"}\n"),
            ("list.json", "[{\"name\": \"a\"},\n{\"name\": \"b\"}]"),
            ("rows.csv", "name\na\nb\n"),
            ("rows.tsv", "name\tsize\na\t1\nb\t2\n"),
        ] {
            workspace.write(name, format!("\u{feff}{content}"));
            let run = workspace.run(&["sql", &format!("SELECT name FROM '{name}' ORDER BY name"), "--output", "csv"]).expect_code(0);
            assert_eq!(run.stdout, "name\na\nb\n", "{name}");
        }
    }

    /// Line breaks inside quotes end no record, wherever a large file is cut.
    #[test]
    fn reads_large_csv_files_with_line_breaks_in_values() {
        let workspace = Workspace::new();
        let rows = "SELECT value AS id, repeat(concat('a \"line\", and', chr(10)), 20) AS text, CASE WHEN value > 1500 THEN 'late' END AS note \
                    FROM generate_series(1, 2000)";
        let written = workspace.run(&["sql", rows, "--output", "csv"]).expect_code(0).stdout;
        assert!(written.len() > 500_000);
        workspace.write("own.csv", written);
        let query = "SET datafusion.execution.target_partitions = 4; SET datafusion.optimizer.repartition_file_min_size = 1; \
                     SELECT count(*) AS n, sum(id) AS ids, min(length(text)) AS least, max(length(text)) AS most, count(note) AS notes FROM 'own.csv'";
        let run = workspace.run(&["sql", query, "--output", "csv"]).expect_code(0);
        assert_eq!(run.stdout.lines().last(), Some("2000,2001000,280,280,500"), "{run}");
    }

    /// A reader of JSON gets none, and not the beginning of some.
    #[test]
    fn a_statement_that_fails_prints_nothing() {
        let workspace = Workspace::new();
        for (statement, format) in
            [("SELECT 1 / (value - value) AS n FROM generate_series(1, 3)", "json"), ("SELECT arrow_cast('a', 'Int64')", "csv")]
        {
            let run = workspace.run(&["sql", statement, "--output", format]).expect_code(1);
            assert_eq!(run.stdout, "", "{run}");
        }
    }

    #[test]
    fn a_json_column_of_text_and_numbers_is_text() {
        let workspace = Workspace::new();
        workspace.write("rows.jsonl", "{\"id\": 1, \"more\": 2}\n{\"id\": \"x\"}\n");
        let run = workspace.run(&["sql", "SELECT id FROM 'rows.jsonl'; SELECT count(*) AS n FROM 'rows.jsonl'", "--output", "csv"]);
        assert_eq!(run.expect_code(0).stdout, "id\n1\nx\nn\n2\n");
    }

    #[test]
    fn adds_rows_as_a_run() {
        let workspace = Workspace::with_photos();
        let insert = "INSERT INTO prompts SELECT stable_id('x') AS prompt_id, 'mine' AS name, 'text' AS template, now() AS created_at";
        workspace.assert_snapshot("sql_insert", &workspace.run(&["sql", insert]));
        workspace.assert_snapshot(
            "sql_inserted",
            &workspace.run(&["sql", "SELECT name FROM prompts; SELECT run_id, command FROM runs ORDER BY run_id", "--output", "csv"]),
        );
        workspace.assert_snapshot("sql_drop", &workspace.run(&["sql", "DROP TABLE samples"]));
    }

    #[test]
    fn model_functions_want_a_model() {
        let workspace = Workspace::with_photos();
        let ask = "SELECT llm_score(NULL, caption, [], [{original: {question: 'Q?', answer: 'A'}, rewritten: {question: 'R?', answer: 'B'}}]) AS verdict FROM samples LIMIT 1";
        workspace.assert_snapshot("sql_without_model", &workspace.run(&["sql", ask]));
        let run = workspace.run(&["sql", ask, "--model", "rules", "--output", "json"]).expect_code(0);
        assert!(run.stdout.contains("improved"), "{run}");
        let calls = workspace.run(&["sql", "SELECT kind, model FROM calls", "--output", "csv"]).expect_code(0);
        assert_eq!(calls.stdout.trim_end().lines().collect::<Vec<_>>(), ["kind,model", "score,rules"]);
    }
}

#[test]
fn lineage_by_source_id_and_by_prefixes() {
    let (workspace, _endpoint) = evolved();
    workspace.assert_snapshot("lineage", &workspace.run(&["lineage", "astronaut"]));
    let query = "SELECT s.sample_id, max(i.instruction_id) AS leaf FROM samples s JOIN instructions i ON s.sample_id = i.sample_id AND i.round = 2 \
                 WHERE s.source_id = 'astronaut' GROUP BY s.sample_id";
    let found = workspace.run(&["sql", query, "--output", "json"]).expect_code(0);
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    let (sample, leaf) = (found[0]["sample_id"].as_str().unwrap(), found[0]["leaf"].as_str().unwrap());
    let whole = workspace.run(&["lineage", "astronaut"]).stdout;
    assert_eq!(workspace.run(&["lineage", sample]).stdout, whole);
    assert_eq!(workspace.run(&["lineage", &sample[..12]]).stdout, whole);
    let line = workspace.run(&["lineage", &leaf[..12], "--output", "json"]).expect_code(0);
    let line: Value = serde_json::from_str(&line.stdout).unwrap();
    let mut depth = 0;
    let mut level = &line[0]["roots"];
    while let Some([node]) = level.as_array().map(Vec::as_slice) {
        assert_eq!(node["round"], depth);
        depth += 1;
        level = &node["children"];
    }
    assert_eq!(depth, 3, "a leaf's line goes from its seed to itself: {line:#}");
    workspace.assert_snapshot("lineage_unknown", &workspace.run(&["lineage", "nobody"]));
    let short = workspace.run(&["lineage", "ast"]).expect_code(1);
    short.expect_stderr(&["error: ID: no sample has the key 'ast'", "hint: give at least 4 characters of it"]);
}

#[test]
fn lineage_of_an_ambiguous_id_lists_what_it_fits() {
    let workspace = Workspace::with_photos();
    workspace.run(&["import", &bundled_seeds(), "--source", "again"]).expect_code(0);
    let ids = workspace.run(&["sql", "SELECT sample_id FROM samples WHERE source_id = 'coins' ORDER BY source", "--output", "csv"]);
    let ids: Vec<&str> = ids.stdout.lines().skip(1).collect();
    for id in ["coins", "coin"] {
        let run = workspace.run(&["lineage", id]).expect_code(1);
        assert_eq!(run.stdout, "", "{run}");
        run.expect_stderr(&[
            &format!("error: ID: '{id}' fits 2 samples or instructions:\n"),
            &format!("  sample {} (source 'again', key 'coins')\n  sample {} (source 'demo', key 'coins')\n", ids[0], ids[1]),
            &format!("hint: choose one by its own id, such as: mmevol lineage {}\n", ids[0]),
        ]);
    }
    workspace.run(&["lineage", ids[1]]).expect_code(0);
}

#[test]
fn exports_open_and_hold_what_is_kept() {
    let (workspace, _endpoint) = evolved();
    let counted = "SELECT count(*) AS items, count(DISTINCT sample_id) AS samples FROM current";
    let counted = workspace.run(&["sql", counted, "--output", "json"]).expect_code(0);
    let counted: Value = serde_json::from_str(&counted.stdout).unwrap();
    let (items, samples) = (counted[0]["items"].as_u64().unwrap() as usize, counted[0]["samples"].as_u64().unwrap() as usize);
    assert_eq!(samples, 7);
    let export = |format: &str| {
        let name = format!("out/{format}");
        let run = workspace.run(&["export", "-o", &name, "--format", format]).expect_code(0);
        assert_eq!(run.stdout, "", "{run}");
        let manifest = if format == "parquet" { "out/_parquet.manifest.json".to_owned() } else { format!("{name}.manifest.json") };
        let manifest: Value = serde_json::from_slice(&fs::read(workspace.path(&manifest)).unwrap()).unwrap();
        assert_eq!(manifest["models"], serde_json::json!(["test-model"]), "{manifest:#}");
        assert!(
            manifest["prompts"].as_array().unwrap().len() >= 2 && manifest["store_versions"]["samples"].as_u64() >= Some(1),
            "{manifest:#}"
        );
        workspace.path(&name)
    };
    fs::create_dir(workspace.path("out")).unwrap();
    let text = |format: &str| fs::read_to_string(export(format)).unwrap();
    let lines = |format: &str| text(format).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();

    let llava: Vec<Value> = serde_json::from_str(&text("llava")).unwrap();
    let turns: usize = llava.iter().map(|record| record["conversations"].as_array().unwrap().len()).sum();
    assert_eq!((llava.len(), turns), (samples, 2 * items));
    for record in &llava {
        assert!(workspace.path("out").join(record["image"].as_str().unwrap()).is_file(), "{record:#}");
        assert!(record["conversations"][0]["value"].as_str().unwrap().contains("<image>"));
    }

    let messages = lines("messages");
    let asked = |records: &[Value]| {
        records.iter().flat_map(|record| record["messages"].as_array().unwrap()).filter(|message| message["role"] == "user").count()
    };
    assert_eq!((messages.len(), asked(&messages)), (samples, items));

    let openai = lines("openai");
    assert_eq!((openai.len(), asked(&openai)), (samples, items));
    assert!(openai.iter().all(|record| record.to_string().contains("data:image/jpeg;base64,")));

    let mmevol: Vec<Value> = serde_json::from_str(&text("mmevol")).unwrap();
    let in_round = |round: &str| mmevol.iter().filter_map(|record| record[round].as_array()).map(Vec::len).sum::<usize>();
    assert_eq!((mmevol.len(), in_round("conversations_v0")), (samples, 15));
    assert!(in_round("conversations_v1") > 0 && in_round("conversations_v2") > 0);

    let file = fs::File::open(export("parquet")).unwrap();
    let rows: usize = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, items);
}

#[test]
fn exports_come_back_in() {
    let (workspace, _endpoint) = evolved();
    workspace.run(&["export", "-o", "all.json", "--format", "mmevol"]).expect_code(0);
    workspace.run(&["export", "-o", "current.parquet", "--format", "parquet"]).expect_code(0);
    let kept = "SELECT round, count(*) AS items FROM instructions WHERE status = 'kept' GROUP BY round ORDER BY round";
    let current = "SELECT count(*) AS items, count(DISTINCT sample_id) AS samples FROM current";
    let count = |store: &str, sql: &str| workspace.run(&["--store", store, "sql", sql, "--output", "csv"]).expect_code(0).stdout;

    // Their paths name the folder that images are looked for in.
    workspace.run(&["--store", "second", "import", "all.json"]).expect_code(0).expect_stderr(&["imported 7 of 7 records"]);
    assert_eq!(count("second", kept), count("mmevol-store", kept));
    workspace.run(&["--store", "second", "check"]).expect_code(0);

    workspace.run(&["--store", "third", "import", "current.parquet"]).expect_code(0);
    assert_eq!(count("third", current), count("mmevol-store", current));

    for format in ["llava", "messages"] {
        let (file, store) = (format!("{format}.json"), format!("from-{format}"));
        workspace.run(&["export", "-o", &file, "--format", format]).expect_code(0);
        workspace.run(&["--store", &store, "import", &file]).expect_code(0).expect_stderr(&["imported 7 of 7 records", "7 images"]);
    }
}

#[test]
fn prompts_are_listed_and_shown() {
    let workspace = Workspace::new();
    let list = workspace.run(&["prompts", "list"]).expect_code(0);
    let library = PromptLibrary::embedded();
    assert!(library.iter().all(|prompt| list.stdout.contains(&prompt.name)), "{list}");
    let shown = workspace.run(&["prompts", "show", "score"]).expect_code(0);
    assert_eq!(shown.stdout.trim_end(), library.get("score").unwrap().template.trim_end());
    // A misspelt file of --prompts is pointed to this list.
    assert!(["parts/rules.md", "schemas/filter_answer.json"].iter().all(|path| list.stdout.contains(path)), "{list}");
    let rules = fs::read_to_string(crate::command::in_package("prompts/parts/rules.md")).unwrap();
    assert_eq!(workspace.run(&["prompts", "show", "parts/rules.md"]).expect_code(0).stdout.trim_end(), rules.trim_end());
    workspace.run(&["prompts", "show", "parts/rule.md"]).expect_code(1).expect_stderr(&["Did you mean 'parts/rules.md'?"]);
    workspace.assert_snapshot("prompts_unknown", &workspace.run(&["prompts", "show", "scores"]));
}

/// To the engine, brackets and question marks in a path are a pattern of names.
#[test]
fn a_store_may_have_any_name() {
    for name in ["run[1]", "run?", "run*", "a%20b {c}#d"] {
        let workspace = Workspace::new();
        workspace.run(&["--store", name, "import", &bundled_seeds(), "--source", "demo"]).expect_code(0);
        let evolved = workspace.run(&["--store", name, "evolve", "--rounds", "1", "--model", "rules"]).expect_code(0);
        assert!(evolved.stdout.contains("kept"), "{evolved}");
        workspace.run(&["--store", name, "check"]).expect_code(0);
    }
}
