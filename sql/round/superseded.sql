-- Failed attempts that this round tried again.
SELECT e.evolution_id
FROM evolutions e
JOIN scored a
    ON e.sample_id = a.sample_id AND e.part = a.part AND coalesce(e.parent_evolution_id, '') = coalesce(a.parent_evolution_id, '')
WHERE e.round = $round AND e.status = 'failed'
