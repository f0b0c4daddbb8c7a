-- The samples of the frontier that go on from stale parents: what is made of them is stale from the start.
SELECT DISTINCT f.sample_id
FROM frontier f
LEFT SEMI JOIN stale s ON f.parent_evolution_id = s.evolution_id
