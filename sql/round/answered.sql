-- In place of evolve.sql where only the verdicts are asked for again: the answers as they came. A request that was cut off and asked again under a
-- higher limit has several; the one that was in use is the one with the highest limit, whatever the clock said.
WITH answer AS (
    SELECT request_id, response, finish_reason, row_number() OVER (PARTITION BY request_id ORDER BY max_tokens DESC NULLS LAST, created_at DESC) AS age
    FROM calls
    WHERE kind = 'evolve' AND error IS NULL
)
SELECT
    f.*,
    named_struct(
        'value', a.response, 'error_kind', CAST(NULL AS VARCHAR), 'error', CAST(NULL AS VARCHAR), 'finish_reason', a.finish_reason,
        'request_id', e.request_id, 'model', e.model, 'prompt_id', e.prompt_id
    ) AS reply
FROM frontier f
JOIN evolutions e ON f.standing_id = e.evolution_id
JOIN answer a ON e.request_id = a.request_id AND a.age = 1
