-- Per round and operator: how many samples, what was made, what was kept, and what it cost. Seeds are round 0. Rates and means are NULL where
-- there is nothing to divide by; a finished round that was imported has no rate and no cost, and an operator only where our own export says it.
WITH item AS (
    SELECT
        i.round,
        -- The items of an imported evolution may have several, and it has none then.
        CASE WHEN e.evolution_id IS NULL THEN i.operator ELSE e.operator END AS operator,
        count(*) AS generated,
        count(*) FILTER (WHERE i.status = 'kept') AS kept,
        count(*) FILTER (WHERE i.status = 'eliminated') AS eliminated,
        count(*) FILTER (WHERE i.status = 'unjudged') AS unjudged,
        -- Of an imported finished round only the survivors are known.
        avg(CASE WHEN i.improved THEN 1.0 WHEN NOT i.improved THEN 0.0 END) FILTER (WHERE e.evolution_id IS NULL OR e.generated IS NOT NULL) AS yes_rate,
        avg(i.score) AS mean_score
    FROM instructions i
    LEFT JOIN evolutions e ON i.evolution_id = e.evolution_id
    -- What was tried again counts once, by the attempt that stands.
    WHERE e.status IS DISTINCT FROM 'superseded'
    GROUP BY 1, 2
),
evolution AS (
    SELECT
        e.round,
        e.operator,
        count(DISTINCT e.sample_id) AS samples,
        count(*) FILTER (WHERE e.status = 'failed') AS failed,
        sum(coalesce(c.prompt_tokens, 0) + coalesce(j.prompt_tokens, 0)) AS prompt_tokens,
        sum(coalesce(c.completion_tokens, 0) + coalesce(j.completion_tokens, 0)) AS completion_tokens,
        sum(coalesce(c.cost_usd, 0) + coalesce(j.cost_usd, 0)) AS cost_usd
    FROM evolutions e
    LEFT JOIN (SELECT request_id, max(prompt_tokens) AS prompt_tokens, max(completion_tokens) AS completion_tokens, max(cost_usd) AS cost_usd
               FROM calls WHERE kind = 'evolve' GROUP BY request_id) c ON e.request_id = c.request_id
    LEFT JOIN (SELECT request_id, max(prompt_tokens) AS prompt_tokens, max(completion_tokens) AS completion_tokens, max(cost_usd) AS cost_usd
               FROM calls WHERE kind = 'score' GROUP BY request_id) j ON e.score_request_id = j.request_id
    WHERE e.status <> 'superseded'
    GROUP BY e.round, e.operator
    UNION ALL
    SELECT 0, 'seed', count(DISTINCT sample_id), 0, 0, 0, 0.0
    FROM instructions
    WHERE round = 0
    HAVING count(*) > 0
)
SELECT
    e.round,
    e.operator,
    e.samples,
    coalesce(i.generated, 0) AS generated,
    coalesce(i.kept, 0) AS kept,
    coalesce(i.eliminated, 0) AS eliminated,
    coalesce(i.unjudged, 0) AS unjudged,
    e.failed,
    i.yes_rate,
    i.mean_score,
    e.prompt_tokens,
    e.completion_tokens,
    e.cost_usd
FROM evolution e
LEFT JOIN item i ON e.round = i.round AND e.operator IS NOT DISTINCT FROM i.operator
