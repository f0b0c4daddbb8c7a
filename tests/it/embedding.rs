//! `mmevol embed`: what is asked for, what is stored, what is not asked for again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float32Type;
use mmevol::Embedding;
use mmevol::embedding::{Content, Settings};
use mmevol::model::lexical::LexicalModel;
use mmevol::store::{Indexed, Neighbour, Snapshot, Table};
use serde_json::{Value, json};

use crate::command::Workspace;
use crate::endpoint::{Behaviour, Endpoint};
use crate::stores::{TestStore, client, shared_data};

/// An endpoint whose vectors are of the length of the text, and say how many requests it got.
fn embedder() -> Endpoint {
    Endpoint::start(|body| vector(body, &[1.0, 2.0]))
}

fn vector(body: &Value, more: &[f64]) -> Behaviour {
    let length = body["input"].as_str().unwrap().len() as f64;
    let vector: Vec<f64> = std::iter::once(length).chain(more.iter().copied()).collect();
    Behaviour::Json(json!({ "data": [{ "index": 0, "embedding": vector }], "usage": { "prompt_tokens": 7, "total_tokens": 7 } }))
}

fn csv(workspace: &Workspace, sql: &str) -> String {
    workspace.run(&["sql", sql, "--output", "csv"]).expect_code(0).stdout
}

#[test]
fn the_embedded_model_costs_nothing_and_repeats_nothing() {
    let workspace = Workspace::with_photos();
    workspace.run(&["embed", "--dry-run"]).expect_code(0).expect_stderr(&["15 instructions have no up-to-date vector of 'lexical'"]);
    assert_eq!(csv(&workspace, "SELECT count(*) AS n FROM embeddings"), "n\n0\n");
    workspace.run(&["embed"]).expect_code(0).expect_stderr(&["embedded 15 of 15 texts (question) with 'lexical'"]);
    let sql = "SELECT count(*) AS n, min(cardinality(vector)) AS numbers, count(DISTINCT instruction_id) AS ids, min(run_id) AS run, \
               bool_and(text_hash = stable_id(question)) AS hashed FROM embeddings JOIN instructions USING (instruction_id)";
    assert_eq!(csv(&workspace, &sql.replace("min(run_id)", "min(embeddings.run_id)")), "n,numbers,ids,run,hashed\n15,384,15,run-2,true\n");
    assert_eq!(csv(&workspace, "SELECT count(*) AS n FROM calls"), "n\n0\n", "nothing was asked of anybody");

    let again = workspace.run(&["embed"]).expect_code(0).expect_stderr(&["nothing is due"]);
    assert!(!again.stderr.contains("calls"), "{again}");
    assert_eq!(csv(&workspace, "SELECT count(*) AS n FROM runs"), "n\n2\n", "what changes nothing is no run");
    workspace.run(&["check"]).expect_code(0);

    // Another text of the same instructions replaces the vectors.
    workspace
        .run(&["embed", "--what", "question+answer"])
        .expect_code(0)
        .expect_stderr(&["embedded 15 of 15", "took away 15 vectors of earlier texts"]);
    assert_eq!(csv(&workspace, "SELECT content, count(*) AS n FROM embeddings GROUP BY content"), "content,n\nquestion+answer,15\n");
    workspace.run(&["check"]).expect_code(0);
}

#[test]
fn only_what_is_chosen_is_embedded() {
    let workspace = Workspace::with_photos();
    workspace.run(&["embed", "--where", "source_id = 'coffee'"]).expect_code(0);
    let sql = "SELECT DISTINCT s.source_id FROM embeddings e JOIN instructions i USING (instruction_id) JOIN samples s USING (sample_id)";
    assert_eq!(csv(&workspace, sql), "source_id\ncoffee\n");
    workspace.run(&["embed", "--where", "sourceid = 'coffee'"]).expect_code(1).expect_stderr(&["--where", "source_id"]);
    workspace.run(&["embed", "--model", "rules"]).expect_code(1).expect_stderr(&["'rules' embeds nothing", "lexical"]);
    let json = workspace.run(&["embed", "--output", "json"]).expect_code(0).stdout;
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&report[0]["model"], &report[0]["index"]), (&json!("lexical"), &json!("too_few")), "{report:#}");
    assert_eq!(csv(&workspace, "SELECT count(*) AS n FROM embeddings"), "n\n15\n");
}

#[test]
fn an_endpoint_is_asked_once_for_each_text() {
    let (workspace, endpoint) = (Workspace::with_photos(), embedder());
    let url = endpoint.base_url();
    let embed = ["embed", "--model", "test-model", "--base-url", &url];
    let texts = csv(&workspace, "SELECT count(DISTINCT question) AS n FROM instructions").lines().nth(1).unwrap().parse::<usize>().unwrap();

    let limited = [&embed[..], &["--max-calls", "4"]].concat();
    workspace.run(&limited).expect_code(0).expect_stderr(&["4 calls", "texts were not asked for", "higher limit"]);
    assert_eq!(endpoint.requests(), 4);
    workspace.run(&embed).expect_code(0).expect_stderr(&["with 'test-model'"]);
    assert_eq!(endpoint.requests(), texts, "what was answered is not asked again");
    workspace.run(&embed).expect_code(0).expect_stderr(&["nothing is due"]);
    assert_eq!(endpoint.requests(), texts);
    assert_eq!(csv(&workspace, "SELECT count(*) AS n FROM embeddings WHERE model = 'test-model' AND cardinality(vector) = 3"), "n\n15\n");
    assert_eq!(csv(&workspace, "SELECT kind, count(*) AS n FROM calls GROUP BY kind"), format!("kind,n\nembed,{texts}\n"));

    // Going back and embedding again asks nobody: the answers are in the calls.
    workspace.run(&["restore", "run-1"]).expect_code(0);
    assert_eq!(csv(&workspace, "SELECT count(*) AS n FROM embeddings"), "n\n0\n");
    workspace.run(&embed).expect_code(0).expect_stderr(&["answers from earlier calls"]);
    assert_eq!(endpoint.requests(), texts);
    assert_eq!(csv(&workspace, "SELECT count(*) AS n FROM embeddings"), "n\n15\n");
    workspace.run(&["check"]).expect_code(0);
}

#[test]
fn a_text_that_has_changed_is_embedded_again() {
    let (workspace, endpoint) = (Workspace::new(), embedder());
    let seeds = |question: &str| {
        let item = |question: &str| json!({ "question": question, "answer": "Yes.", "objects": [], "skills": ["OCR"] });
        let seed = json!([{ "id": "a", "image": "none.jpg", "conversations_v0": [item(question), item("Is it red?")] }]);
        workspace.write("seeds.json", seed.to_string());
    };
    let import = ["import", "seeds.json", "--allow-missing-images", "--on-changed", "update"];
    let url = endpoint.base_url();
    let embed = ["embed", "--model", "test-model", "--base-url", &url];
    seeds("Is it blue?");
    workspace.run(&import).expect_code(0);
    workspace.run(&embed).expect_code(0);
    seeds("Is it really blue?");
    workspace.run(&import).expect_code(0);
    workspace.run(&embed).expect_code(0).expect_stderr(&["embedded 1 of 1", "took away 1 vectors of earlier texts"]);
    assert_eq!(endpoint.requests(), 3);
    let sql = "SELECT count(*) AS n, count(DISTINCT instruction_id) AS ids, bool_and(text_hash = stable_id(question)) AS current FROM \
               embeddings JOIN instructions USING (instruction_id)";
    assert_eq!(csv(&workspace, sql), "n,ids,current\n2,2,true\n");
    workspace.run(&["check"]).expect_code(0);
}

/// A question without a word has no vector, so that of the question and its answer must not stand for it.
#[test]
fn a_text_that_is_blank_now_loses_the_vector_of_the_earlier_one() {
    let workspace = Workspace::new();
    let item = |question: &str| json!({ "question": question, "answer": "Yes.", "objects": [], "skills": ["OCR"] });
    let seed = json!([{ "id": "a", "image": "none.jpg", "conversations_v0": [item("  "), item("Is it red?")] }]);
    workspace.write("seeds.json", seed.to_string());
    workspace.run(&["import", "seeds.json", "--allow-missing-images"]).expect_code(0);
    workspace.run(&["embed", "--what", "question+answer"]).expect_code(0).expect_stderr(&["embedded 2 of 2"]);
    workspace.run(&["embed"]).expect_code(0).expect_stderr(&["embedded 1 of 1", "took away 2 vectors of earlier texts"]);
    assert_eq!(csv(&workspace, "SELECT content, count(*) AS n FROM embeddings GROUP BY content"), "content,n\nquestion,1\n");
    workspace.run(&["embed"]).expect_code(0).expect_stderr(&["nothing is due"]);
    workspace
        .run(&["dedup", "--method", "semantic", "--dry-run"])
        .expect_code(0)
        .expect_stderr(&["1 items have no embedding", "but for blank texts, which have none"]);

    // Also where that is all there is to do.
    workspace.run(&["embed", "--what", "question+answer"]).expect_code(0);
    let run = workspace.run(&["embed", "--where", "btrim(question) = ''"]).expect_code(0);
    run.expect_stderr(&["nothing is due", "took away 1 vectors of earlier texts"]);
    assert_eq!(csv(&workspace, "SELECT content, count(*) AS n FROM embeddings GROUP BY content"), "content,n\nquestion+answer,1\n");
    workspace.run(&["check"]).expect_code(0);
}

/// Vectors of other lengths, of zeros, and requests that fail leave their instructions without one, and are told.
#[test]
fn vectors_that_are_of_no_use_are_counted_and_not_stored() {
    let healed = Arc::new(AtomicBool::new(false));
    let is_healed = Arc::clone(&healed);
    let endpoint = Endpoint::start(move |body| match body["input"].as_str().unwrap() {
        _ if is_healed.load(Ordering::Relaxed) => vector(body, &[1.0, 2.0]),
        text if text.contains("place 1 ") => Behaviour::Json(json!({ "data": [{ "embedding": [0.0, 0.0, 0.0] }] })),
        text if text.contains("place 2 ") => vector(body, &[1.0]),
        text if text.contains("place 3 ") => Behaviour::error(400, "This model's maximum context length is 4 tokens"),
        text if text.contains("place 4 ") => {
            Behaviour::Json(json!({ "data": [{ "embedding": [] }], "usage": { "prompt_tokens": 7, "total_tokens": 7 } }))
        }
        text if text.contains("place 5 ") => Behaviour::Json(json!({ "data": [{ "embedding": [null, 1.0, 2.0] }] })),
        _ => vector(body, &[1.0, 2.0]),
    });
    let workspace = Workspace::new();
    let items: Vec<Value> = (0..8)
        .map(|number| json!({ "question": format!("What is at place {number} of the room?"), "answer": "A thing.", "objects": [], "skills": [] }))
        .collect();
    workspace.write("seeds.json", json!([{ "id": "a", "image": "none.jpg", "conversations_v0": items }]).to_string());
    workspace.run(&["import", "seeds.json", "--allow-missing-images"]).expect_code(0);
    let url = endpoint.base_url();
    // One at a time, so that the first answer is a good one and says how long vectors are.
    let embed = ["embed", "--model", "test-model", "--base-url", &url, "--concurrency", "1"];
    let first = [&embed[..], &["--where", "position = 0"]].concat();
    workspace.run(&first).expect_code(0).expect_stderr(&["embedded 1 of 1"]);
    workspace.run(&embed).expect_code(0).expect_stderr(&[
        "embedded 2 of 7",
        "5 texts have no vector: 1 failed, 4 came unusable",
        "the commonest reason, 4 times: unusable vector, for example: all of its numbers are 0\n",
    ]);
    assert_eq!(endpoint.requests(), 8, "none is asked twice");
    assert_eq!(csv(&workspace, "SELECT count(*) AS n, max(cardinality(vector)) AS numbers FROM embeddings"), "n,numbers\n3,3\n");
    assert_eq!(csv(&workspace, "SELECT prompt_tokens FROM calls WHERE response = '[]'"), "prompt_tokens\n7\n");
    workspace.run(&["check"]).expect_code(0);

    healed.store(true, Ordering::Relaxed);
    let before = endpoint.requests();
    workspace.run(&embed).expect_code(0).expect_stderr(&["embedded 1 of 5"]);
    assert_eq!(endpoint.requests(), before + 1, "unusable answers were paid for, and are not asked for again");
}

#[test]
fn an_endpoint_that_answers_nobody_is_an_error() {
    let endpoint = Endpoint::start(|_| Behaviour::error(401, "who are you?"));
    let workspace = Workspace::with_photos();
    let url = endpoint.base_url();
    let refused = workspace.run(&["embed", "--model", "test-model", "--base-url", &url]);
    refused.expect_code(1).expect_stderr(&["test-model"]);
    assert_eq!(csv(&workspace, "SELECT count(*) AS n FROM embeddings"), "n\n0\n");
    workspace.run(&["embed"]).expect_code(0).expect_stderr(&["embedded 15 of 15"]);
}

#[test]
fn a_text_is_embedded_by_the_session_s_model_at_the_cost_of_one_call() {
    let (workspace, endpoint) = (Workspace::with_photos(), embedder());
    let url = endpoint.base_url();
    workspace.run(&["embed", "--model", "test-model", "--base-url", &url]).expect_code(0);
    let before = endpoint.requests();
    let sql = "SELECT count(*) AS n FROM nearest('instructions', 'Where is the cat?', 3, 'test-model')";
    workspace.run(&["sql", sql]).expect_code(1).expect_stderr(&["this session has no model 'test-model'", "--embedding-model"]);
    assert_eq!(endpoint.requests(), before);
    let with_model = |sql: &str| {
        let sql = ["sql", sql, "--output", "csv", "--model", "rules", "--embedding-model", "test-model", "--base-url", &url];
        workspace.run(&sql).expect_code(0)
    };
    with_model(&format!("EXPLAIN {sql}"));
    assert_eq!(endpoint.requests(), before, "a plan asks nobody");
    assert_eq!(with_model(sql).stdout, "n\n3\n");
    assert_eq!(endpoint.requests(), before + 1);
    // The model of the session is the default.
    assert_eq!(with_model("SELECT count(*) AS n FROM nearest('instructions', 'Where is the cat?', 3)").stdout, "n\n3\n");
    assert_eq!(endpoint.requests(), before + 1, "and was asked before");
}

#[test]
fn novelty_is_the_distance_to_the_nearest_seed() {
    let (workspace, endpoint) = (Workspace::with_photos(), Endpoint::evolving());
    let url = endpoint.base_url();
    workspace.run(&["evolve", "--rounds", "2", "--model", "test-model", "--base-url", &url]).expect_code(0);
    workspace.run(&["embed"]).expect_code(0);
    let rows =
        workspace.run(&["sql", "-f", &crate::command::in_package("sql/report/novelty.sql"), "--output", "json"]).expect_code(0).stdout;
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    assert_eq!(rows.iter().map(|row| row["round"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    for row in rows {
        let number = |name: &str| row[name].as_f64().unwrap();
        assert!(number("items") > 0.0 && (0.0..2.0).contains(&number("mean_distance")) && number("least_distance") >= 0.0, "{row}");
    }
}

/// Who embedded by a model of their own need not name it: nothing else is there to compare.
#[test]
fn the_only_model_with_vectors_is_compared() {
    let (workspace, evolver, embedder) = (Workspace::with_photos(), Endpoint::evolving(), embedder());
    workspace.run(&["evolve", "--rounds", "1", "--model", "test-model", "--base-url", &evolver.base_url()]).expect_code(0);
    let novelty = || -> Value {
        let json = workspace.run(&["stats", "--section", "novelty", "--output", "json"]).expect_code(0).stdout;
        serde_json::from_str::<Value>(&json).unwrap()[0]["rows"].clone()
    };
    assert_eq!(novelty(), json!([]));
    workspace.run(&["embed", "--model", "test-model", "--base-url", &embedder.base_url()]).expect_code(0);
    let rows = novelty();
    assert_eq!((&rows[0]["round"], &rows[0]["model"]), (&json!(1), &json!("test-model")), "{rows:#}");
    let groups = |model: &str| {
        csv(&workspace, &format!("SELECT count(*) > 0 AS found, count(*) AS n FROM duplicate_groups('semantic', 0.9{model})"))
    };
    assert!(groups("").starts_with("found,n\ntrue,"), "{}", groups(""));
    assert_eq!(groups(""), groups(", 'test-model'"));

    // The lexical model goes before others.
    workspace.run(&["embed"]).expect_code(0);
    assert_eq!(novelty()[0]["model"], "lexical");
    assert_eq!(csv(&workspace, "SELECT DISTINCT model FROM novelty('test-model')"), "model\ntest-model\n");
}

/// The ids of the nearest instructions.
fn ids(neighbours: &[Neighbour]) -> Vec<&str> {
    neighbours.iter().map(|neighbour| neighbour.instruction_id.as_str()).collect()
}

/// The share of the real neighbours that a search finds, over some of the stored questions.
async fn recall(snapshot: &Snapshot, queries: usize, k: usize) -> f64 {
    let mut vectors = Vec::new();
    let read = snapshot.for_each_vector("lexical", |_, batch| {
        vectors.extend((0..batch.len()).map(|row| batch.value(row).as_primitive::<Float32Type>().values().to_vec()));
    });
    read.await.unwrap();
    let step = (vectors.len() / queries).max(1);
    let (mut found, mut all) = (0, 0);
    for query in vectors.iter().step_by(step) {
        let exact = snapshot.nearest_exactly("lexical", query, k).await.unwrap();
        let near = snapshot.nearest("lexical", query, k).await.unwrap();
        // Of several at the same distance any will do.
        let farthest = exact.last().unwrap().distance + 1e-5;
        found += near.iter().filter(|neighbour| neighbour.distance <= farthest).count();
        all += exact.len();
    }
    found as f64 / all as f64
}

/// `rows` questions that differ, with words in common.
async fn with_questions(rows: usize) -> TestStore {
    let test = TestStore::empty().await;
    let nouns = ["dog", "cat", "tree", "car", "boat", "plane", "house", "bird", "lamp", "chair", "table"];
    let verbs = ["sees", "holds", "follows", "hides", "carries", "watches", "needs"];
    let colours = ["red", "green", "blue", "white", "black", "yellow", "brown", "grey"];
    let item = |number: usize| {
        let (noun, verb) = (nouns[number % nouns.len()], verbs[number / 3 % verbs.len()]);
        let (colour, other) = (colours[number / 5 % colours.len()], nouns[number / 7 % nouns.len()]);
        let question =
            format!("Why does the {colour} {noun} number {number} {verb}, near the {other} that stands {} steps away?", number % 97);
        json!({ "question": question, "answer": "Because.", "objects": [], "skills": ["OCR"] })
    };
    let items: Vec<Value> = (0..rows).map(item).collect();
    let path = test.store.root().with_file_name("seeds.json");
    std::fs::write(&path, json!([{ "id": "all", "image": "none.jpg", "conversations_v0": items }]).to_string()).unwrap();
    mmevol::Import::new(path).missing_images(mmevol::import::MissingImages::Allow).run(&test.store).await.unwrap();
    test
}

fn embedding(test: &TestStore, settings: Settings) -> Embedding {
    Embedding::new(test.store.clone(), Arc::new(LexicalModel)).settings(settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_made_above_a_size_and_kept_up_to_date() {
    let test = with_questions(600).await;
    let settings = Settings { predicate: Some("position < 300".into()), ..Settings::default() };
    let few = embedding(&test, settings.clone()).run().await.unwrap();
    assert_eq!((few.index, few.sifted.embedded), (Indexed::TooFew, 300));
    let exact = test.store.snapshot().await.unwrap();

    let index_from = 256;
    let made = embedding(&test, Settings { index_from, ..settings.clone() }).run().await.unwrap();
    assert_eq!((made.index, made.due), (Indexed::Made, 0));
    assert_eq!(embedding(&test, Settings { index_from, ..settings }).run().await.unwrap().index, Indexed::Unchanged);
    let updated = embedding(&test, Settings { index_from, ..Settings::default() }).run().await.unwrap();
    assert_eq!((updated.index, updated.sifted.embedded), (Indexed::Updated, 300));
    let indexed = test.store.snapshot().await.unwrap();
    assert_eq!(indexed.count_rows(Table::Embeddings).await.unwrap(), 600);
    let found = recall(&indexed, 20, 10).await;
    assert!(found >= 0.95, "recall {found}");

    // An earlier state has neither the index nor what came with it.
    let query = mmevol::model::lexical::vector("Why does the red dog see?");
    let then = exact.nearest("lexical", &query, 400).await.unwrap();
    assert_eq!(then.len(), 300);
    assert_eq!(ids(&then), ids(&exact.nearest_exactly("lexical", &query, 400).await.unwrap()));
    // What is restored loses the later vectors, and the search does not find them.
    test.store.restore("run-2").await.unwrap();
    let restored = test.store.snapshot().await.unwrap();
    assert_eq!(ids(&restored.nearest("lexical", &query, 400).await.unwrap()), ids(&then));
    test.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_of_two_models_live_side_by_side() {
    let test = TestStore::with_photos().await;
    let endpoint = embedder();
    embedding(&test, Settings::default()).run().await.unwrap();
    let other = Embedding::new(test.store.clone(), client(&endpoint));
    let settings = Settings { content: Content::QuestionAndAnswer, ..Settings::default() };
    assert_eq!(other.settings(settings).run().await.unwrap().sifted.embedded, 15);
    let rows = test
        .values("SELECT model, content, cardinality(vector) AS numbers, count(*) AS n FROM embeddings GROUP BY model, content, numbers ORDER BY model")
        .await;
    let row = |model, content, numbers| json!({ "model": model, "content": content, "numbers": numbers, "n": 15 });
    assert_eq!(rows, [row("lexical", "question", 384), row("test-model", "question+answer", 3)]);
    let snapshot = test.store.snapshot().await.unwrap();
    assert_eq!((snapshot.dimensions("lexical"), snapshot.dimensions("test-model")), (Some(384), Some(3)));
    assert_eq!(snapshot.nearest("test-model", &[1.0, 2.0, 3.0], 100).await.unwrap().len(), 15);
    assert_eq!(snapshot.nearest("lexical", &mmevol::model::lexical::vector("a"), 100).await.unwrap().len(), 15);
    test.assert_sound().await;
}

/// Real questions, where they are.
#[tokio::test(flavor = "multi_thread")]
async fn recall_over_real_questions() {
    let Some(path) = shared_data("mmevol_demo/history.json") else { return };
    let test = TestStore::empty().await;
    mmevol::Import::new(path).missing_images(mmevol::import::MissingImages::Allow).run(&test.store).await.unwrap();
    let report = embedding(&test, Settings { index_from: 500, ..Settings::default() }).run().await.unwrap();
    assert_eq!((report.index, report.sifted.failed + report.sifted.unusable), (Indexed::Made, 0));
    let found = recall(&test.store.snapshot().await.unwrap(), 30, 10).await;
    assert!(found >= 0.95, "recall {found}");
}
