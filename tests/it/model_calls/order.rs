//! The order of rows: that of the input where a query shows it, as they are answered where nothing depends on it.

use std::sync::Arc;

use futures::StreamExt;
use mmevol::ChatModel;

use super::harness::{Counting, Gated, answers, lines, session};

/// A model that answers the first prompt when all others have arrived.
fn first_comes_last() -> Arc<dyn ChatModel> {
    Gated::new(|request, arrived| request.prompt == "q1" && arrived.len() < 20)
}

fn numbered(numbers: impl Iterator<Item = u64>) -> Vec<String> {
    numbers.map(|number| format!("{number} Q{number}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_select_keeps_the_order_of_its_input() {
    for partitions in [1, 8] {
        let session = session(first_comes_last()).await;
        session.collect(&format!("SET datafusion.execution.target_partitions = {partitions}")).await.unwrap();
        assert_eq!(answers(&session, "SELECT id, llm_complete(q) FROM t").await, numbered(1..=20));
        assert_eq!(answers(&session, "SELECT id, llm_complete(q) FROM t WHERE llm_filter(q)").await, numbered((2..=20).step_by(2)));
        assert_eq!(answers(&session, "SELECT id, llm_complete(q) FROM t LIMIT 3").await, numbered(1..=3));
        let columns = "SELECT id, llm_complete(q), llm_complete(llm_complete(lang)) FROM t WHERE id < 3";
        assert_eq!(answers(&session, columns).await, ["1 Q1 DE", "2 Q2 EN"]);
    }
}

/// Limits take the same rows every time, and repeated queries ask for nothing new: also over a table of several partitions, of which the engine
/// takes what comes first, and over joins and aggregates, whose results it divides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_gives_the_same_rows_every_time() {
    let model = Arc::new(Counting::default());
    let session = session(Arc::clone(&model) as Arc<dyn ChatModel>).await;
    session.collect("SET datafusion.execution.target_partitions = 8").await.unwrap();
    session.collect("CREATE TABLE big AS SELECT value AS id, concat('q', value) AS q FROM generate_series(1, 30000)").await.unwrap();
    for query in [
        "SELECT id FROM big WHERE llm_filter(q) LIMIT 5",
        "SELECT id, llm_complete(q) FROM big LIMIT 3",
        "SELECT id, llm_complete(q) FROM big WHERE id % 997 = 0",
        "SELECT b.id, llm_complete(b.q) FROM big a JOIN big b ON a.id = b.id + 1 LIMIT 3",
        "SELECT id % 11 AS g, llm_complete(max(q)) FROM big GROUP BY g LIMIT 3",
        "SELECT count(*), sum(id) FROM (SELECT id, llm_filter(q) AS f FROM big LIMIT 10) WHERE f",
        "SELECT id, unnest([a, 'x']) FROM (SELECT id, llm_complete(q) AS a FROM big WHERE id % 97 = 0)",
        "SELECT DISTINCT id % 50 AS d, llm_complete(concat('d', id % 50)) AS a FROM big WHERE id % 97 = 0",
        "SELECT a, n FROM (SELECT llm_complete(q) AS a FROM big WHERE id % 89 = 0) CROSS JOIN (VALUES (1), (2)) AS v(n)",
        "SELECT a, n FROM (VALUES (1), (2)) AS v(n) CROSS JOIN (SELECT llm_complete(q) AS a FROM big WHERE id % 83 = 0) AS x",
        "SELECT a, n FROM (SELECT id, llm_complete(q) AS a FROM big WHERE id % 79 = 0) LEFT JOIN (VALUES (1), (2)) AS v(n) ON id = n",
        "SELECT id % 11 AS g, max(llm_complete(q)) FROM big WHERE id % 73 = 0 GROUP BY g LIMIT 3",
        // A limit is below the size of the batches that a join gets.
        "SELECT id, n FROM (VALUES (1), (2)) AS v(n) CROSS JOIN (SELECT id FROM big WHERE llm_filter(q) LIMIT 5) AS x",
        "SELECT id, n FROM (SELECT id FROM big WHERE llm_filter(q) LIMIT 5) AS x LEFT JOIN (VALUES (1), (2)) AS v(n) ON id = n",
    ] {
        let first = answers(&session, query).await;
        let requests = model.requests();
        for _ in 0..4 {
            assert_eq!(answers(&session, query).await, first, "{query}");
        }
        // Of a filter below a limit some are under way that are not needed.
        let is_ahead = query.contains("WHERE llm_filter");
        assert!(is_ahead || model.requests() == requests, "{query}: {} requests more", model.requests() - requests);
    }
    let numbers = "(SELECT value AS id, concat('q', value) AS q FROM generate_series(1, 30000))";
    let found = answers(&session, &format!("SELECT id, llm_complete(q) FROM {numbers} WHERE id % 997 = 0")).await;
    assert_eq!(found, numbered((997..=30_000).step_by(997)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_is_kept_through_unnest_distinct_and_joins() {
    let asked = "(SELECT id, llm_complete(q) AS a FROM t)";
    for query in [
        format!("SELECT id, unnest([a]) FROM {asked}"),
        format!("SELECT DISTINCT id, a FROM {asked}"),
        format!("SELECT id, a FROM {asked} CROSS JOIN (VALUES (1)) AS v(n)"),
        format!("SELECT id, a FROM (VALUES (1)) AS v(n) CROSS JOIN {asked} AS x"),
        format!("SELECT id, a FROM {asked} LEFT JOIN (VALUES (100)) AS v(n) ON id = n"),
    ] {
        let session = session(first_comes_last()).await;
        assert_eq!(answers(&session, &query).await, numbered(1..=20), "{query}");
    }
}

/// One branch after the other, the rows of each in their order: so a limit takes the same rows every time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_union_keeps_the_order_of_its_branches() {
    let session = session(first_comes_last()).await;
    let union = "SELECT id, llm_complete(q) FROM t UNION ALL SELECT 0, 'none'";
    let expected: Vec<String> = numbered(1..=20).into_iter().chain(["0 none".to_owned()]).collect();
    assert_eq!(answers(&session, union).await, expected);
    assert_eq!(answers(&session, &format!("{union} LIMIT 6")).await, numbered(1..=6));
    assert_eq!(answers(&session, &format!("{union} LIMIT 3 OFFSET 18")).await, expected[18..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_by_is_right_whatever_order_answers_come_in() {
    for keep_order in [true, false] {
        let session = session(first_comes_last()).await;
        session.collect(&format!("SET mmevol.keep_order = {keep_order}")).await.unwrap();
        for (query, expected) in [
            ("SELECT id, llm_complete(q) FROM t ORDER BY id", numbered(1..=20)),
            ("SELECT id, llm_complete(q) FROM t ORDER BY id DESC", numbered((1..=20).rev())),
            ("SELECT id, llm_complete(q) FROM t ORDER BY id DESC LIMIT 3", numbered((18..=20).rev())),
            ("SELECT id, llm_complete(q) FROM t ORDER BY id OFFSET 18", numbered(19..=20)),
            ("SELECT id, llm_complete(q) AS a FROM t WHERE id > 9 ORDER BY a", numbered(10..=20)),
            ("SELECT id, llm_complete(q) FROM (SELECT * FROM t ORDER BY id DESC LIMIT 3) ORDER BY id", numbered(18..=20)),
            ("SELECT id, llm_complete(q) FROM t WHERE llm_filter(q) ORDER BY id LIMIT 2", numbered([2, 4].into_iter())),
        ] {
            assert_eq!(answers(&session, query).await, expected, "keep_order = {keep_order}: {query}");
        }
    }
}

/// The first row is answered when all others have been given out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_as_they_are_answered_where_order_is_not_kept() {
    let model = Gated::new(|request, arrived| request.prompt == "q1" && !arrived.iter().any(|prompt| prompt == "go on"));
    let session = session(Arc::clone(&model) as Arc<dyn ChatModel>).await;
    session.collect("SET mmevol.keep_order = false").await.unwrap();
    let mut stream = session.stream("SELECT id, llm_complete(q) FROM t").await.unwrap();
    let mut found = Vec::new();
    while found.len() < 19 {
        found.extend(lines(&[stream.next().await.unwrap().unwrap()]));
    }
    model.release("go on");
    let last = lines(&[stream.next().await.unwrap().unwrap()]);
    assert_eq!(last, ["1 Q1"]);
    assert!(stream.next().await.is_none());
    found.sort_by_key(|line| super::harness::number_in(line.split_once(' ').unwrap().0));
    assert_eq!(found, numbered(2..=20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_say_whether_order_is_kept() {
    let session = session(Arc::new(Counting::default()) as Arc<dyn ChatModel>).await;
    for (query, order) in [
        ("SELECT id, llm_complete(q) FROM t", "order=kept"),
        ("SELECT id FROM t WHERE llm_filter(q)", "order=kept"),
        ("SELECT id, llm_complete(q) FROM t ORDER BY id LIMIT 3", "order=kept"),
        ("SELECT count(*) FROM t WHERE llm_filter(q)", "order=free"),
        ("SELECT llm_complete(q), count(*) FROM t GROUP BY llm_complete(q)", "order=free"),
        ("SELECT id FROM t ORDER BY llm_complete(q)", "order=free"),
        // Which of several rows with one answer a limit takes, and which groups.
        ("SELECT id FROM t ORDER BY llm_complete(q) LIMIT 3", "order=kept"),
        ("SELECT lang, max(llm_complete(q)) FROM t GROUP BY lang LIMIT 1", "order=kept"),
    ] {
        let plan = answers(&session, &format!("EXPLAIN {query}")).await.concat();
        assert!(plan.contains(order), "{query}: {order}\n{plan}");
    }
    session.collect("SET mmevol.keep_order = false").await.unwrap();
    // An ORDER BY is kept, also where it was moved below the calls.
    for (query, order) in [
        ("SELECT id, llm_complete(q) FROM t", "order=free"),
        ("SELECT llm_complete(q) FROM t ORDER BY id LIMIT 3", "order=kept"),
        ("SELECT llm_complete(q) FROM t ORDER BY id OFFSET 3", "order=kept"),
    ] {
        let plan = answers(&session, &format!("EXPLAIN {query}")).await.concat();
        assert!(plan.contains(order), "{query}: {order}\n{plan}");
    }
}
