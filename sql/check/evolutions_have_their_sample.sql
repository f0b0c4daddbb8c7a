SELECT e.evolution_id AS id
FROM evolutions e
LEFT ANTI JOIN samples s ON e.sample_id = s.sample_id
