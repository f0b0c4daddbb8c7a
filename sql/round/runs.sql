-- The runs that evolved anything and that $runs holds for, from the last one backwards: run-10 comes after run-9.
SELECT settings, counters, run_id
FROM runs
WHERE command = 'evolve' AND $runs
ORDER BY CAST(substr(run_id, 5) AS BIGINT) DESC
