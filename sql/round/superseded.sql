-- What this round replaces: attempts that were made again, and, of the samples it made something of, what an earlier run made of parents that
-- are no longer theirs. An attempt that fails replaces none that did not.
WITH made AS (
    SELECT sample_id, bool_or(status <> 'failed') AS succeeded FROM attempts GROUP BY sample_id
),
standing AS (
    SELECT i.sample_id, i.evolution_id, i.round
    FROM made
    JOIN instructions i ON made.sample_id = i.sample_id
    LEFT ANTI JOIN evolutions e ON i.evolution_id = e.evolution_id AND e.status = 'superseded'
    WHERE i.status = 'kept' AND i.round < $round
),
parent AS (
    SELECT DISTINCT i.sample_id, i.evolution_id
    FROM (SELECT sample_id, max(round) AS round FROM standing GROUP BY sample_id) latest
    JOIN standing i ON latest.sample_id = i.sample_id AND latest.round = i.round
)
SELECT DISTINCT e.evolution_id
FROM made
JOIN evolutions e ON made.sample_id = e.sample_id
LEFT JOIN attempts again
    ON e.sample_id = again.sample_id AND e.part = again.part
    AND coalesce(e.parent_evolution_id, '') = coalesce(again.parent_evolution_id, '')
LEFT JOIN parent
    ON e.sample_id = parent.sample_id AND coalesce(e.parent_evolution_id, '') = coalesce(parent.evolution_id, '')
WHERE e.round = $round AND e.status <> 'superseded' AND (
    (parent.sample_id IS NULL AND (made.succeeded OR e.status = 'failed'))
    OR (again.sample_id IS NOT NULL AND (e.status = 'failed' OR again.status <> 'failed'))
)
