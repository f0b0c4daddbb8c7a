-- What the store holds, and what failed, is missing or stale and why, one row a figure. A sample may be in several: of what failed in one round,
-- say, and of what is missing in the next.
--
-- Missing: samples that have begun, and have not been through a round that others have, or not with all of their items. A round before one that a
-- sample came with finished is not known, and is not evolved: only rounds after its last one that did not fail can be missing.
WITH missing AS (
    SELECT r.round, s.sample_id
    FROM (SELECT DISTINCT round FROM evolutions WHERE status <> 'superseded') r
    JOIN (
        SELECT sample_id, max(CASE WHEN status IN ('kept', 'eliminated') THEN round END) AS last_round
        FROM evolutions
        WHERE status <> 'superseded'
        GROUP BY sample_id
    ) s ON s.last_round IS NULL OR r.round > s.last_round
    LEFT ANTI JOIN evolutions e ON s.sample_id = e.sample_id AND r.round = e.round AND e.status <> 'superseded'
),
-- Samples that take several requests in some round: by their seeds, or by what an evolution kept. There are few.
large AS (
    SELECT sample_id, max(seeds) AS seeds
    FROM (
        -- Seeds are numbered without gaps.
        SELECT sample_id, CAST(position AS BIGINT) + 1 AS seeds FROM instructions WHERE round = 0 AND status = 'kept' AND position >= $max_items
        UNION ALL
        SELECT sample_id, NULL FROM evolutions WHERE status <> 'superseded' AND (kept > $max_items OR part > 0)
    ) few
    GROUP BY sample_id
    -- True of every group. Without a condition the engine takes these few for many, and holds all evolutions in memory instead.
    HAVING max(few.seeds) IS NULL OR max(few.seeds) > $max_items
),
-- How many parts of such a sample were tried in each round, and into how many the items that it kept are split.
step AS (
    SELECT
        e.sample_id,
        e.round,
        max(l.seeds) AS seeds,
        count(DISTINCT concat(e.parent_evolution_id, ' ', e.part)) AS tried,
        sum((e.kept + $max_items - 1) / $max_items) FILTER (WHERE e.status = 'kept') AS parts,
        bool_or(e.status <> 'failed') AS stands,
        min(coalesce(p.round, 0)) AS first_parents,
        max(coalesce(p.round, 0)) AS parents,
        -- What is stale is mended with all its parts, and what came finished came in one.
        bool_or(e.sample_hash <> s.content_hash OR (e.parent_evolution_id IS NOT NULL AND p.evolution_id IS NULL) OR e.generated IS NULL) AS is_left
    FROM large l
    JOIN evolutions e ON l.sample_id = e.sample_id
    JOIN samples s ON l.sample_id = s.sample_id
    LEFT JOIN (SELECT evolution_id, round FROM evolutions WHERE status = 'kept') p ON e.parent_evolution_id = p.evolution_id
    WHERE e.status <> 'superseded'
    GROUP BY e.sample_id, e.round
),
partly AS (
    SELECT round, sample_id
    FROM (
        SELECT
            *,
            max(CASE WHEN parts > 0 THEN round END) OVER earlier AS kept_round,
            last_value(parts) IGNORE NULLS OVER earlier AS kept_parts,
            max(CASE WHEN stands THEN round END) OVER (PARTITION BY sample_id) AS last_round
        FROM step
        WINDOW earlier AS (PARTITION BY sample_id ORDER BY round ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    WHERE NOT is_left AND first_parents = parents AND parents = coalesce(kept_round, 0)
        AND tried < coalesce(kept_parts, (seeds + $max_items - 1) / $max_items)
        -- A round that kept nothing and was followed by another one has the same parents as that.
        AND (parts > 0 OR coalesce(last_round, 0) <= round)
),
figure AS (
    SELECT 0 AS place, NULL AS round, 'samples' AS state, NULL AS reason, count(*) AS samples FROM samples
    UNION ALL
    SELECT 1, NULL, 'without images', 'evolve skips them; --text-only evolves them', count(*)
    FROM samples
    WHERE image_ids IS NULL OR empty(image_ids) OR NOT empty(missing_images)
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
    SELECT 3, round, 'missing', 'not with all of their items', count(*)
    FROM partly
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
