//! Records that have changed since they were imported, or whose finished rounds have: refused, or on request replaced in one publication.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::command::{Run, Workspace, bundled_seeds};
use crate::endpoint::Endpoint;

/// A store with two samples that went through one round, and the seed file they came from.
struct Changing {
    workspace: Workspace,
    _endpoint: Endpoint,
    seeds: Value,
}

impl Changing {
    fn new() -> Changing {
        let (workspace, endpoint) = (Workspace::new(), Endpoint::evolving());
        let item = |question: &str, answer: &str| json!({ "question": question, "answer": answer });
        let seeds = json!([
            {
                "id": "table", "image": "table.jpg", "caption": "A cup on a table.", "det": [{ "label": "cup", "bbox": [0.1, 0.1, 0.4, 0.4] }],
                "conversations_v0": [item("What is it?", "A cup."), item("Where is it?", "On a table.")],
            },
            { "id": "other", "image": "other.jpg", "conversations_v0": [item("What is this?", "A rocket.")] },
        ]);
        let changing = Changing { workspace, _endpoint: endpoint, seeds };
        changing.put_image("table.jpg", "coffee.jpg");
        changing.put_image("other.jpg", "rocket.jpg");
        changing.import(&[]).expect_code(0);
        let url = changing._endpoint.base_url();
        changing.workspace.run(&["evolve", "--rounds", "1", "--model", "m", "--base-url", &url]).expect_code(0);
        changing
    }

    fn put_image(&self, name: &str, photo: &str) {
        self.workspace.write(name, fs::read(Path::new(&bundled_seeds()).with_file_name("images").join(photo)).unwrap());
    }

    fn import(&self, flags: &[&str]) -> Run {
        self.workspace.write("seeds.json", self.seeds.to_string());
        self.workspace.run(&[&["import", "seeds.json"], flags].concat())
    }

    /// Refused by default, with the way out; then replaced, once.
    #[track_caller]
    fn replace(&self) {
        let before = self.published();
        let refused = self.import(&[]);
        assert_eq!(refused.code, 1, "{refused}");
        refused.expect_stderr(&["record 1 ('table')", "another record with this id", "--on-changed update"]);
        assert_eq!(self.published(), before);

        let run = self.import(&["--on-changed", "update"]).expect_code(0);
        run.expect_stderr(&["1 samples were replaced", "1 records were in the store already", "mmevol evolve --model m --stale"]);
        let published = self.published();
        self.import(&["--on-changed", "update"]).expect_code(0).expect_stderr(&["2 records were in the store already"]);
        assert_eq!(self.published(), published, "nothing has changed since");
        self.workspace.run(&["check"]).expect_code(0);
        // What was made of the old content is still there, and no other evolution is stale.
        assert_eq!(self.rows("SELECT count(*) AS n FROM evolutions WHERE status = 'kept'"), json!([{ "n": 2 }]));
        let stale = "SELECT source_id FROM evolutions e JOIN samples s USING (sample_id) WHERE e.sample_hash <> s.content_hash";
        assert_eq!(self.rows(stale), json!([{ "source_id": "table" }]));
    }

    fn published(&self) -> Vec<u8> {
        fs::read(self.workspace.store().join("catalog.json")).unwrap()
    }

    #[track_caller]
    fn rows(&self, sql: &str) -> Value {
        serde_json::from_str(&self.workspace.run(&["sql", sql, "--output", "json"]).expect_code(0).stdout).unwrap()
    }
}

#[test]
fn a_changed_caption_replaces_the_sample() {
    let mut changing = Changing::new();
    changing.seeds[0]["caption"] = json!("A red cup on a table.");
    changing.replace();
    let samples = "SELECT caption, run_id FROM samples WHERE source_id = 'table'";
    assert_eq!(changing.rows(samples), json!([{ "caption": "A red cup on a table.", "run_id": "run-3" }]));
    assert_eq!(changing.rows("SELECT count(*) AS n FROM samples"), json!([{ "n": 2 }]));
    assert_eq!(changing.rows("SELECT count(*) AS n FROM instructions WHERE round = 0"), json!([{ "n": 3 }]));
    let before = "SELECT caption FROM table_at('samples', 'before-run-3') WHERE source_id = 'table'";
    assert_eq!(changing.rows(before), json!([{ "caption": "A cup on a table." }]));
}

#[test]
fn changed_boxes_replace_the_sample() {
    let mut changing = Changing::new();
    changing.seeds[0]["det"][0]["bbox"] = json!([0.1, 0.1, 0.5, 0.5]);
    changing.replace();
}

#[test]
fn another_image_of_the_same_name_replaces_the_sample() {
    let changing = Changing::new();
    changing.put_image("table.jpg", "camera.jpg");
    changing.replace();
    let images = "SELECT count(*) AS n FROM images JOIN samples ON image_id = image_ids[1] WHERE uri = 'table.jpg'";
    assert_eq!(changing.rows(images), json!([{ "n": 1 }]));
    assert_eq!(
        changing.rows("SELECT count(*) AS n FROM images"),
        json!([{ "n": 3 }]),
        "what was evolved from the old one may still be shown"
    );
}

#[test]
fn a_changed_answer_replaces_the_seed_items() {
    let mut changing = Changing::new();
    let ids = changing.rows("SELECT instruction_id FROM instructions WHERE round = 0 ORDER BY 1");
    changing.seeds[0]["conversations_v0"][1]["answer"] = json!("On a desk.");
    changing.replace();
    assert_eq!(changing.rows("SELECT instruction_id FROM instructions WHERE round = 0 ORDER BY 1"), ids);
    let answers =
        "SELECT answer FROM instructions JOIN samples USING (sample_id) WHERE round = 0 AND source_id = 'table' ORDER BY position";
    assert_eq!(changing.rows(answers), json!([{ "answer": "A cup." }, { "answer": "On a desk." }]));
}

/// What was evolved from an item that is gone still names it as parent.
#[test]
fn seed_items_that_are_gone_are_eliminated() {
    let mut changing = Changing::new();
    changing.seeds[0]["conversations_v0"].as_array_mut().unwrap().pop();
    changing.replace();
    let items = "SELECT position, i.status, reason FROM instructions i JOIN samples USING (sample_id) \
                 WHERE round = 0 AND source_id = 'table' ORDER BY position";
    let gone = json!({ "position": 1, "status": "eliminated", "reason": "the seed file no longer has it" });
    assert_eq!(changing.rows(items), json!([{ "position": 0, "status": "kept", "reason": null }, gone]));

    changing.seeds[0]["conversations_v0"].as_array_mut().unwrap().push(json!({ "question": "Where is it?", "answer": "On a table." }));
    changing.import(&["--on-changed", "update"]).expect_code(0);
    let kept = "SELECT count(*) AS n FROM instructions WHERE round = 0 AND status = 'kept' AND reason IS NULL";
    assert_eq!(changing.rows(kept), json!([{ "n": 3 }]));
    changing.workspace.run(&["check"]).expect_code(0);
}

/// LLaVA-Instruct-150K has a conversation, a description and reasoning about one image under the image's id.
#[test]
fn records_of_one_id_are_told_apart_by_their_content() {
    let workspace = Workspace::new();
    workspace.write("coffee.jpg", fs::read(Path::new(&bundled_seeds()).with_file_name("images/coffee.jpg")).unwrap());
    let record = |question: &str, answer: &str| {
        let turns = json!([{ "from": "human", "value": format!("<image>\n{question}") }, { "from": "gpt", "value": answer }]);
        json!({ "id": "000000033471", "image": "coffee.jpg", "conversations": turns })
    };
    let (conversation, detail) = (record("What is it?", "A cup."), record("Describe the photo.", "A cup of coffee stands on a table."));
    workspace.write("llava.json", json!([conversation, detail, conversation]).to_string());
    let refused = workspace.run(&["import", "llava.json"]).expect_code(1);
    refused.expect_stderr(&["record 2 ('000000033471')", "hint: tell records apart by their content with --ids content"]);

    let import = ["import", "llava.json", "--ids", "content"];
    let run = workspace.run(&import).expect_code(0);
    run.expect_stderr(&["imported 2 of 3 records: 2 instructions, 1 images", "1 records were in the store already"]);
    let published = fs::read(workspace.store().join("catalog.json")).unwrap();
    workspace.run(&import).expect_code(0).expect_stderr(&["imported 0 of 3 records", "3 records were in the store already"]);
    assert_eq!(fs::read(workspace.store().join("catalog.json")).unwrap(), published);
    // Their own id stays known.
    let ids = workspace.run(&["sql", "SELECT source_id, count(*) AS n FROM samples GROUP BY source_id", "--output", "csv"]);
    assert_eq!(ids.expect_code(0).stdout, "source_id,n\n000000033471,2\n");
    workspace.run(&["check"]).expect_code(0);
}

/// Two records of one file under one id are no update of one another.
#[test]
fn the_file_itself_must_agree() {
    let mut changing = Changing::new();
    changing.seeds[0]["caption"] = json!("A red cup.");
    let mut again = changing.seeds[0].clone();
    again["caption"] = json!("A blue cup.");
    changing.seeds.as_array_mut().unwrap().push(again);
    let refused = changing.import(&["--on-changed", "update"]);
    assert_eq!(refused.code, 1, "{refused}");
    assert!(!refused.stderr.contains("--on-changed"), "{refused}");
    refused.expect_stderr(&["record 3 ('table')", "an earlier record of this file, number 1, has this id"]);
    assert_eq!(changing.rows("SELECT caption FROM samples WHERE source_id = 'table'"), json!([{ "caption": "A cup on a table." }]));
}

/// A store of one sample that comes in with finished rounds.
struct Finished {
    workspace: Workspace,
    endpoint: Endpoint,
}

impl Finished {
    fn new() -> Finished {
        let workspace = Workspace::new();
        workspace.write("table.jpg", fs::read(Path::new(&bundled_seeds()).with_file_name("images/coffee.jpg")).unwrap());
        Finished { workspace, endpoint: Endpoint::evolving() }
    }

    fn import(&self, records: &[Value], flags: &[&str]) -> Run {
        self.workspace.write("seeds.json", json!(records).to_string());
        self.workspace.run(&[&["import", "seeds.json"][..], flags].concat())
    }

    fn update(&self, record: Value) -> Run {
        self.import(&[record], &["--on-changed", "update"]).expect_code(0)
    }

    fn evolve(&self, flags: &[&str]) -> Run {
        let (url, model) = (self.endpoint.base_url(), ["--model", "m", "--base-url"]);
        self.workspace.run(&[&["evolve"][..], &model, &[url.as_str()], flags].concat()).expect_code(0)
    }

    #[track_caller]
    fn rows(&self, sql: &str) -> Value {
        serde_json::from_str(&self.workspace.run(&["sql", sql, "--output", "json"]).expect_code(0).stdout).unwrap()
    }

    /// The rounds that stand, with the answers of their items, are these, none of them is stale, and the store is sound.
    #[track_caller]
    fn expect_rounds(&self, rounds: &[(u32, &str)]) {
        let expected: Vec<Value> = rounds.iter().map(|(round, answer)| json!({ "round": round, "answer": answer })).collect();
        let standing = "SELECT round, answer FROM history WHERE round > 0 AND evolution_status = 'kept' ORDER BY round, answer";
        assert_eq!(self.rows(standing), json!(expected));
        assert_eq!(self.rows("SELECT count(*) AS n FROM stale"), json!([{ "n": 0 }]));
        self.workspace.run(&["check"]).expect_code(0);
    }
}

/// A record with finished rounds, each of one item with this answer.
fn finished(caption: &str, rounds: &[(u32, &str)]) -> Value {
    let items = |question: &str, answer: &str| json!([{ "question": question, "answer": answer }]);
    let mut record = json!({ "id": "table", "image": "table.jpg", "caption": caption, "conversations_v0": items("What is it?", "A cup.") });
    for &(round, answer) in rounds {
        record[format!("conversations_v{round}")] = items(&format!("What is it in round {round}?"), answer);
    }
    record
}

/// They were once in force over another content, while a hint said that they were stale.
#[test]
fn finished_rounds_of_a_replaced_sample_are_stale() {
    let store = Finished::new();
    let rounds = [(1, "Red."), (2, "Hot.")];
    store.import(&[finished("A cup.", &rounds)], &[]).expect_code(0);
    store.expect_rounds(&rounds);
    store.evolve(&["--rounds", "2"]).expect_stderr(&["nothing was due"]);

    store.update(finished("A red cup.", &rounds)).expect_stderr(&["1 samples were replaced", "--stale"]);
    let stale = "SELECT DISTINCT round FROM stale WHERE reason = 'sample' ORDER BY round";
    assert_eq!(store.rows(stale), json!([{ "round": 1 }, { "round": 2 }]));
    store.evolve(&["--rounds", "2"]).expect_stderr(&["nothing was due"]);
    store.evolve(&["--rounds", "2", "--stale"]);
    assert_eq!(store.rows("SELECT count(*) AS n FROM stale"), json!([{ "n": 0 }]));
    let replaced = "SELECT count(*) AS n FROM evolutions WHERE generated IS NULL AND status = 'superseded'";
    assert_eq!(store.rows(replaced), json!([{ "n": 2 }]));
    store.workspace.run(&["check"]).expect_code(0);
}

/// No flag once brought in a finished round that had changed.
#[test]
fn changed_rounds_replace_those_that_came_in_finished() {
    let store = Finished::new();
    let (red, blue) = ([(1, "Red."), (2, "Hot.")], [(1, "Blue."), (2, "Hot.")]);
    store.import(&[finished("A cup.", &red)], &[]).expect_code(0);
    let refused = store.import(&[finished("A cup.", &blue)], &[]).expect_code(1);
    refused.expect_stderr(&["record 1 ('table')", "round 1 of this sample came in before, with other items", "--on-changed update"]);
    store.expect_rounds(&red);

    store.update(finished("A cup.", &blue)).expect_stderr(&["2 finished rounds of single samples", "1 samples were replaced"]);
    store.expect_rounds(&blue);
    store.update(finished("A cup.", &blue)).expect_stderr(&["1 records were in the store already"]);
    // Back again: the rows of the first time are there still.
    store.update(finished("A cup.", &red));
    store.expect_rounds(&red);
    // A round that the record no longer has, and has again.
    store.update(finished("A cup.", &blue[..1]));
    store.expect_rounds(&blue[..1]);
    store.update(finished("A cup.", &blue));
    store.expect_rounds(&blue);
    // With another sample, it is made from that one.
    store.update(finished("A red cup.", &red));
    store.expect_rounds(&red);

    let both = [finished("A red cup.", &red), finished("A red cup.", &blue)];
    let refused = store.import(&both, &["--on-changed", "update"]).expect_code(1);
    refused.expect_stderr(&["record 2 ('table')", "round 1 of this sample came in before", "record 1 has this id, too"]);
    store.expect_rounds(&red);
}

#[test]
fn rounds_that_were_evolved_here_are_not_replaced() {
    let store = Finished::new();
    store.import(&[finished("A cup.", &[])], &[]).expect_code(0);
    store.evolve(&["--rounds", "1"]);
    for flags in [&[] as &[&str], &["--on-changed", "update"]] {
        let refused = store.import(&[finished("A cup.", &[(1, "Red.")])], flags).expect_code(1);
        refused.expect_stderr(&["round 1 of this sample was evolved here", "hint: leave that round out of the record"]);
    }
    let standing = "SELECT count(*) AS n, count(*) FILTER (WHERE status = 'superseded') AS replaced FROM evolutions";
    assert_eq!(store.rows(standing), json!([{ "n": 1, "replaced": 0 }]));
}
