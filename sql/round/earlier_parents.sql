-- How many requests of the frontier go on from what an earlier command made. What this one made itself ($own_runs) is as it would come out today.
SELECT count(*)
FROM frontier f
JOIN evolutions e ON f.parent_evolution_id = e.evolution_id
WHERE NOT $own_runs
