-- Of the attempts at one part of a sample's items in one round, one stands: all others are superseded or have failed. Parts that stand beside one
-- another have no parent in common, as two splits of the same items have.
WITH standing AS (
    SELECT evolution_id, sample_id, round, part, parent_evolution_id FROM evolutions WHERE status IN ('kept', 'eliminated')
)
SELECT min(evolution_id) AS id
FROM standing
GROUP BY sample_id, round, part, parent_evolution_id
HAVING count(*) > 1
UNION ALL
SELECT min(e.evolution_id)
FROM standing e
-- Few samples take several requests: the items of no others are looked at.
LEFT SEMI JOIN (SELECT sample_id, round FROM standing WHERE part > 0) several ON e.sample_id = several.sample_id AND e.round = several.round
JOIN instructions i ON e.evolution_id = i.evolution_id
WHERE i.parent_id IS NOT NULL
GROUP BY i.parent_id, e.round
HAVING count(DISTINCT e.evolution_id) > 1
