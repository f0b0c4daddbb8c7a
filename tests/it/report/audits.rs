//! `mmevol audit`: what is drawn, what is read, and how it is set against the judge.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use mmevol::audit::{ImportedAudits, import_audits};
use mmevol::evolution::{Due, Settings};
use mmevol::model::rules::RulesModel;
use mmevol::{Evolution, Session};
use serde_json::{Value, json};

use super::judges::EvenJudge;
use super::{evolved_photos, finished_rounds, rows};
use crate::command::{Run, Workspace};
use crate::stores::TestStore;

fn audit(test: &TestStore, workspace: &Workspace, arguments: &[&str]) -> Run {
    let store = test.store.root().to_string_lossy().into_owned();
    workspace.run(&[&["--store", &store, "audit"][..], arguments].concat())
}

fn drawn(workspace: &Workspace, name: &str) -> Vec<Value> {
    fs::read_to_string(workspace.path(name)).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn draws_from_every_stratum_and_hides_the_verdict() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    for name in ["one.jsonl", "again.jsonl"] {
        audit(&test, &workspace, &["sample", "-o", name, "--per-stratum", "2"]).expect_code(0).expect_stderr(&["wrote", "audit import"]);
    }
    audit(&test, &workspace, &["sample", "-o", "other.jsonl", "--per-stratum", "2", "--seed", "8"]).expect_code(0);
    let (one, again, other) = (drawn(&workspace, "one.jsonl"), drawn(&workspace, "again.jsonl"), drawn(&workspace, "other.jsonl"));
    assert_eq!(one, again);
    assert_ne!(one, other, "another seed draws other items, or in another order");
    let ids = |rows: &[Value]| rows.iter().map(|row| row["instruction_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let strata = test
        .values("SELECT round, operator, status, least(count(*), 2) AS drawn FROM instructions WHERE round > 0 GROUP BY round, operator, status")
        .await;
    let expected: i64 = strata.iter().map(|row| row["drawn"].as_i64().unwrap()).sum();
    assert_eq!(ids(&one).len() as i64, expected);
    assert!(one.iter().all(|row| row.get("status").is_none() && row.get("score").is_none() && row["improved"] == ""), "{:?}", one[0]);

    audit(&test, &workspace, &["sample", "-o", "items.csv", "--where", "round = 1"]).expect_code(0);
    let csv = fs::read_to_string(workspace.path("items.csv")).unwrap();
    assert!(
        csv.starts_with(
            "\u{feff}instruction_id,round,operator,source_id,image,parent_question,parent_answer,question,answer,improved,correct,auditor,comment\n"
        ),
        "{csv}"
    );
    audit(&test, &workspace, &["sample", "-o", "items.txt"]).expect_code(1).expect_stderr(&["neither .csv nor .jsonl"]);
    audit(&test, &workspace, &["sample", "-o", "none.csv", "--where", "round = 9"]).expect_code(0).expect_stderr(&["nothing to check"]);
    assert!(!workspace.path("none.csv").exists());

    // What may be filled in stays as it is.
    let refused = audit(&test, &workspace, &["sample", "-o", "items.csv"]).expect_code(1);
    refused.expect_stderr(&["'items.csv' is there already", "hint: name another file, or remove this one"]);
    assert_eq!(fs::read_to_string(workspace.path("items.csv")).unwrap(), csv);
    audit(&test, &workspace, &["sample", "-o", "zero.csv", "--per-stratum", "0"]).expect_code(1).expect_stderr(&["--per-stratum"]);
}

/// As a spreadsheet saves it: longer than what is looked at at once, with line breaks in its texts.
#[tokio::test(flavor = "multi_thread")]
async fn reads_long_sheets_with_line_breaks() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    let items = test.values("SELECT instruction_id FROM instructions WHERE round > 0 ORDER BY instruction_id").await;
    let text = "one line\r\n\"\"another\"\", and\r\n".repeat(60);
    let mut sheet = String::from("instruction_id,question,improved,correct,auditor,comment\r\n");
    for item in &items {
        sheet += &format!("{},\"{text}\",yes,,,\"of\r\ntwo lines\"\r\n", item["instruction_id"].as_str().unwrap());
    }
    assert!(sheet.len() > 20_000);
    workspace.write("sheet.csv", sheet);
    let added = format!("{} verdicts added", items.len());
    audit(&test, &workspace, &["import", "sheet.csv", "--auditor", "Ada"]).expect_code(0).expect_stderr(&[&added]);
    assert_eq!(test.count("SELECT count(*) FROM audits WHERE improved AND comment LIKE 'of%two lines'").await, items.len() as i64);
}

/// People who agree with the judge on all but one item.
#[tokio::test(flavor = "multi_thread")]
async fn reads_verdicts_and_sets_them_against_the_judges() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    let judged = test
        .values("SELECT instruction_id, round, operator, improved FROM instructions WHERE improved IS NOT NULL ORDER BY instruction_id")
        .await;
    let say = |index: usize, improved: bool| (improved != (index == 0)).to_string();
    let line = |(index, row): (usize, &Value)| {
        let improved = say(index, row["improved"].as_bool().unwrap()).replace("true", "yes").replace("false", "No");
        json!({ "instruction_id": row["instruction_id"], "improved": improved, "correct": "yes", "auditor": "", "comment": "" }).to_string()
    };
    let lines: Vec<String> = judged.iter().enumerate().map(line).collect();
    workspace.write("filled.jsonl", lines.join("\n"));
    audit(&test, &workspace, &["import", "filled.jsonl", "--auditor", "Ada"])
        .expect_code(0)
        .expect_stderr(&[&format!("{} verdicts added", judged.len())]);
    assert_eq!(test.count("SELECT count(*) FROM audits WHERE auditor = 'Ada' AND run_id LIKE 'run-%'").await, judged.len() as i64);
    test.assert_sound().await;

    // Every item was audited, so that the weights are 1 and the agreement is a plain share.
    let mut expected: BTreeMap<(i64, String), (f64, f64)> = BTreeMap::new();
    for (index, row) in judged.iter().enumerate() {
        let group = expected.entry((row["round"].as_i64().unwrap(), row["operator"].as_str().unwrap().to_owned())).or_default();
        group.0 += f64::from(u8::from(index != 0));
        group.1 += 1.0;
    }
    let computed = rows(&test.store, None, "audits").await;
    assert_eq!(computed.len(), expected.len());
    for (row, ((round, operator), (agree, count))) in computed.iter().zip(expected) {
        assert_eq!((row["round"].as_i64(), row["operator"].as_str()), (Some(round), Some(operator.as_str())));
        assert!((row["agreement"].as_f64().unwrap() - agree / count).abs() < 6e-4, "{row}");
        assert_eq!((row["audited"].as_f64(), row["correct"].as_f64()), (Some(count), Some(1.0)));
    }

    // The same again changes nothing; another mind replaces.
    let path = workspace.path("filled.jsonl");
    let again = import_audits(&test.store, &path, "Ada").await.unwrap();
    assert_eq!(again, ImportedAudits { known: judged.len() as u64, ..ImportedAudits::default() });
    let id = judged[0]["instruction_id"].as_str().unwrap();
    workspace.write("changed.csv", format!("instruction_id,improved,correct,auditor,comment\n{id},yes,no,Ada,\"look, again\"\n"));
    let changed = import_audits(&test.store, &workspace.path("changed.csv"), "someone").await.unwrap();
    assert_eq!(changed, ImportedAudits { replaced: 1, ..ImportedAudits::default() });
    let stored = test.values(&format!("SELECT improved, correct, auditor, comment FROM audits WHERE instruction_id = '{id}'")).await;
    assert_eq!(stored, [json!({ "improved": true, "correct": false, "auditor": "Ada", "comment": "look, again" })]);
    test.assert_sound().await;
}

/// Judging again makes new items of the same answers. People spoke of the answers.
#[tokio::test(flavor = "multi_thread")]
async fn stand_when_another_judge_is_asked() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    let round_1 = "SELECT i.instruction_id AS id FROM item_facts i WHERE i.round = 1 AND i.improved IS NOT NULL ORDER BY id";
    let sheet = async |name: &str, verdict: &str| {
        let items = test.values(round_1).await;
        let lines: String = items.iter().map(|item| format!("{},{verdict}\n", item["id"].as_str().unwrap())).collect();
        workspace.write(name, format!("instruction_id,improved\n{lines}"));
        items
    };
    let said = async || rows(&test.store, Some("round = 1"), "audits").await;
    let counted = |rows: &[Value]| rows.iter().map(|row| row["audited"].as_u64().unwrap()).sum::<u64>();
    let questions = |name: &str| drawn(&workspace, name).iter().map(|row| row["question"].clone()).collect::<Vec<Value>>();

    let earlier = sheet("yes.csv", "yes").await;
    import_audits(&test.store, &workspace.path("yes.csv"), "Ada").await.unwrap();
    audit(&test, &workspace, &["sample", "-o", "earlier.jsonl", "--per-stratum", "1000", "--where", "round = 1"]).expect_code(0);
    assert_eq!(counted(&said().await), earlier.len() as u64);

    let settings = Settings { rounds: 1, due: Due::Judgements, ..Settings::default() };
    Evolution::new(test.store.clone(), Arc::new(RulesModel)).judge(Arc::new(EvenJudge)).settings(settings).run().await.unwrap();
    let later = sheet("no.csv", "no").await;
    assert!(later.iter().all(|item| !earlier.contains(item)), "the items have new ids");
    let standing = said().await;
    assert_eq!(counted(&standing), earlier.len() as u64, "{standing:?}");
    assert!(standing.iter().all(|row| row["human_yes"] == 1.0 && row["agreement"] == row["judge_yes"]), "{standing:?}");
    assert!(standing.iter().any(|row| row["judge_yes"] != 1.0), "the judge is the other one: {standing:?}");

    // A comment is no verdict, and takes the place of none.
    let comments: String = later.iter().map(|item| format!("{},look again\n", item["id"].as_str().unwrap())).collect();
    workspace.write("comments.csv", format!("instruction_id,comment\n{comments}"));
    import_audits(&test.store, &workspace.path("comments.csv"), "Ada").await.unwrap();
    assert_eq!(said().await, standing);

    // What Ada says of them now counts, once for each.
    import_audits(&test.store, &workspace.path("no.csv"), "Ada").await.unwrap();
    let standing = said().await;
    assert_eq!(counted(&standing), earlier.len() as u64, "{standing:?}");
    assert!(standing.iter().all(|row| row["human_yes"] == 0.0 && row["auditors"] == 1), "{standing:?}");

    // The same texts are drawn, in the same order.
    audit(&test, &workspace, &["sample", "-o", "later.jsonl", "--per-stratum", "1000", "--where", "round = 1"]).expect_code(0);
    assert_eq!(questions("later.jsonl"), questions("earlier.jsonl"));
}

/// Only survivors are known of them: a judge's rate would say something about nothing. Items are counted, however many people look at one.
#[tokio::test(flavor = "multi_thread")]
async fn of_rounds_that_came_finished_show_no_judge() {
    let (test, workspace) = (finished_rounds().await, Workspace::new());
    let items = test.values("SELECT instruction_id AS id FROM instructions WHERE round = 1 ORDER BY instruction_id").await;
    let (one, other) = (items[0]["id"].as_str().unwrap(), items[1]["id"].as_str().unwrap());
    workspace.write("filled.csv", format!("instruction_id,improved,auditor\n{one},yes,Ada\n{other},yes,Ada\n{one},no,Bob\n"));
    audit(&test, &workspace, &["import", "filled.csv"]).expect_code(0).expect_stderr(&["3 verdicts added"]);
    let computed = rows(&test.store, None, "audits").await;
    assert_eq!(
        computed,
        [json!({
            "round": 1, "operator": "imported", "audited": 2, "auditors": 2, "judge_yes": null, "human_yes": 0.667, "agreement": null,
            "kappa": null, "correct": null
        })]
    );
}

/// As people trim a sheet: without the columns that they need not, under names in their own case.
#[tokio::test(flavor = "multi_thread")]
async fn needs_no_more_than_the_item_and_a_verdict() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    let id = test.values("SELECT min(instruction_id) AS id FROM instructions WHERE round > 0").await[0]["id"].as_str().unwrap().to_owned();
    workspace.write("short.csv", format!("Instruction_ID,Improved\n {id},yes\n"));
    audit(&test, &workspace, &["import", "short.csv", "--auditor", "Ada"]).expect_code(0).expect_stderr(&["1 verdicts added"]);
    workspace.write("correct.jsonl", json!({ "instruction_id": id, "correct": false, "auditor": "Bob" }).to_string());
    audit(&test, &workspace, &["import", "correct.jsonl"]).expect_code(0).expect_stderr(&["1 verdicts added"]);
    let stored = test.values("SELECT auditor, improved, correct FROM audits ORDER BY auditor").await;
    assert_eq!(
        stored,
        [json!({ "auditor": "Ada", "improved": true, "correct": null }), json!({ "auditor": "Bob", "improved": null, "correct": false })]
    );
}

/// Whether an item is correct may be all that was asked.
#[tokio::test(flavor = "multi_thread")]
async fn counts_those_who_say_only_whether_it_is_correct() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    let judged = test
        .values("SELECT instruction_id, round, operator FROM instructions WHERE improved IS NOT NULL ORDER BY instruction_id LIMIT 1")
        .await;
    let id = judged[0]["instruction_id"].as_str().unwrap();
    workspace.write("correct.csv", format!("instruction_id,correct\n{id},yes\n"));
    audit(&test, &workspace, &["import", "correct.csv", "--auditor", "Ada"]).expect_code(0).expect_stderr(&["1 verdicts added"]);
    assert_eq!(
        rows(&test.store, None, "audits").await,
        [json!({
            "round": judged[0]["round"], "operator": judged[0]["operator"], "audited": 1, "auditors": 1, "judge_yes": null, "human_yes": null,
            "agreement": null, "kappa": null, "correct": 1.0
        })]
    );
}

/// One of the kept items is correct, the others were not looked at; of the eliminated ones none is. As pandas saves it: numbers with a point, for a blank 'nan'.
#[tokio::test(flavor = "multi_thread")]
async fn weighs_correctness_by_those_who_say_something_of_it() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    let judged = test
        .values(
            "SELECT instruction_id, round, operator, status, improved FROM instructions WHERE improved IS NOT NULL ORDER BY instruction_id",
        )
        .await;
    let mut sheet = String::from("instruction_id,improved,correct\n");
    let mut counts: BTreeMap<(i64, String), (f64, f64)> = BTreeMap::new();
    for row in &judged {
        let group = counts.entry((row["round"].as_i64().unwrap(), row["operator"].as_str().unwrap().to_owned())).or_default();
        let correct = match row["status"].as_str() {
            Some("kept") if group.0 > 0.0 => "nan",
            Some("kept") => "1.0",
            _ => "0.0",
        };
        group.0 += f64::from(u8::from(row["status"] == "kept"));
        group.1 += 1.0;
        let improved = if row["improved"] == true { "1.0" } else { "0.0" };
        sheet += &format!("{},{improved},{correct}\n", row["instruction_id"].as_str().unwrap());
    }
    workspace.write("sheet.csv", sheet);
    audit(&test, &workspace, &["import", "sheet.csv", "--auditor", "Ada"]).expect_code(0);
    assert!(counts.values().any(|(kept, all)| *kept > 1.0 && kept < all), "{counts:?}");
    let computed = rows(&test.store, None, "audits").await;
    assert_eq!(computed.len(), counts.len());
    for (row, ((round, operator), (kept, all))) in computed.iter().zip(counts) {
        assert_eq!((row["round"].as_i64(), row["operator"].as_str()), (Some(round), Some(operator.as_str())));
        assert_eq!(row["agreement"].as_f64(), Some(1.0), "{row}");
        assert!((row["correct"].as_f64().unwrap() - kept / all).abs() < 6e-4, "{row}");
    }
}

/// Each deletion writes a file and reads the whole table.
#[tokio::test(flavor = "multi_thread")]
async fn many_changed_verdicts_are_as_few_versions_as_one() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    let items = test.values("SELECT instruction_id AS id FROM instructions WHERE round > 0 ORDER BY instruction_id").await;
    let import = async |verdict: &str, count: usize| {
        let lines = items.iter().take(count).map(|item| format!("{},{verdict}\n", item["id"].as_str().unwrap()));
        workspace.write("sheet.csv", format!("instruction_id,improved\n{}", lines.collect::<String>()));
        let report = import_audits(&test.store, &workspace.path("sheet.csv"), "Ada").await.unwrap();
        (report.replaced, fs::read_dir(test.store.root().join("audits.lance/_versions")).unwrap().count())
    };
    let (_, before) = import("yes", 8).await;
    let (replaced, one) = import("no", 1).await;
    assert_eq!(replaced, 1);
    let (replaced, many) = import("no", 8).await;
    assert_eq!((replaced, many - one), (7, one - before));
    assert_eq!(test.count("SELECT count(*) FROM audits WHERE NOT improved").await, 8);
}

/// As spreadsheets save them where numbers have a decimal comma.
#[tokio::test(flavor = "multi_thread")]
async fn reads_sheets_with_semicolons_or_tabs() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    let items = test.values("SELECT instruction_id AS id FROM instructions WHERE round > 0 ORDER BY instruction_id LIMIT 2").await;
    let (one, other) = (items[0]["id"].as_str().unwrap(), items[1]["id"].as_str().unwrap());
    for (separator, auditor) in [(";", "Ada"), ("\t", "Bob")] {
        let line = |cells: [&str; 3]| cells.join(separator) + "\r\n";
        let lines = [["instruction_id", "improved", "comment"], [one, "yes", "\"of, course\""], [other, "", ""]];
        workspace.write("sheet.csv", lines.map(line).concat());
        let read = audit(&test, &workspace, &["import", "sheet.csv", "--auditor", auditor]).expect_code(0);
        read.expect_stderr(&["1 verdicts added, 0 replaced, 0 known\n", "1 rows have no verdict yet\n", "hint: set against the judge's"]);
    }
    assert_eq!(test.count("SELECT count(*) FROM audits WHERE improved AND comment = 'of, course'").await, 2);
}

/// As spreadsheets leave them: with columns that have no name, and with others of one name.
#[tokio::test(flavor = "multi_thread")]
async fn looks_at_no_other_columns() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    let items = test.values("SELECT instruction_id AS id FROM instructions WHERE round > 0 ORDER BY instruction_id LIMIT 2").await;
    let (one, other) = (items[0]["id"].as_str().unwrap(), items[1]["id"].as_str().unwrap());
    workspace.write("unnamed.csv", format!("instruction_id,improved,,\n{one},yes,,\n"));
    workspace.write("notes.csv", format!("note,instruction_id,note,improved\n1,{other},2,yes\n"));
    for name in ["unnamed.csv", "notes.csv"] {
        audit(&test, &workspace, &["import", name]).expect_code(0).expect_stderr(&["1 verdicts added"]);
    }
    assert_eq!(test.count("SELECT count(*) FROM audits WHERE improved").await, 2);
}

/// Types that the values of a sheet seem to have made one person of `007` and `7`, other comments of others, and refused what looks like a date.
#[tokio::test(flavor = "multi_thread")]
async fn takes_values_as_they_are_written() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    let id = test.values("SELECT min(instruction_id) AS id FROM instructions WHERE round > 0").await[0]["id"].as_str().unwrap().to_owned();
    let rows = [("007", "1.10"), ("01", "0"), ("1", "7.0"), ("7", "1e3")];
    let lines = rows.map(|(auditor, comment)| format!("{id},{auditor},{comment}\n")).concat();
    workspace.write("numbers.csv", format!("instruction_id,auditor,comment\n{lines}"));
    workspace.write("dates.tsv", format!("instruction_id\timproved\tcomment\n{id}\t1\t2024-02-30\n"));
    audit(&test, &workspace, &["import", "numbers.csv"]).expect_code(0).expect_stderr(&["4 verdicts added, 0 replaced, 0 known"]);
    let run = audit(&test, &workspace, &["import", "dates.tsv", "--auditor", "Ada", "--output", "json"]).expect_code(0);
    let expected = json!([{ "added": 1, "replaced": 0, "known": 0, "unfilled": 0 }]);
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap(), expected);
    let stored = test.values("SELECT auditor, comment FROM audits ORDER BY auditor").await;
    let stored: Vec<_> = stored.iter().map(|row| (row["auditor"].as_str().unwrap(), row["comment"].as_str().unwrap())).collect();
    assert_eq!(stored, [&rows[..], &[("Ada", "2024-02-30")]].concat());
}

/// The mark at the beginning, by which spreadsheets know the encoding, is no part of a column's name.
#[tokio::test(flavor = "multi_thread")]
async fn reads_what_it_wrote() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    audit(&test, &workspace, &["sample", "-o", "items.csv"]).expect_code(0);
    audit(&test, &workspace, &["import", "items.csv"]).expect_code(0).expect_stderr(&["0 verdicts added", "rows have no verdict yet"]);
    let sql = format!("SELECT count(instruction_id) > 0 AS found FROM '{}'", workspace.path("items.csv").display());
    assert_eq!(test.values(&sql).await, [json!({ "found": true })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn says_how_to_save_what_it_cannot_read() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    let id = test.values("SELECT min(instruction_id) AS id FROM instructions WHERE round > 0").await[0]["id"].as_str().unwrap().to_owned();
    let text = format!("instruction_id,improved,comment\n{id},yes,");
    let utf_16: Vec<u8> = format!("\u{feff}{text}für\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    // Beyond the records that say what the columns are.
    let late = [text.as_bytes(), b"\n", ",,\n".repeat(2_000).as_bytes(), b",,f\xfcr\n"].concat();
    for (name, content) in [
        ("windows.csv", [text.as_bytes(), b"f\xfcr\n"].concat()),
        ("late.csv", late),
        ("utf-16.csv", utf_16),
        ("sheet.xlsx", b"PK\x03\x04".to_vec()),
    ] {
        workspace.write(name, content);
        audit(&test, &workspace, &["import", name]).expect_code(1).expect_stderr(&["hint: save it as CSV UTF-8\n"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_files_it_cannot_trust() {
    let (test, workspace) = (evolved_photos().await, Workspace::new());
    let id = test.values("SELECT min(instruction_id) AS id FROM instructions").await[0]["id"].as_str().unwrap().to_owned();
    let header = "instruction_id,improved,correct,auditor,comment";
    for (name, row, message) in [
        ("maybe.csv", format!("{id},maybe,,,"), "'maybe' of item"),
        ("unknown.csv", "0123,yes,,,".to_owned(), "1 items are not in the store, such as"),
        ("twice.csv", format!("{id},yes,,,\n{id},no,,,"), "two verdicts by 'Ada'"),
    ] {
        workspace.write(name, format!("{header}\n{row}\n"));
        audit(&test, &workspace, &["import", name, "--auditor", "Ada"]).expect_code(1).expect_stderr(&[message]);
    }
    for (name, text, messages) in [
        ("other.csv", "a,b\n1,2\n", vec!["other.csv: lacks column instruction_id; it has a, b\n"]),
        ("unsaid.csv", "instruction_id,auditor\n1,Ada\n", vec!["unsaid.csv: lacks column improved; it has instruction_id, auditor\n"]),
        ("semicolons.tsv", "instruction_id;improved\n1;yes\n", vec!["it has instruction_id;improved\n", "separated by semicolons", ".csv"]),
        ("commas.tsv", "instruction_id,improved\n1,yes\n", vec!["lacks column instruction_id", "separated by commas", ".csv"]),
        ("repeated.csv", "instruction_id,improved,comment,comment\n1,yes,,\n", vec!["repeated.csv: it has column 'comment' twice"]),
        ("nameless.csv", "instruction_id,improved\n,yes\n", vec!["a row that is filled in names no item"]),
        ("nothing.csv", "", vec!["nothing.csv: it is empty"]),
        ("nothing.jsonl", "", vec!["nothing.jsonl is empty"]),
    ] {
        workspace.write(name, text);
        audit(&test, &workspace, &["import", name]).expect_code(1).expect_stderr(&messages);
    }
    audit(&test, &workspace, &["import", "missing.csv"]).expect_code(1).expect_stderr(&["there is no such file"]);
    // A file that nobody filled in is no fault, and no run.
    workspace.write("empty.csv", format!("{header}\n{id},,,,\n,,,,\n"));
    let empty = audit(&test, &workspace, &["import", "empty.csv"]).expect_code(0);
    assert!(!empty.stderr.contains("mmevol stats"), "there is nothing to look at\n{empty}");
    empty.expect_stderr(&["0 verdicts added", "1 rows have no verdict yet", "hint: fill in improved and correct"]);
    let session = Session::builder().store(test.store.clone()).build().await.unwrap();
    assert_eq!(session.collect("SELECT * FROM audits").await.unwrap().iter().map(|batch| batch.num_rows()).sum::<usize>(), 0);
}
