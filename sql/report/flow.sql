-- What became of each sample from one round to the next: the operator by which it kept an item, or why it kept none. Where items are chosen, an
-- attempt that brought none of them is 'not chosen'.
WITH sample AS (
    SELECT DISTINCT sample_id FROM item_facts
),
step AS (
    SELECT 0 AS round
    UNION
    SELECT DISTINCT round FROM attempt_facts
),
state AS (
    SELECT
        sample_id,
        round,
        CASE
            WHEN bool_or(status = 'kept') THEN max(operator) FILTER (WHERE status = 'kept')
            WHEN bool_or(status = 'eliminated') THEN 'eliminated'
            ELSE 'failed'
        END AS state
    FROM attempt_facts
    GROUP BY sample_id, round
),
-- Chosen or not.
tried AS (
    SELECT DISTINCT sample_id, round FROM evolutions WHERE status <> 'superseded'
),
path AS (
    SELECT
        s.sample_id,
        t.round,
        coalesce(o.state, CASE WHEN t.round = 0 THEN 'seed' WHEN a.round IS NOT NULL THEN 'not chosen' ELSE 'not tried' END) AS state
    FROM sample s
    CROSS JOIN step t
    LEFT JOIN state o ON s.sample_id = o.sample_id AND t.round = o.round
    LEFT JOIN tried a ON s.sample_id = a.sample_id AND t.round = a.round
),
pair AS (
    SELECT
        lag(round) OVER (PARTITION BY sample_id ORDER BY round) AS from_round,
        lag(state) OVER (PARTITION BY sample_id ORDER BY round) AS from_state,
        round AS to_round,
        state AS to_state
    FROM path
)
SELECT from_round, from_state, to_round, to_state, count(*) AS samples
FROM pair
WHERE from_round IS NOT NULL
GROUP BY from_round, from_state, to_round, to_state
ORDER BY from_round, from_state, to_state
