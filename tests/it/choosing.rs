//! `--where`, that of `evolve` above all: what it takes up, says and costs, at the endpoint.

mod replaced_parents;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::command::{Run, Workspace, bundled_seeds};
use crate::endpoint::{Behaviour, Endpoint, evolving, prompt_of};
use crate::stores::KEY;

fn evolve(workspace: &Workspace, endpoint: &Endpoint, more: &[&str]) -> Run {
    let url = endpoint.base_url();
    let run = workspace.run_with_key(&[&["evolve", "--model", "m", "--base-url", &url], more].concat(), KEY).expect_code(0);
    workspace.run(&["check"]).expect_code(0);
    run
}

fn count(workspace: &Workspace, sql: &str) -> usize {
    let run = workspace.run(&["sql", &format!("SELECT count(*) AS n FROM ({sql})"), "--output", "json"]).expect_code(0);
    let rows: Value = serde_json::from_str(&run.stdout).unwrap();
    usize::try_from(rows[0]["n"].as_u64().unwrap()).unwrap()
}

fn evolve_requests(endpoint: &Endpoint, from: usize) -> usize {
    let received = endpoint.received();
    received[from..].iter().filter(|request| request.body["response_format"]["json_schema"]["name"] == "evolved_instructions").count()
}

const POOR: &str = "round = 1 AND score < 8";

/// Evolutions that stand and have an item for which a predicate holds.
fn matching(predicate: &str) -> String {
    format!("SELECT DISTINCT evolution_id FROM history WHERE evolution_status <> 'superseded' AND {predicate}")
}

/// It became a part of larger statements, whose ends the comment hid.
#[test]
fn a_predicate_may_end_in_a_comment_in_every_command() {
    let workspace = Workspace::with_photos();
    for command in [
        &["evolve", "--rounds", "1", "--dry-run", "--output", "json"][..],
        &["stats", "--section", "items", "--output", "json"],
        &["dedup", "--dry-run", "--output", "json"],
        &["dedup", "--method", "image", "--dry-run", "--output", "json"],
        &["export", "-o", "chosen.jsonl", "--format", "mmevol", "--without-duplicates"],
        &["embed", "--dry-run"],
        &["audit", "sample", "-o", "items.csv"],
    ] {
        let chosen = |predicate: &str| {
            let run = workspace.run(&[command, &["--where", predicate]].concat()).expect_code(0);
            (run.stdout, run.stderr)
        };
        assert_eq!(chosen("source_id = 'coffee' -- the first"), chosen("source_id = 'coffee'"), "{command:?}");
    }
}

#[test]
fn a_predicate_over_the_sample_chooses_samples() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    let coins = ["--rounds", "1", "--where", "source_id = 'coins' AND caption IS NOT NULL"];
    evolve(&workspace, &endpoint, &coins);
    assert_eq!((endpoint.requests(), count(&workspace, "SELECT * FROM evolutions")), (2, 1));
    // A subquery's own columns are its own affair.
    let run =
        evolve(&workspace, &endpoint, &["--rounds", "1", "--where", "sample_id IN (SELECT sample_id FROM evolutions WHERE round = 1)"]);
    assert!(run.stderr.contains("nothing was due"), "{run}");
    assert_eq!(endpoint.requests(), 2);
}

#[test]
fn a_predicate_over_evolved_items_makes_them_again() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--rounds", "2"]);
    let asked = endpoint.requests();
    let chosen = count(&workspace, &matching(POOR));
    assert!((1..7).contains(&chosen), "the draw has changed: {chosen}");
    let run = evolve(&workspace, &endpoint, &["--rounds", "2", "--where", POOR]);
    assert!(run.stderr.contains(&format!("evolving again {chosen} evolutions of {chosen} samples")), "{run}");
    assert_eq!(evolve_requests(&endpoint, asked), chosen, "each for another answer, and no other");
    assert_eq!(count(&workspace, "SELECT * FROM evolutions WHERE status = 'superseded'"), chosen);

    // What was evolved from it is stale, and --stale mends exactly that.
    let stale = count(&workspace, "SELECT DISTINCT sample_id FROM stale WHERE round = 2 AND reason = 'parent'");
    assert_eq!(
        stale,
        count(
            &workspace,
            "SELECT DISTINCT e.sample_id FROM evolutions e JOIN evolutions p ON e.parent_evolution_id = p.evolution_id \
                                         WHERE p.status = 'superseded' AND e.status <> 'superseded'"
        )
    );
    assert!(stale > 0, "nobody descends from what was made again");
    let status = workspace.run(&["status"]).expect_code(0);
    let line = status.stdout.lines().find(|line| line.contains("parent is superseded or stale")).unwrap_or_else(|| panic!("{status}"));
    assert!(line.trim_start().starts_with("2  stale") && line.ends_with(&format!(" {stale}")), "{status}");
    evolve(&workspace, &endpoint, &["--rounds", "2", "--stale"]);
    assert_eq!(count(&workspace, "SELECT * FROM stale"), 0);

    // The very same command again pays only for what matches then.
    let (asked, chosen) = (endpoint.requests(), count(&workspace, &matching(POOR)));
    evolve(&workspace, &endpoint, &["--rounds", "2", "--where", POOR]);
    assert_eq!(evolve_requests(&endpoint, asked), chosen);
}

#[test]
fn another_operator_can_be_asked_for() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--rounds", "1"]);
    evolve(&workspace, &endpoint, &["--rounds", "1", "--where", "operator <> 'interaction'", "--operators", "interaction=1"]);
    assert_eq!(count(&workspace, "SELECT * FROM evolutions WHERE status <> 'superseded' AND operator <> 'interaction'"), 0);
}

#[test]
fn flags_say_what_a_predicate_is_for() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--rounds", "1"]);
    let asked = endpoint.requests();
    // Evolved items choose samples.
    evolve(&workspace, &endpoint, &["--rounds", "2", "--new", "--where", "round = 1 AND source_id = 'coins'"]);
    assert_eq!((evolve_requests(&endpoint, asked), count(&workspace, "SELECT * FROM evolutions WHERE round = 2")), (1, 1));
    // A sample chooses evolutions.
    evolve(&workspace, &endpoint, &["--rounds", "1", "--again", "--where", "source_id = 'coins'"]);
    assert_eq!(count(&workspace, "SELECT * FROM evolutions WHERE status = 'superseded'"), 1);
    // Seeds were evolved by nobody.
    let run = evolve(&workspace, &endpoint, &["--rounds", "2", "--where", "round = 0"]);
    assert!(run.stderr.contains("no evolution has an item") && run.stderr.contains("add --new"), "{run}");
    // There is one, but not up to that round.
    let run = evolve(&workspace, &endpoint, &["--rounds", "1", "--where", "round = 2"]);
    run.expect_stderr(&["the 1 evolutions that have an item for which --where holds are beyond --rounds 1: round = 2"]);
}

/// What a limit cut short goes on with the rest, and asks for nothing once more; what was complete begins anew.
#[test]
fn the_same_command_goes_on_where_it_was_stopped() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--rounds", "1"]);
    let evolved_again = |more: &[&str]| {
        let asked = endpoint.requests();
        evolve(&workspace, &endpoint, &[&["--rounds", "1", "--where", "round = 1"], more].concat());
        evolve_requests(&endpoint, asked)
    };
    assert_eq!(evolved_again(&["--max-calls", "4"]), 2, "two calls are reserved for the verdicts");
    assert_eq!(evolved_again(&["--max-calls", "6"]), 3);
    assert_eq!(evolved_again(&[]), 2);
    assert_eq!(evolved_again(&[]), 7);
}

/// An endpoint that treats requests about the cat otherwise while the switch is on.
fn without_cat(otherwise: fn() -> Behaviour) -> (Endpoint, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(false));
    let is_on = Arc::clone(&switch);
    let endpoint = Endpoint::start(move |body| match is_on.load(Ordering::Relaxed) && prompt_of(body).contains("tabby cat") {
        true => otherwise(),
        false => evolving(body),
    });
    (endpoint, switch)
}

fn refused() -> Behaviour {
    Behaviour::error(400, "no cats")
}

const CAT: &str = "sample_id IN (SELECT sample_id FROM samples WHERE source_id = 'chelsea')";

/// What failed is due to the same command and to --failed, though an older attempt stands; what succeeded is asked for by neither.
#[test]
fn what_failed_when_it_was_chosen_is_tried_again() {
    let workspace = Workspace::with_photos();
    let (endpoint, fails) = without_cat(refused);
    evolve(&workspace, &endpoint, &["--rounds", "1"]);
    let answers = "SELECT DISTINCT request_id FROM evolutions WHERE status <> 'failed'";
    assert_eq!(count(&workspace, answers), 7);
    let asked_by = |more: &[&str]| {
        let asked = endpoint.requests();
        let run = evolve(&workspace, &endpoint, &[&["--rounds", "1"], more].concat());
        (evolve_requests(&endpoint, asked), run)
    };
    fails.store(true, Ordering::Relaxed);
    assert_eq!(asked_by(&["--where", "round = 1"]).0, 7);
    assert_eq!(count(&workspace, "SELECT * FROM evolutions WHERE status = 'failed'"), 1);
    let (asked, run) = asked_by(&["--where", "round = 1"]);
    assert_eq!(asked, 1, "{run}");
    let run = run.expect_stderr(&["evolving again 1 evolutions of 1 samples", "6 evolutions that it made again are left alone"]);
    assert_eq!(count(&workspace, "SELECT * FROM evolutions WHERE status = 'failed'"), 1, "{run}");

    fails.store(false, Ordering::Relaxed);
    let (asked, run) = asked_by(&["--failed"]);
    assert_eq!(asked, 1, "another answer, not that of the attempt that stood: {run}");
    assert_eq!(count(&workspace, "SELECT * FROM evolutions WHERE status = 'failed'"), 0);
    assert_eq!(count(&workspace, "SELECT * FROM evolutions WHERE status IN ('kept', 'eliminated')"), 7);
    assert_eq!(count(&workspace, answers), 14);
    assert_eq!(asked_by(&["--failed"]).0, 0);
}

/// Killed between two of its rounds, a command goes on with the later one.
#[test]
fn a_round_that_was_published_is_not_made_again_by_the_killed_command() {
    let workspace = Workspace::with_photos();
    let (endpoint, hangs) = without_cat(|| Behaviour::Hang);
    evolve(&workspace, &endpoint, &["--rounds", "3"]);
    let (url, predicate) = (endpoint.base_url(), format!("(round = 1 AND source_id = 'coins') OR (round = 3 AND {CAT})"));
    let chosen = ["--rounds", "3", "--where", &predicate];
    let asked = endpoint.requests();
    hangs.store(true, Ordering::Relaxed);
    let flags = [&["evolve", "--model", "m", "--base-url", &url][..], &chosen].concat();
    let mut command = workspace.spawn_with_key(&flags, KEY);
    while evolve_requests(&endpoint, asked) < 2 {
        assert!(command.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    command.kill().unwrap();
    command.wait().unwrap();
    hangs.store(false, Ordering::Relaxed);
    let evolved_again = || {
        let asked = endpoint.requests();
        evolve(&workspace, &endpoint, &chosen);
        evolve_requests(&endpoint, asked)
    };
    assert_eq!(evolved_again(), 1, "the coins are done");
    assert_eq!(evolved_again(), 2, "it was complete, and begins anew");
}

/// What is announced, planned and done is the same: of each sample the first round that is chosen, since the later ones are stale then.
#[test]
fn rounds_that_become_stale_are_not_made_again() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--rounds", "2"]);
    let flags = ["--rounds", "2", "--where", "round = 1 OR (round = 2 AND score < 8)"];
    let planned = evolve(&workspace, &endpoint, &[&flags[..], &["--dry-run", "--output", "json"]].concat());
    let planned: Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!(planned[0]["total"]["evolve_requests"], 7, "{planned:#}");
    let asked = endpoint.requests();
    let run = evolve(&workspace, &endpoint, &flags)
        .expect_stderr(&["evolving again 7 evolutions of 7 samples", "is left to: mmevol evolve --model m --stale"]);
    assert_eq!(evolve_requests(&endpoint, asked), 7, "{run}");
}

/// What descends from what is stale will be redone with it, and is counted as such; it is asked for only where its parents came out otherwise.
#[test]
fn what_descends_from_what_is_stale_is_stale() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--rounds", "3"]);
    evolve(&workspace, &endpoint, &["--rounds", "1", "--where", "round = 1"]);
    let below = "SELECT e.evolution_id FROM evolutions e JOIN stale p ON e.parent_evolution_id = p.evolution_id WHERE e.round = 3";
    assert!(count(&workspace, below) > 0, "the draw has changed");
    assert_eq!(
        count(&workspace, &format!("{below} AND e.evolution_id NOT IN (SELECT evolution_id FROM stale WHERE reason = 'parent')")),
        0
    );
    evolve(&workspace, &endpoint, &["--rounds", "3", "--stale"]);
    assert_eq!(count(&workspace, "SELECT * FROM stale"), 0);
    let asked = endpoint.requests();
    evolve(&workspace, &endpoint, &["--rounds", "3", "--stale"]);
    assert_eq!(endpoint.requests(), asked);
}

#[test]
fn a_replacement_that_fails_replaces_nothing() {
    let workspace = Workspace::with_photos();
    let (endpoint, fails) = without_cat(refused);
    evolve(&workspace, &endpoint, &["--rounds", "2"]);
    evolve(&workspace, &endpoint, &["--rounds", "1", "--where", &format!("round = 1 AND {CAT}")]);
    let standing = format!("SELECT * FROM evolutions WHERE round = 2 AND status IN ('kept', 'eliminated') AND {CAT}");
    assert_eq!((count(&workspace, &standing), count(&workspace, "SELECT * FROM stale")), (1, 1), "the draw has changed");
    // The same items may have come out again: under another seed their requests are new all the same.
    fails.store(true, Ordering::Relaxed);
    evolve(&workspace, &endpoint, &["--rounds", "2", "--stale", "--seed", "9"]);
    assert_eq!((count(&workspace, &standing), count(&workspace, "SELECT * FROM stale")), (1, 1));
    fails.store(false, Ordering::Relaxed);
    evolve(&workspace, &endpoint, &["--rounds", "2", "--failed", "--seed", "9"]);
    assert_eq!((count(&workspace, &standing), count(&workspace, "SELECT * FROM stale")), (1, 0));
}

/// A round that a finished history leaves out is not known, and what came after it stands.
#[test]
fn a_finished_history_is_gone_on_with_at_its_end() {
    let (workspace, endpoint) = (Workspace::new(), Endpoint::evolving());
    let item = |question: &str| json!([{ "question": question, "answer": "A cup." }]);
    let history = json!([{
        "id": "table", "image": "table.jpg", "caption": "A cup on a table.", "conversations_v0": item("What is it?"), "conversations_v1": [],
        "conversations_v2": item("What is it that stands on the table?"),
    }]);
    workspace.write("table.jpg", fs::read(Path::new(&bundled_seeds()).with_file_name("images/coffee.jpg")).unwrap());
    workspace.write("history.json", history.to_string());
    workspace.run(&["import", "history.json"]).expect_code(0);
    let status = workspace.run(&["status"]).expect_code(0);
    assert!(!status.stdout.contains("missing"), "{status}");
    evolve(&workspace, &endpoint, &["--rounds", "3"]);
    assert_eq!(count(&workspace, "SELECT * FROM evolutions WHERE round = 1"), 0);
    assert_eq!(count(&workspace, "SELECT * FROM evolutions WHERE round = 3"), 1);
    assert_eq!(count(&workspace, "SELECT * FROM evolutions WHERE status = 'superseded'"), 0);
}

#[test]
fn what_was_replaced_is_told_apart() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--rounds", "1"]);
    evolve(&workspace, &endpoint, &["--rounds", "1", "--where", "round = 1 AND source_id = 'coins'"]);
    let replaced = count(&workspace, "SELECT * FROM history WHERE evolution_status = 'superseded'");
    assert!(replaced > 0);
    let text = workspace.run(&["lineage", "coins", "--full"]).expect_code(0);
    assert_eq!(text.stdout.matches(", superseded").count(), replaced, "{text}");
    let tree = workspace.run(&["lineage", "coins", "--output", "json"]).expect_code(0);
    assert_eq!(
        tree.stdout.matches("\"superseded\":true").count() + tree.stdout.matches("\"superseded\": true").count(),
        replaced,
        "{tree}"
    );
    assert_eq!(count(&workspace, "SELECT * FROM lineage('coins') WHERE superseded"), replaced);

    let difference = workspace.run(&["diff", "before-run-3", "now", "--output", "json"]).expect_code(0);
    let rows: Vec<Value> = serde_json::from_str(&difference.stdout).unwrap();
    for row in rows {
        let kept =
            format!("SELECT * FROM item_facts WHERE round = 1 AND status = 'kept' AND operator = '{}'", row["operator"].as_str().unwrap());
        assert_eq!(row["kept_b"].as_u64().unwrap(), count(&workspace, &kept) as u64, "{difference}");
    }
}

#[test]
fn prompts_of_ones_own_are_compared_with() {
    let workspace = Workspace::with_photos();
    workspace.run(&["evolve", "--rounds", "1", "--model", "rules"]).expect_code(0);
    let original = fs::read_to_string(crate::command::in_package("prompts/score.md")).unwrap();
    workspace.write("own/score.md", original + "\nTake your time.\n");
    let stale = "SELECT count(*) AS n FROM stale WHERE reason = 'judge prompt'";
    let run = workspace.run(&["sql", "--prompts", "own", stale, "--output", "csv"]).expect_code(0);
    assert_ne!(run.stdout, "n\n0\n");
    assert_eq!(workspace.run(&["sql", stale, "--output", "csv"]).stdout, "n\n0\n");
    let status = workspace.run(&["status", "--prompts", "own"]).expect_code(0).expect_stderr(&["mmevol evolve --stale"]);
    assert!(status.stdout.contains("judge prompt has changed"), "{status}");
}

/// Where the models answer says nothing of what is done, and another command in between undoes nothing; other personas make it another command.
#[test]
fn an_unfinished_command_goes_on_at_another_address_and_after_others() {
    let (workspace, [first, second]) = (Workspace::with_photos(), [Endpoint::evolving(), Endpoint::evolving()]);
    workspace.write("people.txt", "A pilot.\n");
    evolve(&workspace, &first, &["--rounds", "1"]);
    let evolved_again = |endpoint: &Endpoint, more: &[&str]| {
        let asked = endpoint.requests();
        evolve(&workspace, endpoint, &[&["--rounds", "1", "--where", "round = 1"], more].concat());
        evolve_requests(endpoint, asked)
    };
    assert_eq!(evolved_again(&first, &["--max-calls", "4"]), 2);
    evolve(&workspace, &first, &["--rounds", "2", "--max-calls", "2"]);
    assert_eq!(evolved_again(&second, &["--max-calls", "4"]), 2);
    assert_eq!(evolved_again(&second, &[]), 3);

    assert_eq!(evolved_again(&second, &["--max-calls", "4"]), 2, "it was complete, and begins anew");
    assert_eq!(evolved_again(&second, &["--personas", "people.txt"]), 7);
}

/// What descends from what was made again is left to --stale; another sample that comes in meanwhile is evolved alone.
#[test]
fn new_samples_are_evolved_without_what_is_stale() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--rounds", "3"]);
    evolve(&workspace, &endpoint, &["--rounds", "3", "--again", "--where", "round = 1"]);
    let of_the_old = "SELECT * FROM evolutions WHERE sample_id IN (SELECT sample_id FROM samples WHERE source = 'demo')";
    let (made, stale) = (count(&workspace, of_the_old), count(&workspace, "SELECT * FROM stale"));
    assert!(stale > 0);
    workspace.run(&["import", &bundled_seeds(), "--source", "more"]).expect_code(0);
    evolve(&workspace, &endpoint, &["--rounds", "3"]);
    assert_eq!((count(&workspace, of_the_old), count(&workspace, "SELECT * FROM stale")), (made, stale));
    let of_the_new = "SELECT DISTINCT sample_id FROM evolutions WHERE sample_id IN (SELECT sample_id FROM samples WHERE source = 'more')";
    assert_eq!(count(&workspace, of_the_new), 7);
    evolve(&workspace, &endpoint, &["--rounds", "3", "--stale"]);
    assert_eq!(count(&workspace, "SELECT * FROM stale"), 0);
}

/// It would choose others than were announced, and others again when the command goes on.
#[test]
fn chance_chooses_nothing_to_evolve() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--rounds", "1"]);
    let asked = endpoint.requests();
    for predicate in ["round = 1 AND random() < 0.5", "sample_id IN (SELECT sample_id FROM samples ORDER BY random() LIMIT 2)"] {
        let run = workspace.run(&["evolve", "--model", "m", "--base-url", &endpoint.base_url(), "--where", predicate]).expect_code(1);
        run.expect_stderr(&["--where: random() chooses others each time", "sample_id < '4'"]);
    }
    assert_eq!(endpoint.requests(), asked);
}

#[test]
fn what_was_replaced_is_not_exported() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--rounds", "1"]);
    evolve(&workspace, &endpoint, &["--rounds", "1", "--where", "round = 1"]);
    assert!(count(&workspace, "SELECT * FROM history WHERE evolution_status = 'superseded' AND status = 'kept'") > 0);
    for (rounds, chosen) in [("all", "true"), ("1", "round = 1")] {
        let run = workspace.run(&["export", "-o", "all.jsonl", "--format", "llava", "--rounds", rounds, "--report", "json"]).expect_code(0);
        let manifest: Value = serde_json::from_str(&run.stdout).unwrap();
        let standing = format!("SELECT * FROM item_facts WHERE status = 'kept' AND {chosen}");
        assert_eq!(manifest[0]["instructions"].as_u64().unwrap(), count(&workspace, &standing) as u64, "{run}");
    }
}
