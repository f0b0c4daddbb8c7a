-- What stands in this round and has no place any more: its parents are no longer its sample's, or are split into fewer parts now. With $stale, only
-- where something else of the sample stands in the round; elsewhere the new place is due, and what is made there replaces the old. With $again, what
-- $where chooses of it: no part is there to be made again.
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
placed AS (
    SELECT
        e.evolution_id,
        e.sample_id,
        e.status,
        p.sample_id IS NULL AS has_other_parents,
        coalesce(e.part < (p.siblings + $max_items - 1) / $max_items, false) AS has_place
    FROM evolutions e
    LEFT JOIN place p ON e.sample_id = p.sample_id AND coalesce(e.parent_evolution_id, '') = coalesce(p.evolution_id, '')
    WHERE e.round = $round AND e.status <> 'superseded'
),
standing AS (
    SELECT *, bool_or(has_place AND status <> 'failed') OVER (PARTITION BY sample_id) AS has_another
    FROM placed
)
SELECT evolution_id, sample_id, has_other_parents
FROM standing
WHERE NOT has_place
    AND ($again OR has_another)
    AND ($again OR $everywhere OR sample_id IN (SELECT sample_id FROM history WHERE $where))
    AND (NOT $again OR evolution_id IN (SELECT evolution_id FROM history WHERE NOT $made_again AND $where))
