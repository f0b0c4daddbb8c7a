-- How many stale evolutions are of rounds after the last one that is asked for.
SELECT count(DISTINCT evolution_id)
FROM stale
WHERE round > $rounds AND ($everywhere OR sample_id IN (SELECT sample_id FROM history WHERE $where))
