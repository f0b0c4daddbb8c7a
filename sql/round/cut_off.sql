-- Evolutions of some runs that were made from an answer that was cut off at its limit.
SELECT count(DISTINCT evolution_id)
FROM cut_off
WHERE $runs
