//! Statements that are more than a query: a call is made when its answer is needed, not when it is written down.

use std::sync::Arc;

use mmevol::{ChatModel, Session};

use super::harness::{Counting, answers, models, refusal, session};
use crate::stores::TestStore;

/// Runs statements one after the other; after each, the requests made so far and the rows it gave.
async fn assert_steps(session: &Session, model: &Counting, steps: &[(&str, usize, usize)]) {
    for (statement, requests, rows) in steps {
        let found = answers(session, statement).await;
        assert_eq!((model.requests(), model.distinct(), found.len()), (*requests, *requests, *rows), "{statement}\n{found:?}");
    }
}

async fn counted() -> (Arc<Counting>, Session) {
    let model = Arc::new(Counting::default());
    let session = session(Arc::clone(&model) as Arc<dyn ChatModel>).await;
    (model, session)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_holds_the_answers() {
    let (model, session) = counted().await;
    let steps = [
        ("CREATE TABLE made AS SELECT id, llm_complete(q) AS a FROM t WHERE id < 6", 5, 0),
        ("SELECT * FROM made WHERE a = 'Q3'", 5, 1),
        ("INSERT INTO made SELECT id, llm_complete(q) FROM t WHERE id < 8", 7, 1),
        ("SELECT DISTINCT a FROM made", 7, 7),
        ("SELECT a FROM made", 7, 12),
    ];
    assert_steps(&session, &model, &steps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_asks_for_what_its_reader_needs() {
    let (model, session) = counted().await;
    let steps = [
        ("CREATE VIEW v AS SELECT id, lang, llm_complete(q) AS a, try_llm_complete(lang) AS x FROM t", 0, 0),
        ("SELECT count(*) FROM v", 0, 1),
        ("SELECT id FROM v WHERE lang = 'en'", 0, 10),
        ("SELECT a FROM v WHERE lang = 'en' AND id < 5", 2, 2),
        ("SELECT a FROM v ORDER BY id LIMIT 3", 4, 3),
        ("SELECT x['value'], x['error'] FROM v WHERE lang = 'en'", 5, 10),
        ("SELECT one.a FROM v AS one JOIN v AS other ON one.id = other.id AND other.a > '' WHERE one.id < 7", 7, 6),
        ("SELECT * FROM v", 22, 20),
    ];
    assert_steps(&session, &model, &steps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prepared_statement_asks_when_it_is_executed() {
    let (model, session) = counted().await;
    let steps = [
        ("PREPARE ask (BIGINT) AS SELECT llm_complete(q) FROM t WHERE id = $1", 0, 0),
        ("EXECUTE ask(3)", 1, 1),
        ("EXECUTE ask(3)", 1, 1),
        ("EXECUTE ask(4)", 2, 1),
        ("PREPARE ask_this (VARCHAR) AS SELECT llm_complete($1)", 2, 0),
        ("EXECUTE ask_this('hello')", 3, 1),
    ];
    assert_steps(&session, &model, &steps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_holds_the_answers() {
    let (model, session) = counted().await;
    let folder = tempfile::tempdir().unwrap();
    for (name, format) in [("answers.parquet", "PARQUET"), ("answers.jsonl", "JSON"), ("answers.csv", "CSV")] {
        let path = folder.path().join(name).display().to_string();
        let copied = format!("COPY (SELECT id, llm_complete(q) AS a FROM t WHERE lang = 'en') TO '{path}' STORED AS {format}");
        let read = format!("SELECT id FROM '{path}' WHERE a LIKE 'Q%'");
        assert_steps(&session, &model, &[(&copied, 10, 1), (&read, 10, 10)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_go_into_a_table_of_the_store() {
    let test = TestStore::with_items(&[3]).await;
    let model = Arc::new(Counting::default());
    let models = models(Arc::clone(&model) as Arc<dyn ChatModel>);
    let session = Session::builder().store(test.store.clone()).models(Arc::new(models)).build().await.unwrap();
    let insert =
        "INSERT INTO prompts SELECT instruction_id, 'mine', llm_complete(question), TIMESTAMP '2025-01-02T03:04:05Z' FROM instructions";
    let steps = [
        (insert, 3, 1),
        ("SELECT template FROM prompts WHERE name = 'mine' AND template LIKE 'WHAT IS AT PLACE%'", 3, 3),
        ("SELECT llm_complete(template) FROM prompts WHERE name = 'mine'", 6, 3),
    ];
    assert_steps(&session, &model, &steps).await;
}

/// What could not be kept is refused while it costs nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_place_is_not_asked_for() {
    let test = TestStore::with_items(&[3]).await;
    let model = Arc::new(Counting::default());
    let models = models(Arc::clone(&model) as Arc<dyn ChatModel>);
    let session = Session::builder().store(test.store.clone()).models(Arc::new(models)).build().await.unwrap();
    let insert = "INSERT INTO samples (sample_id) SELECT llm_complete(question) FROM instructions";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors.csv").display().to_string();
    let copy = format!("COPY (SELECT llm_embed(question) AS e FROM instructions) TO '{path}'");
    let analyzed = format!("EXPLAIN ANALYZE {copy}");
    let not_in_csv = "column 'e' is List(Float32), which a CSV file has no place for";
    let must_not_be_null = "column 'source' of table 'samples': must not be NULL";
    for (statement, said) in [(insert, must_not_be_null), (copy.as_str(), not_in_csv), (analyzed.as_str(), not_in_csv)] {
        let error = refusal(&session, statement).await;
        assert!(error.starts_with(said), "{statement}\n{error}");
        assert_eq!(model.requests(), 0, "{statement}");
    }
}
