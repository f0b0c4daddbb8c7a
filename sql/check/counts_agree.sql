-- What an evolution says it generated and kept is what there is, and its status says whether it kept any. An imported finished round says only
-- what it kept.
SELECT e.evolution_id AS id
FROM evolutions e
LEFT JOIN (
    SELECT evolution_id, count(*) AS generated, count(*) FILTER (WHERE status = 'kept') AS kept
    FROM instructions
    GROUP BY evolution_id
) i ON e.evolution_id = i.evolution_id
WHERE e.generated <> coalesce(i.generated, 0)
    OR e.kept <> coalesce(i.kept, 0)
    OR (e.status = 'kept' AND e.kept = 0)
    OR (e.status = 'eliminated' AND e.kept > 0)
