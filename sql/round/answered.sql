-- In place of evolve.sql where only the verdicts are asked for again: the answers as they came. A request that was cut off and asked again under a
-- higher limit has several; the one that was in use is the one with the highest limit of those that were there when the evolution was made. One
-- that came later is none that it was made from, as after a restore.
WITH made AS (
    SELECT e.sample_id, e.request_id, max(TRY_CAST(substr(e.run_id, 5) AS BIGINT)) AS run
    FROM evolutions e
    -- Verdicts that were asked for alone left the answer what it was.
    LEFT ANTI JOIN runs r ON e.run_id = r.run_id AND strpos(r.settings, '"due":"judgements"') > 0
    WHERE e.error_kind IS NULL
    GROUP BY e.sample_id, e.request_id
),
answer AS (
    SELECT
        m.sample_id,
        m.request_id,
        c.response,
        c.finish_reason,
        row_number() OVER (PARTITION BY m.sample_id, m.request_id ORDER BY c.max_tokens DESC NULLS LAST, c.created_at DESC) AS age
    FROM made m
    JOIN calls c ON m.request_id = c.request_id
    WHERE c.kind = 'evolve' AND c.error IS NULL AND NOT coalesce(TRY_CAST(substr(c.run_id, 5) AS BIGINT) > m.run, false)
)
SELECT
    f.*,
    named_struct(
        'value', a.response, 'error_kind', CAST(NULL AS VARCHAR), 'error', CAST(NULL AS VARCHAR), 'finish_reason', a.finish_reason,
        'request_id', e.request_id, 'model', e.model, 'prompt_id', e.prompt_id
    ) AS reply
FROM frontier f
JOIN evolutions e ON f.standing_id = e.evolution_id
JOIN answer a ON e.sample_id = a.sample_id AND e.request_id = a.request_id AND a.age = 1
