-- One row for each attempt that stands, with what its two requests took. NULL where the endpoint did not say; imported rounds have no requests.
WITH call AS (
    SELECT
        request_id,
        kind,
        max(prompt_tokens) AS prompt_tokens,
        max(completion_tokens) AS completion_tokens,
        max(cost_usd) AS cost_usd,
        max(latency_ms) AS latency_ms
    FROM calls
    WHERE kind IN ('evolve', 'score')
    GROUP BY request_id, kind
)
SELECT
    e.evolution_id,
    e.sample_id,
    e.round,
    coalesce(e.operator, 'imported') AS operator,
    e.status,
    e.error_kind,
    e.model,
    e.judge,
    e.parents,
    e.generated,
    e.kept,
    CASE WHEN c.prompt_tokens IS NOT NULL OR j.prompt_tokens IS NOT NULL THEN coalesce(c.prompt_tokens, 0) + coalesce(j.prompt_tokens, 0) END
        AS prompt_tokens,
    CASE WHEN c.completion_tokens IS NOT NULL OR j.completion_tokens IS NOT NULL THEN coalesce(c.completion_tokens, 0) + coalesce(j.completion_tokens, 0) END
        AS completion_tokens,
    CASE WHEN c.cost_usd IS NOT NULL OR j.cost_usd IS NOT NULL THEN coalesce(c.cost_usd, 0) + coalesce(j.cost_usd, 0) END AS cost_usd,
    c.latency_ms AS evolve_ms,
    j.latency_ms AS score_ms
FROM evolutions e
LEFT JOIN call c ON e.request_id = c.request_id AND c.kind = 'evolve'
LEFT JOIN call j ON e.score_request_id = j.request_id AND j.kind = 'score'
WHERE e.status <> 'superseded'
