-- What this round replaces: attempts that were made again, and, of the samples it made something of, what an earlier run made of parents that
-- are no longer theirs, or of another split of the same ones. An attempt that fails replaces none that did not.
WITH made AS (
    SELECT sample_id, bool_or(status <> 'failed') AS succeeded FROM attempts GROUP BY sample_id
),
kept AS (
    SELECT k.sample_id, k.evolution_id, k.round
    FROM made
    JOIN evolutions k ON made.sample_id = k.sample_id
    WHERE k.status = 'kept' AND k.round < $round
),
-- The evolutions of a sample's parents; NULL for its seeds.
parent AS (
    SELECT k.sample_id, k.evolution_id
    FROM (SELECT sample_id, max(round) AS round FROM kept GROUP BY sample_id) latest
    JOIN kept k ON latest.sample_id = k.sample_id AND latest.round = k.round
    UNION ALL
    SELECT sample_id, NULL FROM made LEFT ANTI JOIN kept ON made.sample_id = kept.sample_id
),
-- Parts of another split, from before the sample changed, that have a parent in common with what was made.
split AS (
    SELECT DISTINCT o.evolution_id
    FROM (
        SELECT e.evolution_id, a.evolution_id AS made_id
        FROM attempts a
        JOIN evolutions e
            ON a.sample_id = e.sample_id AND coalesce(a.parent_evolution_id, '') = coalesce(e.parent_evolution_id, '') AND a.part <> e.part
        WHERE a.status <> 'failed' AND e.round = $round AND e.status IN ('kept', 'eliminated') AND a.sample_hash <> e.sample_hash
    ) o
    JOIN results r ON o.made_id = r.evolution_id
    JOIN instructions i ON o.evolution_id = i.evolution_id AND r.parent_id = i.parent_id
    WHERE i.round = $round
)
SELECT DISTINCT e.evolution_id
FROM made
JOIN evolutions e ON made.sample_id = e.sample_id
LEFT JOIN attempts again
    ON e.sample_id = again.sample_id AND e.part = again.part
    AND coalesce(e.parent_evolution_id, '') = coalesce(again.parent_evolution_id, '')
LEFT JOIN split ON e.evolution_id = split.evolution_id
LEFT JOIN parent
    ON e.sample_id = parent.sample_id AND coalesce(e.parent_evolution_id, '') = coalesce(parent.evolution_id, '')
WHERE e.round = $round AND e.status <> 'superseded' AND (
    (parent.sample_id IS NULL AND (made.succeeded OR e.status = 'failed'))
    OR split.evolution_id IS NOT NULL
    OR (again.sample_id IS NOT NULL AND (e.status = 'failed' OR again.status <> 'failed'))
)
