-- What the store holds, what failed and why, one row a figure.
WITH figure AS (
    SELECT 0 AS place, NULL AS round, 'samples' AS state, NULL AS reason, count(*) AS samples FROM samples
    UNION ALL
    SELECT 1, NULL, 'without images', 'evolve skips them; --text-only evolves them', count(*)
    FROM samples
    WHERE coalesce(cardinality(image_ids), 0) = 0 OR coalesce(cardinality(missing_images), 0) > 0
    UNION ALL
    SELECT 2, NULL, 'waiting', 'no round has been tried', count(*)
    FROM samples
    WHERE sample_id NOT IN (SELECT sample_id FROM evolutions WHERE status <> 'superseded')
    UNION ALL
    SELECT 3, round, status, error_kind, count(DISTINCT sample_id)
    FROM evolutions
    WHERE status <> 'superseded'
    GROUP BY round, status, error_kind
)
SELECT round, state, reason, samples
FROM figure
WHERE samples > 0 OR place = 0
ORDER BY place, round, state, reason
