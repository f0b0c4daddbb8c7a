//! `evolve --where`: what it takes up, says and costs, at the endpoint.

use serde_json::Value;

use crate::command::{Run, Workspace};
use crate::endpoint::Endpoint;
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
    let line = status.stdout.lines().find(|line| line.contains("parent was superseded")).unwrap_or_else(|| panic!("{status}"));
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
