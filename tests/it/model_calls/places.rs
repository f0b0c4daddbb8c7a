//! Calls in every place of a query: each distinct request that some row needs is made, once.

use std::sync::Arc;

use mmevol::ChatModel;

use super::harness::{Counting, answers, assert_counts, session};

/// Query, requests, rows.
const IN_SELECT: &[(&str, usize, usize)] = &[
    ("SELECT id, llm_complete(q) FROM t", 20, 20),
    ("SELECT llm_complete(q) AS a, llm_complete(q) AS b FROM t", 20, 20),
    (
        "SELECT llm_complete(q) AS a, llm_complete(q) AS b, upper(llm_complete(q)) FROM t WHERE llm_complete(q) <> 'Q1' ORDER BY llm_complete(q)",
        20,
        19,
    ),
    ("SELECT x['value'], x['error'] FROM (SELECT try_llm_complete(q) AS x FROM t) WHERE x['value'] <> 'Q3'", 20, 19),
    ("SELECT x['value'], x['attempts'], x['model'] FROM (SELECT try_llm_complete(q) AS x FROM t)", 20, 20),
    ("SELECT sum(id) FROM (SELECT id, try_llm_complete(q) AS x FROM t) WHERE x['value'] = 'Q4' OR x['cached']", 20, 1),
    ("SELECT llm_complete(llm_complete(q)) FROM t", 40, 20),
    ("SELECT llm_complete(llm_complete(q)), llm_complete(q) FROM t", 40, 20),
    ("SELECT llm_complete(llm_complete(llm_complete(lang))) FROM t", 4, 20),
    ("SELECT llm_complete('same') FROM t", 1, 20),
    ("SELECT llm_complete(NULL) FROM t", 0, 20),
    ("SELECT llm_complete('') FROM t", 0, 20),
    ("SELECT llm_complete(q) FROM t WHERE id > 100", 0, 0),
    ("SELECT llm_complete(q) FROM t WHERE false", 0, 0),
    ("SELECT llm_complete(lang) FROM t", 2, 20),
    ("SELECT DISTINCT llm_complete(lang) FROM t", 2, 2),
    ("SELECT DISTINCT ON (a) a, id FROM (SELECT llm_complete(lang) AS a, id FROM t) ORDER BY a, id", 2, 2),
    ("SELECT llm_complete(word) FROM (SELECT unnest([q, lang]) AS word FROM t)", 22, 40),
    ("SELECT unnest(llm_embed(q)) FROM t", 20, 40),
    ("SELECT unnest(string_to_array(llm_complete(lang), 'E')) FROM t", 2, 40),
    ("SELECT llm_complete(q, sample => id) FROM t WHERE id < 4", 3, 3),
    ("SELECT llm_complete('joke', sample => id) FROM t", 20, 20),
    ("SELECT llm_complete('joke', {temperature: 0}) AS a, llm_complete('joke', MAP {'temperature': 0}) AS b FROM t", 1, 20),
    (
        "SELECT llm_complete('joke', temperature => 0), llm_complete('joke', temperature => 1), llm_complete('joke', seed => 1) FROM t",
        3,
        20,
    ),
    ("SELECT llm_complete(q, {}) AS a, llm_complete(q, MAP {}) AS b, llm_complete(q, options => {}) AS c FROM t", 20, 20),
    ("SELECT ai(q) AS a, prompt(q) AS b, llm_complete(q) AS c FROM t", 20, 20),
    ("SELECT embed(q) AS a, llm_embed(q) AS b FROM t", 20, 20),
    ("SELECT count(*) FROM (SELECT id, llm_complete(q) AS a FROM t)", 0, 1),
    ("SELECT id FROM (SELECT id, llm_complete(q) AS a, llm_embed(q) AS b FROM t ORDER BY id LIMIT 5)", 0, 5),
    // What is drawn each time is another question each time.
    ("SELECT a FROM (SELECT llm_complete(concat('x', random())) AS a, llm_complete(concat('x', random())) AS b FROM t) WHERE a = b", 40, 0),
    ("SELECT llm_complete(concat('x', random())) AS a FROM t WHERE llm_complete(concat('x', random())) > ''", 40, 20),
    ("SELECT llm_complete(concat('x', random())), CASE WHEN id = 1 THEN llm_complete(concat('x', random())) END FROM t", 21, 20),
];

const IN_WHERE: &[(&str, usize, usize)] = &[
    ("SELECT id FROM t WHERE lang = 'en' AND llm_complete(q) = 'Q4'", 10, 1),
    ("SELECT id FROM t WHERE llm_complete(q) = 'Q4' AND lang = 'en'", 10, 1),
    ("SELECT id FROM t WHERE llm_filter(q) AND llm_complete(q) = 'Q4'", 30, 1),
    ("SELECT id FROM t WHERE llm_filter('is it so? ' || q)", 20, 10),
    ("SELECT id FROM t WHERE NOT llm_filter(q)", 20, 10),
    ("SELECT id, llm_complete(q) AS a FROM t WHERE llm_complete(q) > 'Q2' ORDER BY llm_complete(q)", 20, 8),
    ("SELECT id, llm_complete(q) AS a FROM t WHERE llm_filter(q) ORDER BY id", 30, 10),
    ("SELECT id FROM t WHERE llm_complete(q) BETWEEN 'Q1' AND 'Q12'", 20, 4),
    ("SELECT id FROM t WHERE llm_complete(q) IN ('Q1', 'Q2')", 20, 2),
    ("SELECT id FROM t WHERE llm_complete(q) LIKE 'Q1%'", 20, 11),
    ("SELECT id FROM t WHERE llm_complete(q) IS NULL", 20, 0),
    // A condition that costs nothing goes below the calls, from wherever it is written.
    ("SELECT id FROM (SELECT id, lang, llm_complete(q) AS a FROM t) WHERE lang = 'en' AND a > ''", 10, 10),
    ("SELECT * FROM (SELECT id, lang, llm_complete(q) AS a FROM t WHERE id < 11) WHERE lang = 'en'", 5, 5),
    ("WITH c AS (SELECT id, lang, llm_complete(q) AS a FROM t) SELECT a FROM c WHERE lang = 'en' AND id < 5", 2, 2),
    // Above an aggregate and above a LIMIT it stays where it is.
    ("SELECT * FROM (SELECT lang, max(q) AS q FROM t GROUP BY lang) WHERE lang = 'en' AND llm_complete(q) > ''", 1, 1),
    ("SELECT * FROM (SELECT id, q, lang FROM t ORDER BY id LIMIT 5) WHERE lang = 'en' AND llm_complete(q) > ''", 2, 2),
    ("SELECT * FROM (SELECT id, lang, llm_complete(q) AS a FROM t ORDER BY id LIMIT 5) WHERE lang = 'en'", 2, 2),
    ("SELECT lang, max(id) FROM t GROUP BY lang HAVING llm_complete(lang) = 'EN'", 2, 1),
    ("SELECT lang, max(id) FROM t GROUP BY lang HAVING max(id) > 19 AND llm_complete(lang) = 'EN'", 1, 1),
    ("SELECT max(llm_complete(q)) FROM t GROUP BY lang HAVING max(llm_complete(q)) > 'Q8'", 20, 1),
];

const ONLY_WHERE_NEEDED: &[(&str, usize, usize)] = &[
    ("SELECT CASE WHEN id = 1 THEN llm_complete(q) ELSE 'no' END FROM t", 1, 20),
    ("SELECT CASE WHEN id = 1 THEN llm_complete(q) WHEN id < 4 THEN llm_complete(lang) END FROM t", 3, 20),
    ("SELECT CASE id WHEN 1 THEN llm_complete(q) ELSE llm_complete('else') END FROM t", 2, 20),
    ("SELECT CASE WHEN llm_filter(q) THEN 1 ELSE 0 END FROM t", 20, 20),
    ("SELECT CASE WHEN lang = 'en' THEN CASE WHEN id < 5 THEN llm_complete(q) END END FROM t", 2, 20),
    ("SELECT CASE WHEN lang = 'en' AND llm_filter(q) THEN llm_complete(q) END FROM t WHERE id < 6", 4, 5),
    // What one expression needs for every row, all share.
    ("SELECT CASE WHEN id = 1 THEN llm_complete(q) END, llm_complete(q) FROM t", 20, 20),
    ("SELECT coalesce(CASE WHEN id > 3 THEN q END, llm_complete(q)) FROM t", 3, 20),
    ("SELECT coalesce(NULL, CASE WHEN id > 3 THEN q END, llm_complete(q), llm_complete(lang)) FROM t", 3, 20),
    ("SELECT coalesce(llm_complete(CASE WHEN id > 3 THEN q END), llm_complete(lang)) FROM t", 19, 20),
    ("SELECT nvl(CASE WHEN id > 3 THEN q END, llm_complete(q)) FROM t", 3, 20),
    ("SELECT nvl2(CASE WHEN id > 3 THEN q END, 'there', llm_complete(q)) FROM t", 3, 20),
    ("SELECT nvl2(CASE WHEN id > 3 THEN q END, llm_complete(q), 'none') FROM t", 17, 20),
    ("SELECT nullif(llm_complete(q), 'Q1') FROM t", 20, 20),
    ("SELECT id FROM t WHERE id > 5 OR llm_complete(q) = 'Q1'", 5, 16),
    ("SELECT id FROM t WHERE llm_complete(q) = 'Q1' OR id > 5", 5, 16),
    ("SELECT id FROM t WHERE lang = 'en' AND (id > 5 OR llm_complete(q) = 'Q2')", 2, 9),
    ("SELECT id FROM t WHERE (lang = 'en' AND llm_complete(q) = 'Q2') OR (lang = 'de' AND llm_complete(lang) = 'DE')", 11, 11),
    ("SELECT llm_filter(q) AND llm_filter(lang) FROM t WHERE id < 3", 3, 2),
    ("SELECT llm_filter(q) OR llm_filter('or ' || q) FROM t WHERE id < 5", 6, 4),
    // A call that failed is not made once more by a later term.
    ("SELECT id FROM t WHERE llm_complete('bad ' || q) = 'A' OR llm_complete('bad ' || q) = 'B' OR llm_complete('bad ' || q) = 'C'", 20, 0),
    ("SELECT id FROM t WHERE id < 3 OR llm_complete('bad ' || q) = 'A' OR llm_complete('bad ' || q) = 'B'", 18, 2),
    ("SELECT CASE WHEN id < 5 THEN llm_complete('bad ' || q) END, llm_complete('bad ' || q) = 'A' OR llm_filter(q) FROM t", 40, 20),
    ("SELECT CASE WHEN id < 5 THEN llm_complete(q) END, id > 18 AND llm_complete(q) = 'Q1' FROM t", 6, 20),
    ("SELECT count(*) FILTER (WHERE llm_complete(q) = 'Q4') FROM t WHERE id < 6", 5, 1),
    ("SELECT max(llm_complete(q)) FILTER (WHERE lang = 'en') FROM t", 10, 1),
    ("SELECT sum(CASE WHEN id < 4 THEN length(llm_complete(q)) ELSE 0 END) FROM t", 3, 1),
];

const IN_OTHER_CLAUSES: &[(&str, usize, usize)] = &[
    ("SELECT id FROM t ORDER BY llm_complete(q)", 20, 20),
    ("SELECT id FROM t ORDER BY llm_complete(lang), llm_complete(q) DESC", 22, 20),
    ("SELECT id, llm_complete(q) AS a FROM t ORDER BY a", 20, 20),
    ("SELECT id, llm_complete(q) AS a FROM t ORDER BY random() LIMIT 3", 3, 3),
    ("SELECT id, llm_complete(q) AS a FROM t ORDER BY id, uuid() LIMIT 3", 3, 3),
    // Below the calls it would be drawn a second time.
    ("SELECT random() AS draw, llm_complete(q) AS a FROM t ORDER BY draw LIMIT 3", 20, 3),
    ("SELECT llm_complete(q) FROM t ORDER BY id OFFSET 17", 3, 3),
    ("SELECT llm_complete(q) FROM t ORDER BY id LIMIT 100 OFFSET 17", 3, 3),
    ("SELECT llm_complete(q) FROM t ORDER BY llm_complete(q) OFFSET 17", 20, 3),
    ("SELECT llm_complete(lang), count(*) FROM t GROUP BY llm_complete(lang)", 2, 2),
    ("SELECT llm_complete(lang) AS a, count(*) FROM t GROUP BY a ORDER BY a", 2, 2),
    ("SELECT llm_complete(lang) AS a, count(*) FROM t GROUP BY 1 HAVING count(*) > 1", 2, 2),
    ("SELECT max(llm_complete(q)), min(llm_complete(lang)) FROM t", 22, 1),
    ("SELECT max(llm_complete(q)), min(llm_complete(q)), count(DISTINCT llm_complete(lang)) FROM t", 22, 1),
    ("SELECT lang, max(llm_complete(q)), min(llm_complete(lang)) FROM t GROUP BY lang", 22, 2),
    ("SELECT array_agg(llm_complete(lang) ORDER BY llm_complete(q)) FROM t", 22, 1),
    ("SELECT row_number() OVER (ORDER BY llm_complete(q)) FROM t", 20, 20),
    ("SELECT rank() OVER (PARTITION BY llm_complete(lang) ORDER BY id) FROM t", 2, 20),
    ("SELECT lag(llm_complete(q)) OVER (ORDER BY id) FROM t", 20, 20),
    ("SELECT sum(length(llm_complete(q))) FILTER (WHERE lang = 'en') OVER (ORDER BY id) FROM t", 10, 20),
    ("SELECT count(llm_complete(q)) FILTER (WHERE llm_filter(q)) OVER (PARTITION BY llm_complete(lang)) FROM t", 32, 20),
    ("SELECT id FROM t QUALIFY row_number() OVER (PARTITION BY llm_complete(lang) ORDER BY llm_complete(q)) = 1", 22, 2),
    ("SELECT llm_complete(q) FROM t UNION ALL SELECT llm_complete(q) FROM t", 20, 40),
    // The second branch begins where the first has too few rows.
    ("SELECT llm_complete(q) FROM t UNION ALL SELECT llm_complete(lang) FROM t LIMIT 3", 3, 3),
    // It is asked about as many rows as are left, and skipped rows of a union are asked about.
    ("SELECT llm_complete(q) FROM t WHERE id < 6 UNION ALL SELECT llm_complete('and ' || q) FROM t LIMIT 2 OFFSET 4", 6, 2),
    ("SELECT a || 's' FROM (SELECT llm_complete(q) a FROM t WHERE id < 3 UNION ALL SELECT llm_complete('and ' || q) FROM t LIMIT 5)", 5, 5),
    (
        "SELECT count(a) FROM (SELECT llm_complete(q) a FROM t WHERE id < 6 UNION ALL SELECT llm_complete('and ' || q) FROM t LIMIT 2 OFFSET 4)",
        6,
        1,
    ),
    ("SELECT llm_complete(q) FROM t UNION SELECT llm_complete(q) FROM t", 20, 20),
    ("SELECT llm_complete(q) FROM t INTERSECT SELECT upper(q) FROM t WHERE id < 4", 20, 3),
    ("SELECT upper(q) FROM t EXCEPT SELECT llm_complete(q) FROM t WHERE id < 4", 3, 17),
];

const IN_JOINS_AND_SUBQUERIES: &[(&str, usize, usize)] = &[
    ("SELECT a.id FROM t a JOIN t b ON llm_complete(a.q) = upper(b.q)", 20, 20),
    ("SELECT a.id FROM t a JOIN t b ON a.id = b.id AND a.lang = 'en' AND llm_complete(b.q) = 'Q4'", 10, 1),
    ("SELECT a.id FROM t a JOIN t b ON a.id = b.id AND llm_complete(a.q) = llm_complete(b.q)", 20, 20),
    ("SELECT a.id FROM t a JOIN t b ON a.id = b.id AND llm_filter(a.q || b.q) WHERE a.lang = 'en'", 10, 10),
    ("SELECT a.id FROM t a LEFT JOIN t b ON a.id = b.id AND llm_complete(b.q) = 'Q4'", 20, 20),
    ("SELECT a.id FROM t a RIGHT JOIN t b ON llm_complete(a.lang) = upper(b.lang) AND a.id = b.id", 2, 20),
    ("SELECT a.id FROM t a FULL JOIN t b ON llm_complete(a.q) = upper(b.q)", 20, 20),
    ("SELECT a.id FROM t a LEFT SEMI JOIN t b ON llm_complete(a.q) = upper(b.q)", 20, 20),
    ("SELECT a.id FROM t a LEFT ANTI JOIN t b ON llm_complete(a.q) = upper(b.q)", 20, 0),
    // No filter may drop a row of a side that is preserved.
    ("SELECT a.id FROM t a LEFT JOIN t b ON a.id = b.id AND llm_complete(a.q) = 'Q4' AND a.lang = 'en'", 10, 20),
    ("SELECT a.id FROM t a LEFT JOIN t b ON a.lang = 'en' AND llm_complete(a.q) = upper(b.q)", 10, 20),
    ("SELECT a.id FROM t a LEFT JOIN t b ON a.id < 5 AND (llm_filter(a.q) OR llm_complete(a.q) = 'Q1') AND a.id = b.id", 6, 20),
    ("SELECT a.id FROM t a RIGHT JOIN t b ON a.id = b.id AND b.id < 3 AND llm_complete(b.q) = 'Q2'", 2, 20),
    ("SELECT a.id FROM t a FULL JOIN t b ON a.id = b.id AND a.id < 3 AND llm_complete(a.q) = 'Q1'", 2, 39),
    ("SELECT a.id FROM t a LEFT ANTI JOIN t b ON a.id = b.id AND a.lang = 'en' AND llm_complete(a.q) = 'Q4'", 10, 19),
    ("SELECT count(*) FROM t a CROSS JOIN t b WHERE llm_complete(a.lang) = llm_complete(b.lang)", 2, 1),
    ("WITH c AS (SELECT id, llm_complete(q) AS a FROM t) SELECT x.a FROM c x JOIN c y ON x.id = y.id", 20, 20),
    ("WITH c AS (SELECT id, llm_complete(q) AS a FROM t) SELECT x.a, y.a FROM c x JOIN c y ON x.a = y.a", 20, 20),
    ("WITH c AS (SELECT id, llm_complete(q) AS a FROM t) SELECT a FROM c UNION ALL SELECT a FROM c WHERE id < 3", 20, 22),
    ("SELECT id FROM t WHERE q IN (SELECT lower(llm_complete(q)) FROM t WHERE id < 4)", 3, 3),
    ("SELECT id FROM t WHERE q NOT IN (SELECT lower(llm_complete(q)) FROM t WHERE id < 4)", 3, 17),
    ("SELECT id FROM t WHERE llm_complete(q) IN (SELECT upper(q) FROM t WHERE id < 4)", 20, 3),
    ("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t WHERE llm_complete(q) = 'Q3')", 20, 20),
    ("SELECT id FROM t a WHERE EXISTS (SELECT 1 FROM t b WHERE a.id = b.id AND llm_complete(b.q) = 'Q3')", 20, 1),
    ("SELECT id FROM t a WHERE NOT EXISTS (SELECT 1 FROM t b WHERE a.id = b.id AND llm_filter(b.q))", 20, 10),
    ("SELECT (SELECT llm_complete(max(q)) FROM t) FROM t", 1, 20),
    ("SELECT llm_complete((SELECT max(q) FROM t))", 1, 1),
    ("SELECT id FROM t WHERE llm_complete(q) = (SELECT max(llm_complete(q)) FROM t WHERE id < 4)", 20, 1),
    ("SELECT id, (SELECT max(llm_complete(b.q)) FROM t b WHERE b.lang = a.lang) FROM t a", 20, 20),
    ("SELECT id FROM t a WHERE llm_complete(q) = (SELECT max(llm_complete(b.q)) FROM t b WHERE b.lang = a.lang AND b.id < 5)", 20, 2),
    ("SELECT id FROM t a WHERE id IN (SELECT b.id FROM t b WHERE b.lang = a.lang AND b.id < 5 AND llm_filter(b.q))", 4, 2),
    (
        "WITH RECURSIVE r AS (SELECT 1 AS n, 'seed' AS a UNION ALL SELECT n + 1, concat('q', n + 1) FROM r WHERE n < 4) SELECT n, llm_complete(a) FROM r",
        4,
        4,
    ),
    (
        "WITH RECURSIVE r AS (SELECT 1 AS n, llm_complete('seed') AS a UNION ALL SELECT n + 1, concat('q', n) FROM r WHERE n < 4) SELECT n, a FROM r",
        1,
        4,
    ),
    (
        "WITH RECURSIVE r AS (SELECT 1 AS n, 'seed' AS a UNION ALL SELECT n + 1, llm_complete(concat('again ', a)) FROM r WHERE n < 4) SELECT n, a FROM r",
        3,
        4,
    ),
];

/// View `v` is `SELECT id, lang, llm_complete(q) AS a FROM t`.
const OVER_A_VIEW: &[(&str, usize, usize)] = &[
    ("SELECT * FROM v WHERE id IN (SELECT id FROM t WHERE id < 4)", 3, 3),
    ("SELECT * FROM v WHERE id NOT IN (SELECT id FROM t WHERE id < 4)", 17, 17),
    ("SELECT * FROM v WHERE EXISTS (SELECT 1 FROM t WHERE t.id = v.id AND t.id < 4)", 3, 3),
    ("SELECT * FROM v WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.id = v.id AND t.id < 4)", 17, 17),
    ("SELECT a FROM v WHERE EXISTS (SELECT 1 FROM t WHERE t.id > v.id + 17)", 2, 2),
    ("SELECT a FROM v WHERE id IN (SELECT id FROM t WHERE id < 6) AND lang IN (SELECT 'en')", 2, 2),
    ("WITH c AS (SELECT id + 1 AS n, llm_complete(q) AS a FROM t) SELECT a FROM c WHERE n IN (SELECT id FROM t WHERE id < 4)", 2, 2),
    ("SELECT a FROM (SELECT id, llm_complete(q) AS a FROM t WHERE llm_filter(q)) WHERE id IN (SELECT id FROM t WHERE id < 4)", 4, 1),
    // The limit comes first, and then what is in.
    ("SELECT a FROM (SELECT * FROM v ORDER BY id LIMIT 5) WHERE id IN (SELECT id FROM t WHERE id > 4)", 1, 1),
    // It needs the answers.
    ("SELECT id FROM v WHERE a IN (SELECT upper(q) FROM t WHERE id < 4)", 20, 3),
    ("SELECT id FROM (SELECT * FROM v ORDER BY a LIMIT 5) WHERE id IN (SELECT id FROM t)", 20, 5),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_select() {
    assert_counts(IN_SELECT, async |_| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_where_are_made_for_rows_that_nothing_else_drops() {
    assert_counts(IN_WHERE, async |_| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_branches_are_made_for_rows_that_need_them() {
    assert_counts(ONLY_WHERE_NEEDED, async |_| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_order_by_group_by_aggregates_windows_and_unions() {
    assert_counts(IN_OTHER_CLAUSES, async |_| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_joins_and_subqueries() {
    assert_counts(IN_JOINS_AND_SUBQUERIES, async |_| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_a_view_are_made_for_rows_that_a_subquery_lets_through() {
    assert_counts(OVER_A_VIEW, async |session| {
        session.collect("CREATE VIEW v AS SELECT id, lang, llm_complete(q) AS a FROM t").await.unwrap();
    })
    .await;
}

/// What comes out, where counting rows says too little.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_stand_where_they_belong() {
    let session = session(Arc::new(Counting::default()) as Arc<dyn ChatModel>).await;
    for (query, expected) in [
        ("SELECT max(llm_complete(q)), min(llm_complete(lang)) FROM t", &["Q9 DE"][..]),
        ("SELECT lang, min(llm_complete(q)), max(llm_complete(lang)) FROM t GROUP BY lang ORDER BY lang", &["de Q1 DE", "en Q10 EN"]),
        ("SELECT id FROM t WHERE id < 13 ORDER BY llm_complete(q) DESC LIMIT 4", &["9", "8", "7", "6"]),
        ("SELECT id FROM t WHERE lang = 'en' AND llm_complete(q) = 'Q4'", &["4"]),
        (
            "SELECT id, CASE WHEN id = 1 THEN llm_complete(q) WHEN lang = 'en' THEN llm_complete(lang) END FROM t WHERE id < 4 ORDER BY id",
            &["1 Q1", "2 EN", "3 NULL"],
        ),
        ("SELECT coalesce(CASE WHEN id > 1 THEN q END, llm_complete(q)) FROM t WHERE id < 3 ORDER BY id", &["Q1", "q2"]),
        // A condition is evaluated for the rows that come to it: for others it may be an error.
        (
            "SELECT CASE WHEN id = 0 THEN NULL WHEN CAST(x AS INT) > 5 THEN llm_complete(x) END FROM (VALUES (0, 'abc'), (1, '7')) AS v(id, x) ORDER BY id",
            &["NULL", "7"],
        ),
        (
            "SELECT CASE WHEN n = 0 THEN 'zero' WHEN 10 / n > 2 THEN llm_complete(concat('v', n)) ELSE 'n' END FROM (VALUES (0), (1), (9)) AS v(n) ORDER BY n",
            &["zero", "V1", "n"],
        ),
        (
            "SELECT CASE WHEN n > 0 THEN CASE WHEN 10 / n > 2 THEN llm_complete(concat('v', n)) END END FROM (VALUES (0), (1)) AS v(n) ORDER BY n",
            &["NULL", "V1"],
        ),
        (
            "SELECT coalesce(CASE WHEN n = 0 THEN 'zero' END, CASE WHEN 10 / n > 2 THEN 'few' END, llm_complete(concat('v', n))) FROM (VALUES (0), (1), (9)) AS v(n) ORDER BY n",
            &["zero", "few", "V9"],
        ),
        ("SELECT id, llm_filter(q) AND lang = 'en' FROM t WHERE id < 3 ORDER BY id", &["1 false", "2 true"]),
        ("SELECT llm_complete(concat(llm_complete(q), '!')) FROM t WHERE id = 3", &["Q3!"]),
        ("SELECT llm_complete(lang) AS a, count(*) FROM t GROUP BY a ORDER BY a", &["DE 10", "EN 10"]),
        ("SELECT id, lag(llm_complete(q)) OVER (ORDER BY id) FROM t WHERE id < 4 ORDER BY id", &["1 NULL", "2 Q1", "3 Q2"]),
        (
            "SELECT a.id, llm_complete(b.q) FROM t a LEFT JOIN t b ON a.id = b.id + 1 AND llm_filter(b.q) WHERE a.id IN (1, 2, 3) ORDER BY a.id",
            &["1 NULL", "2 NULL", "3 Q2"],
        ),
        (
            "SELECT a.id, (SELECT max(llm_complete(b.q)) FROM t b WHERE b.lang = a.lang) FROM t a WHERE a.id < 3 ORDER BY a.id",
            &["1 Q9", "2 Q8"],
        ),
        ("SELECT llm_embed(q) FROM t WHERE id = 7", &["[7.0, 1.0]"]),
        (
            "SELECT x['value'], x['error_kind'], x['attempts'], x['cached'] FROM (SELECT try_llm_complete('new') AS x)",
            &["NEW NULL 1 false"],
        ),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS n, 'x' AS a UNION ALL SELECT n + 1, llm_complete(concat(a, n)) FROM r WHERE n < 3) SELECT n, a FROM r ORDER BY n",
            &["1 x", "2 X1", "3 X12"],
        ),
    ] {
        assert_eq!(answers(&session, query).await, expected, "{query}");
    }
}
