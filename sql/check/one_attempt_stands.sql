-- Of the attempts at one part of a sample's items in one round, one stands: all others are superseded or have failed.
SELECT min(evolution_id) AS id
FROM evolutions
WHERE status IN ('kept', 'eliminated')
GROUP BY sample_id, round, part, parent_evolution_id
HAVING count(*) > 1
