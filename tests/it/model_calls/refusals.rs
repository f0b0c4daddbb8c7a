//! Places in which a model cannot be asked: refused at plan time, with what to write instead.

use std::sync::Arc;

use mmevol::ChatModel;

use super::harness::{Counting, answers, assert_counts, in_words, lines, refusal, session};

/// Query, what the error says, what the hint says.
const REFUSED: &[(&str, &str, &str)] = &[
    ("SELECT * FROM (VALUES (llm_complete('a')))", "a model cannot be asked in VALUES", "write SELECT llm_...(...)"),
    (
        "SELECT lang, count(*) FROM t GROUP BY GROUPING SETS ((llm_complete(lang)), (lang))",
        "a model cannot be asked inside ROLLUP, CUBE or GROUPING SETS",
        "ask in a subquery",
    ),
    ("SELECT count(*) FROM t GROUP BY ROLLUP (llm_complete(lang))", "inside ROLLUP, CUBE or GROUPING SETS", "group by its column"),
    (
        "SELECT DISTINCT ON (lang) lang, llm_complete(q) FROM t ORDER BY lang, id",
        "a model cannot be asked in DISTINCT ON",
        "ask in a subquery",
    ),
    ("SELECT DISTINCT ON (llm_complete(lang)) id FROM t", "a model cannot be asked in DISTINCT ON", "ask in a subquery"),
    (
        "SELECT id FROM t a WHERE EXISTS (SELECT 1 FROM t b WHERE llm_filter(a.q || b.q))",
        "a subquery asks a model about a column of the query around it",
        "join the two tables instead",
    ),
    (
        "SELECT (SELECT llm_complete(a.q)) FROM t a",
        "a subquery asks a model about a column of the query around it",
        "ask in the SELECT of the join",
    ),
    (
        "SELECT id, (SELECT llm_complete(max(b.q)) FROM t b WHERE b.lang = a.lang) FROM t a",
        "a subquery asks a model about a result, such as an aggregate, of rows that it picks by a column of the query around it",
        "ask about its column outside of it",
    ),
    (
        "SELECT a.id FROM t a LEFT JOIN t b ON llm_filter(a.q || b.q)",
        "the condition of a left join asks a model about both of its sides",
        "ask in an inner join",
    ),
    ("DELETE FROM t WHERE llm_filter(q)", "a model cannot be asked in DELETE", "CREATE OR REPLACE TABLE t AS SELECT"),
    ("UPDATE t SET q = llm_complete(q) WHERE id = 1", "a model cannot be asked in UPDATE", "CREATE OR REPLACE TABLE t AS SELECT"),
    (
        "DELETE FROM t WHERE id IN (SELECT id FROM t WHERE llm_complete(q) = 'Q3')",
        "DELETE can depend on columns of 't' alone",
        "CREATE OR REPLACE TABLE t AS SELECT",
    ),
    ("SELECT CASE WHEN random() < 0.5 THEN llm_complete(q) END FROM t", "whether to ask a model depends on", "as a column of a subquery"),
    ("SELECT id FROM t WHERE random() < 0.5 OR llm_filter(q)", "whether to ask a model depends on", "as a column of a subquery"),
    (
        "SELECT id FROM t WHERE llm_complete(q) = 'A' OR id IN (SELECT id FROM t)",
        "depends on IN (SELECT ...) or EXISTS (SELECT ...)",
        "SELECT * FROM (SELECT *, llm_complete(q) AS answer FROM t) WHERE answer = 'yes' OR id IN (SELECT ...)",
    ),
    ("SELECT coalesce(uuid(), llm_complete(q)) FROM t", "whether to ask a model depends on", "as a column of a subquery"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_refused_with_what_to_write_instead() {
    let model = Arc::new(Counting::default());
    let session = session(Arc::clone(&model) as Arc<dyn ChatModel>).await;
    let mut wrong = Vec::new();
    for (query, message, hint) in REFUSED {
        let error = match session.collect(query).await {
            Ok(batches) => format!("no error, but {:?}", lines(&batches)),
            Err(error) => in_words(&error),
        };
        let hinted = error.lines().any(|line| line.starts_with("hint: ") && line.contains(hint));
        if !error.contains(message) || !hinted {
            wrong.push(format!("{query}\n{error}"));
        }
        // EXPLAIN shows plans, and errors in their place.
        let explained = answers(&session, &format!("EXPLAIN {query}")).await.concat();
        if !explained.contains(message) {
            wrong.push(format!("EXPLAIN {query}\n{explained}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(model.requests(), 0);
}

/// What the hints say works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_hints_say_works() {
    assert_counts(
        &[
            ("SELECT llm_complete('a') UNION ALL SELECT llm_complete('b')", 2, 2),
            ("SELECT a, count(*) FROM (SELECT lang, llm_complete(lang) AS a FROM t) GROUP BY GROUPING SETS ((a), (lang))", 2, 4),
            ("CREATE OR REPLACE TABLE t AS SELECT id, llm_complete(q) AS q FROM t WHERE lang = 'en'", 10, 0),
            ("SELECT DISTINCT ON (a) id FROM (SELECT id, llm_complete(lang) AS a FROM t)", 2, 2),
            ("SELECT DISTINCT a.id FROM t a JOIN t b ON llm_filter(a.q || b.q) AND a.id = 1 AND b.id < 4", 3, 1),
            ("SELECT CASE WHEN draw < 2 THEN llm_complete(q) END FROM (SELECT q, random() AS draw FROM t)", 20, 20),
            (
                "SELECT array_agg(a) FROM (SELECT id, llm_complete(x) AS a FROM (SELECT id, unnest([q, lang]) AS x FROM t)) GROUP BY id",
                22,
                20,
            ),
        ],
        async |_| (),
    )
    .await;
}

#[tokio::test]
async fn without_a_model_every_function_is_refused_before_anything_runs() {
    let session = mmevol::Session::builder().build().await.unwrap();
    for function in
        ["llm_complete", "llm_filter", "llm_embed", "try_llm_complete", "try_llm_filter", "try_llm_embed", "ai", "prompt", "embed"]
    {
        let call = format!("{function}('a')");
        for query in [
            format!("SELECT {call}"),
            format!("EXPLAIN SELECT {call}"),
            format!("EXPLAIN ANALYZE SELECT {call}"),
            format!("SELECT 1 WHERE {call} IS NULL"),
            format!("CREATE VIEW v AS SELECT {call} AS a"),
            format!("CREATE TABLE made AS SELECT {call} AS a"),
            format!("SELECT count(*) FROM (SELECT {call})"),
        ] {
            let error = refusal(&session, &query).await;
            assert!(
                error.contains("asks a model, and this session has none") && error.contains("hint: model calls cost money"),
                "{query}\n{error}"
            );
        }
    }
}
