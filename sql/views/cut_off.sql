-- Evolutions that stand and were made from an answer that was cut off at --max-tokens: one row for each such answer, of the model (kind 'evolve')
-- or of the judge (kind 'score'), with the limit that it hit. A longer answer that came to the same request since, or before a restore, is none
-- that the evolution was made from.
WITH cut AS (
    SELECT DISTINCT request_id FROM calls WHERE finish_reason = 'length'
),
answer AS (
    SELECT c.request_id, TRY_CAST(substr(c.run_id, 5) AS BIGINT) AS run, c.finish_reason, c.max_tokens, c.created_at
    FROM calls c
    LEFT SEMI JOIN cut ON c.request_id = cut.request_id
    WHERE c.error IS NULL
),
evolved AS (
    SELECT
        e.evolution_id,
        e.sample_id,
        e.status,
        e.request_id,
        TRY_CAST(substr(e.run_id, 5) AS BIGINT) AS run,
        coalesce(strpos(r.settings, '"due":"judgements"') > 0, false) AS judged_alone,
        e.error_kind
    FROM evolutions e
    LEFT SEMI JOIN cut ON e.request_id = cut.request_id
    LEFT JOIN runs r ON e.run_id = r.run_id
),
asked AS (
    SELECT
        evolution_id,
        status,
        'evolve' AS kind,
        request_id,
        -- Where verdicts alone were asked for, the answer stayed what it was.
        CASE
            WHEN judged_alone THEN max(CASE WHEN NOT judged_alone AND error_kind IS NULL THEN run END) OVER (PARTITION BY sample_id, request_id)
            ELSE run
        END AS run
    FROM evolved
    UNION ALL
    SELECT e.evolution_id, e.status, 'score', e.score_request_id, TRY_CAST(substr(e.run_id, 5) AS BIGINT)
    FROM evolutions e
    LEFT SEMI JOIN cut ON e.score_request_id = cut.request_id
),
used AS (
    SELECT
        q.evolution_id,
        q.kind,
        q.status,
        a.finish_reason,
        a.max_tokens,
        row_number() OVER (PARTITION BY q.evolution_id, q.kind ORDER BY a.max_tokens DESC NULLS LAST, a.created_at DESC) AS age
    FROM asked q
    JOIN answer a ON q.request_id = a.request_id
    WHERE NOT coalesce(a.run > q.run, false)
)
SELECT u.kind, u.max_tokens, e.evolution_id, e.sample_id, e.round, e.operator, e.status, e.model, e.judge, e.run_id
FROM used u
JOIN evolutions e ON u.evolution_id = e.evolution_id
-- What was replaced is left out here, and not where it is read: with a condition there the engine takes all evolutions for fewer than the answers
-- that they are looked up in, and holds them in memory.
WHERE u.age = 1 AND u.finish_reason = 'length' AND u.status <> 'superseded'
