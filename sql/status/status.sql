-- What the store holds, and what failed, is missing or stale and why, one row a figure. A sample may be in several: of what failed in one round,
-- say, and of what is missing in the next.
--
-- Missing: samples that have begun, and have not been through a round that others have. A round before one that a sample came with finished is
-- not known, and is not evolved.
WITH missing AS (
    SELECT r.round, s.sample_id
    FROM (SELECT DISTINCT round FROM evolutions WHERE status <> 'superseded') r
    CROSS JOIN (SELECT DISTINCT sample_id FROM evolutions WHERE status <> 'superseded') s
    LEFT ANTI JOIN evolutions e ON s.sample_id = e.sample_id AND r.round = e.round AND e.status <> 'superseded'
    LEFT ANTI JOIN evolutions later ON s.sample_id = later.sample_id AND r.round < later.round AND later.status IN ('kept', 'eliminated')
),
figure AS (
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
    UNION ALL
    SELECT 3, round, 'missing', 'not been through this round', count(*)
    FROM missing
    GROUP BY round
    UNION ALL
    SELECT 3, round, 'cut off', 'an answer hit --max-tokens', count(DISTINCT sample_id)
    FROM cut_off
    GROUP BY round
    UNION ALL
    SELECT
        3,
        round,
        'stale',
        CASE reason WHEN 'parent' THEN 'parent is superseded or stale' ELSE concat(reason, ' has changed') END,
        count(DISTINCT sample_id)
    FROM stale
    GROUP BY round, reason
)
SELECT round, state, reason, samples
FROM figure
WHERE samples > 0 OR place = 0
ORDER BY place, round, state, reason
