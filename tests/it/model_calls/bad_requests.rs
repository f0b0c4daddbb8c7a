//! Rows whose request cannot be made: an error value of that row, and the query goes on or stops as `mmevol.on_error` says.

use std::sync::Arc;

use mmevol::query::StoreImages;
use mmevol::{ChatModel, Session};

use super::harness::{Counting, answers, models, refusal, with_rows};
use crate::stores::TestStore;

/// Arguments that are wrong for row 2 alone, `error_kind`, and what the error says.
const WRONG: &[(&str, &str, &str)] = &[
    ("q, CASE WHEN id = 2 THEN ['no such image'] END", "image", "no such image"),
    ("q, CASE WHEN id = 2 THEN 'no such image' END", "image", "no such image"),
    ("q, CASE WHEN id = 2 THEN [arrow_cast(NULL, 'Utf8')] END", "image", "one of image_ids is NULL"),
    ("q, CASE WHEN id = 2 THEN MAP(['temprature'], [0.5]) ELSE MAP(['temperature'], [0.5]) END", "option", "did you mean 'temperature'?"),
    (
        "q, CASE WHEN id = 2 THEN MAP(['colour'], [0.5]) ELSE MAP(['temperature'], [0.5]) END",
        "option",
        "the options are temperature, max_tokens",
    ),
    ("q, temperature => CASE WHEN id = 2 THEN 9 END", "option", "temperature must be a number from 0 to 2, not '9'"),
    ("q, {max_tokens: CASE WHEN id = 2 THEN 0 ELSE 9 END}", "option", "max_tokens must be a whole number from 1, not '0'"),
    ("q, sample => CASE WHEN id = 2 THEN -1 END", "option", "sample must be a whole number from 0, not '-1'"),
    ("q, schema => CASE WHEN id = 2 THEN '{' END", "schema", "the schema is no JSON"),
    ("q, schema => CASE WHEN id = 2 THEN '{\"type\": \"text\"}' END", "schema", "$.type must be one of null, boolean"),
];

/// A session with the rows of `t` over a store with images.
async fn session(test: &TestStore, model: &Arc<Counting>) -> Session {
    let mut models = models(Arc::clone(model) as Arc<dyn ChatModel>);
    models.model.images = Some(StoreImages::request_images(&test.store.snapshot().await.unwrap()));
    let session = Session::builder().store(test.store.clone()).models(Arc::new(models)).build().await.unwrap();
    with_rows(&session, 3).await;
    session
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_row_has_the_error_and_the_others_their_answers() {
    let test = TestStore::with_photos().await;
    for (arguments, kind, message) in WRONG {
        let model = Arc::new(Counting::default());
        let session = session(&test, &model).await;
        let tried = format!(
            "SELECT x['error_kind'], x['value'], x['attempts'], x['request_id'] IS NULL OR x['error_kind'] IS NOT NULL, x['error'] FROM \
             (SELECT id, try_llm_complete({arguments}) AS x FROM t) ORDER BY id"
        );
        let found = answers(&session, &tried).await;
        assert_eq!((found[0].as_str(), found[2].as_str()), ("NULL Q1 1 false NULL", "NULL Q3 1 false NULL"), "{arguments}");
        assert!(found[1].starts_with(&format!("{kind} NULL 0 true ")) && found[1].contains(message), "{arguments}: {found:?}");
        assert_eq!(model.requests(), 2, "{arguments}");

        let plain = format!("SELECT llm_complete({arguments}) FROM t ORDER BY id");
        assert_eq!(answers(&session, &plain).await, ["Q1", "NULL", "Q3"], "{arguments}");
        let plan = answers(&session, &format!("EXPLAIN ANALYZE {plain}")).await.concat();
        assert!(plan.contains("failed=1"), "{arguments}: {plan}");

        session.collect("SET mmevol.on_error = 'fail'").await.unwrap();
        let error = refusal(&session, &plain).await;
        assert!(error.contains(&format!("llm_complete failed on a row: {kind}: ")) && error.contains(message), "{arguments}: {error}");
        assert!(error.contains("SET mmevol.on_error = 'null' goes on") && error.contains("try_llm_complete"), "{error}");
        assert_eq!(answers(&session, &tried).await.len(), 3);
        assert_eq!(model.requests(), 2, "{arguments}");
    }
}

/// What is wrong whatever the rows are is refused at plan time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_for_every_row_is_wrong_with_the_statement() {
    let model = Arc::new(Counting::default());
    let session = super::harness::session(Arc::clone(&model) as Arc<dyn ChatModel>).await;
    for (call, message) in [
        ("llm_complete(q, temprature => 0)", "did you mean 'temperature'?"),
        ("llm_complete(q, {temprature: 0})", "did you mean 'temperature'?"),
        ("llm_complete(q, MAP {'temprature': 0})", "did you mean 'temperature'?"),
        ("llm_filter(q, schema => '{}')", "schema"),
        ("llm_embed(q, temperature => 0)", "sample"),
        ("llm_complete(id)", "must be text, got Int64"),
        ("llm_complete()", "llm_complete takes 1 to 3, got 0 arguments"),
        ("llm_complte(q)", "did you mean 'llm_complete'"),
    ] {
        let error = refusal(&session, &format!("SELECT {call} FROM t")).await;
        assert!(error.contains(message), "{call}: {error}");
    }
    assert_eq!(model.requests(), 0);
}

/// No images are no error; an image of the store is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_without_images_ask_without_them() {
    let test = TestStore::with_photos().await;
    let model = Arc::new(Counting::default());
    let session = session(&test, &model).await;
    assert_eq!(answers(&session, "SELECT llm_complete(q, NULL), llm_complete(q, []) FROM t WHERE id = 1").await, ["Q1 Q1"]);
    let photos = "SELECT count(llm_complete('What is this?', image_ids)) FROM samples";
    assert_eq!(answers(&session, photos).await, ["7"]);
    assert_eq!(model.requests(), 8);
}

/// Also where the whole column would be read at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_that_is_none_is_an_error_of_its_row() {
    let model = Arc::new(Counting::default());
    let session = Session::builder().models(Arc::new(models(Arc::clone(&model) as Arc<dyn ChatModel>))).build().await.unwrap();
    with_rows(&session, 3).await;
    for objects in [
        "CASE WHEN id = 2 THEN [0.1] ELSE [0.1, 0.2, 0.3, 0.4] END",
        "CASE WHEN id = 2 THEN [0.1, NULL, 0.3, 0.4] ELSE [0.1, 0.2, 0.3, 0.4] END",
    ] {
        let call = format!(
            "try_llm_evolve('interaction', NULL, 'A dog.', [{{label: 'dog', bbox: {objects}}}], [{{question: q, answer: 'A dog.'}}])"
        );
        let found =
            answers(&session, &format!("SELECT x['error_kind'], x['attempts'] FROM (SELECT id, {call} AS x FROM t) ORDER BY id")).await;
        assert_eq!(found[1], "argument 0", "{objects}: {found:?}");
        assert!(!found[0].starts_with("argument") && !found[2].starts_with("argument"), "{found:?}");
    }
}
