//! What is said of evolutions whose parents were replaced, or are stale.

use std::fs;

use serde_json::{Value, json};

use super::{count, evolve, matching};
use crate::command::{Workspace, in_package};
use crate::endpoint::Endpoint;

/// They were said not to exist, or left out without a word.
#[test]
fn what_rests_on_replaced_parents_is_not_made_again_and_is_told() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--rounds", "2"]);
    evolve(&workspace, &endpoint, &["--rounds", "1", "--where", "round = 1"]);
    let of_replaced = "round = 2 AND parent_evolution_id IN (SELECT evolution_id FROM evolutions WHERE status = 'superseded')";
    let resting = count(&workspace, &matching(of_replaced));
    assert!(resting > 1, "the draw has changed: {resting}");
    let asked = endpoint.requests();
    let run = evolve(&workspace, &endpoint, &["--rounds", "2", "--where", of_replaced]).expect_stderr(&[
        &format!("{resting} evolutions that have an item for which --where holds rest on replaced parents"),
        "mend them first: mmevol evolve --model m --stale",
    ]);
    assert!(!run.stderr.contains("no evolution has an item") && !run.stderr.contains("--new"), "{run}");
    assert_eq!(endpoint.requests(), asked);

    // Of the coins the first round is made again: what descends from it is left to --stale anyway.
    let beside = format!("({of_replaced}) OR (round = 1 AND source_id = 'coins')");
    let more = count(&workspace, &matching(&format!("{of_replaced} AND source_id <> 'coins'")));
    evolve(&workspace, &endpoint, &["--rounds", "2", "--where", &beside]).expect_stderr(&[
        "evolving again 1 evolutions of 1 samples",
        &format!("{more} more rest on replaced parents: mend them first with mmevol evolve --model m --stale"),
    ]);

    evolve(&workspace, &endpoint, &["--rounds", "2", "--stale"]);
    let run = evolve(&workspace, &endpoint, &["--rounds", "2", "--where", "round = 2"]);
    assert!(!run.stderr.contains("replaced parents"), "{run}");
}

#[test]
fn stale_parents_and_later_rounds_are_told() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    evolve(&workspace, &endpoint, &["--rounds", "1"]);
    let operator = "cognitive_reasoning";
    assert!(count(&workspace, &matching(&format!("round = 1 AND operator = '{operator}'"))) > 0, "the draw has changed");
    let original = fs::read_to_string(in_package(&format!("prompts/{operator}.md"))).unwrap();
    workspace.write(&format!("own/{operator}.md"), original + "\nTake your time.\n");
    let told = ["of these samples go on from stale parents", "mend the parents first: evolve --stale"];
    let asked = endpoint.requests();
    let going_on = ["--rounds", "2", "--prompts", "own"];
    evolve(&workspace, &endpoint, &[&going_on[..], &["--dry-run"]].concat()).expect_stderr(&told);
    assert_eq!(endpoint.requests(), asked);
    let run = evolve(&workspace, &endpoint, &going_on).expect_stderr(&told);
    assert_eq!(run.stderr.matches(told[0]).count(), 1, "{run}");
    let run = evolve(&workspace, &endpoint, &going_on);
    assert!(!run.stderr.contains("stale parents"), "{run}");
    let mending = ["--rounds", "1", "--prompts", "own", "--stale"];
    evolve(&workspace, &endpoint, &mending).expect_stderr(&["evolutions of rounds beyond --rounds are stale as well"]);
}

/// A plan that asks for nothing said that nothing is due, and the run took items out of the dataset.
#[test]
fn what_falls_away_is_planned() {
    let (workspace, endpoint) = (Workspace::new(), Endpoint::evolving());
    let import = |items: usize| {
        let item = |number| json!({ "question": format!("What is at place {number}?"), "answer": format!("Thing {number}.") });
        let items: Vec<Value> = (0..items).map(item).collect();
        workspace.write("room.json", json!([{ "id": "room", "image": "none.jpg", "conversations_v0": items }]).to_string());
        workspace.run(&["import", "room.json", "--allow-missing-images", "--on-changed", "update"]).expect_code(0);
    };
    import(20);
    let flags = ["--text-only", "--rounds", "1"];
    evolve(&workspace, &endpoint, &flags);
    import(10);
    let stale = [&flags[..], &["--stale"]].concat();
    evolve(&workspace, &endpoint, &[&stale[..], &["--dry-run"]].concat()).expect_stderr(&["1 evolutions fall away (no calls)"]);
    let planned = evolve(&workspace, &endpoint, &[&stale[..], &["--dry-run", "--output", "json"]].concat());
    let planned: Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!((&planned[0]["fallen_away"], &planned[0]["more_may_fall_away"]), (&json!(1), &json!(false)), "{planned:#}");
    evolve(&workspace, &endpoint, &stale).expect_stderr(&["1 evolutions are superseded with nothing in their place"]);
}
