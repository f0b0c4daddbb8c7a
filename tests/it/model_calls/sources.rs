//! Rows from everywhere: tables in memory, files, the store; every encoding of texts; no rows and many.

use std::sync::Arc;

use datafusion::datasource::MemTable;
use mmevol::{ChatModel, Session};

use super::harness::{Counting, answers, assert_counts, models, session};
use crate::stores::TestStore;

/// Twenty rows: 'p1' to 'p16', 'p1' and 'p2' once more, NULL, and an empty text; every other one in English.
fn prompts(encoding: &str) -> String {
    format!(
        "SELECT value AS id, arrow_cast(CASE WHEN value < 17 THEN concat('p', value) WHEN value < 19 THEN concat('p', value - 16) \
         WHEN value = 20 THEN '' END, '{encoding}') AS p, CASE WHEN value % 2 = 0 THEN 'en' ELSE 'de' END AS lang FROM generate_series(1, 20)"
    )
}

/// Queries over a table of these rows: query, requests, rows.
const OVER_PROMPTS: &[(&str, usize, usize)] = &[
    ("SELECT id, llm_complete(p) FROM {}", 16, 20),
    ("SELECT id FROM {} WHERE lang = 'en' AND llm_complete(p) = 'P4'", 8, 1),
    ("SELECT id FROM {} WHERE llm_filter(p)", 16, 9),
    ("SELECT llm_complete(p), count(*) FROM {} GROUP BY llm_complete(p)", 16, 17),
    ("SELECT * FROM (SELECT max(p) AS p, lang FROM {} GROUP BY lang) WHERE lang = 'en' AND llm_complete(p) = 'P8'", 1, 1),
    ("SELECT * FROM (SELECT id, p, lang FROM {} ORDER BY id LIMIT 4) WHERE lang = 'en' AND llm_complete(p) = 'P4'", 2, 1),
    ("SELECT cardinality(llm_embed(p)) FROM {}", 16, 20),
];

fn over(source: &str) -> Vec<(String, usize, usize)> {
    OVER_PROMPTS.iter().map(|(query, requests, rows)| (query.replace("{}", source), *requests, *rows)).collect()
}

async fn assert_counts_over(source: &str, prepare: impl AsyncFn(&Session)) {
    let cases = over(source);
    let cases: Vec<(&str, usize, usize)> = cases.iter().map(|(query, requests, rows)| (query.as_str(), *requests, *rows)).collect();
    assert_counts(&cases, prepare).await;
}

/// Rows in four partitions: one with two batches, one without any.
async fn register_partitions(session: &Session, encoding: &str) {
    let batches = session.collect(&prompts(encoding)).await.unwrap();
    let whole = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    let partitions = vec![vec![whole.slice(0, 5), whole.slice(5, 1)], vec![whole.slice(6, 9)], vec![], vec![whole.slice(15, 5)]];
    session.context().register_table("p", Arc::new(MemTable::try_new(whole.schema(), partitions).unwrap())).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_in_memory_with_several_partitions_in_every_encoding() {
    for encoding in ["Utf8", "LargeUtf8", "Utf8View", "Dictionary(Int32, Utf8)"] {
        assert_counts_over("p", async |session| register_partitions(session, encoding).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(Arc::new(Counting::default()) as Arc<dyn ChatModel>).await;
    for (name, format) in [("rows.parquet", "PARQUET"), ("rows.jsonl", "JSON"), ("rows.csv", "CSV")] {
        let path = folder.path().join(name).display().to_string();
        session.collect(&format!("COPY ({}) TO '{path}' STORED AS {format}", prompts("Utf8"))).await.unwrap();
        assert_counts_over(&format!("'{path}'"), async |_| ()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_of_a_store() {
    let test = TestStore::with_items(&[3, 2]).await;
    let expected = [
        ("SELECT llm_complete(question) FROM instructions", 5, 5),
        ("SELECT instruction_id FROM instructions WHERE question LIKE '%room 1?' AND llm_complete(question) IS NOT NULL", 2, 2),
        ("SELECT instruction_id FROM instructions WHERE llm_complete(question) IS NOT NULL AND question LIKE '%room 1?'", 2, 2),
        ("SELECT instruction_id FROM history WHERE question LIKE '%place 0%' AND llm_complete(question) > ''", 2, 2),
        ("SELECT llm_complete(question) FROM instructions LIMIT 1", 1, 1),
        ("SELECT llm_complete(caption) FROM samples", 0, 2),
        (
            "SELECT s.sample_id, llm_complete(i.question) FROM samples s JOIN instructions i ON i.sample_id = s.sample_id AND i.question LIKE '%room 0?'",
            3,
            3,
        ),
        ("SELECT llm_complete(x) FROM (SELECT unnest(skills) AS x FROM instructions)", 1, 5),
        ("SELECT count(*) FROM (SELECT llm_complete(question) FROM instructions)", 0, 1),
    ];
    for (query, requests, rows) in expected {
        let model = Arc::new(Counting::default());
        let models = models(Arc::clone(&model) as Arc<dyn ChatModel>);
        let session = Session::builder().store(test.store.clone()).models(Arc::new(models)).build().await.unwrap();
        let found = answers(&session, query).await;
        assert_eq!((model.requests(), model.distinct(), found.len()), (requests, requests, rows), "{query}\n{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_rows_ask_nothing() {
    let cases = [
        ("SELECT llm_complete(q) FROM none", 0, 0),
        ("SELECT id FROM none WHERE llm_filter(q)", 0, 0),
        ("SELECT max(llm_complete(q)) FROM none", 0, 1),
        ("SELECT llm_complete(q), count(*) FROM none GROUP BY llm_complete(q)", 0, 0),
        ("SELECT t.id, llm_complete(none.q) FROM t LEFT JOIN none ON t.id = none.id", 0, 20),
    ];
    assert_counts(&cases, async |session| {
        session.collect("CREATE TABLE none AS SELECT * FROM t WHERE false").await.unwrap();
    })
    .await;
}

/// More rows than a batch, an input of several batches, and each distinct request once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_rows() {
    let cases = [
        ("SELECT llm_complete(concat('long ', value)) FROM generate_series(1, 10000)", 10_000, 10_000),
        ("SELECT llm_complete(concat('few ', value % 10)) FROM generate_series(1, 10000)", 10, 10_000),
        ("SELECT value FROM generate_series(1, 10000) WHERE value % 100 = 0 AND llm_filter(concat('some ', value))", 100, 100),
    ];
    assert_counts(&cases, async |_| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_many_rows_stay_with_their_rows() {
    let session = session(Arc::new(Counting::default()) as Arc<dyn ChatModel>).await;
    let query = "SELECT count(*), count(*) FILTER (WHERE a = upper(q) AND b = length(q)), min(id), max(id) FROM \
                 (SELECT id, q, llm_complete(q) AS a, length(llm_complete(concat(q, ''))) AS b FROM \
                 (SELECT value AS id, concat('q', value) AS q FROM generate_series(1, 9000)))";
    assert_eq!(answers(&session, query).await, ["9000 9000 1 9000"]);
}
