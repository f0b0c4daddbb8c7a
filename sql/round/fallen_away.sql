-- With $stale, what stands in this round and has no place any more: its parents are no longer its sample's, or are split into fewer parts now.
-- Only where something else of the sample stands in the round; elsewhere the new place is due, and what is made there replaces the old.
WITH kept AS (
    SELECT evolution_id, sample_id, round, kept FROM evolutions WHERE status = 'kept' AND round < $round
),
-- The parents of a sample, and into how many parts they are split, as in frontier.sql; NULL for its seeds.
place AS (
    SELECT k.sample_id, k.evolution_id, CAST(k.kept AS BIGINT) AS siblings
    FROM (SELECT sample_id, max(round) AS round FROM kept GROUP BY sample_id) latest
    JOIN kept k ON latest.sample_id = k.sample_id AND latest.round = k.round
    UNION ALL
    SELECT i.sample_id, NULL, count(*)
    FROM instructions i
    LEFT ANTI JOIN kept k ON i.sample_id = k.sample_id
    WHERE i.round = 0 AND i.status = 'kept'
    GROUP BY i.sample_id
),
standing AS (
    SELECT
        e.evolution_id,
        e.sample_id,
        p.sample_id IS NULL AS has_no_place,
        bool_or(p.sample_id IS NOT NULL AND e.status <> 'failed') OVER (PARTITION BY e.sample_id) AS has_another
    FROM evolutions e
    LEFT JOIN place p
        ON e.sample_id = p.sample_id AND coalesce(e.parent_evolution_id, '') = coalesce(p.evolution_id, '')
        AND e.part < (p.siblings + $max_items - 1) / $max_items
    WHERE e.round = $round AND e.status <> 'superseded'
)
SELECT evolution_id
FROM standing
WHERE has_no_place AND has_another AND ($everywhere OR sample_id IN (SELECT sample_id FROM history WHERE $where))
