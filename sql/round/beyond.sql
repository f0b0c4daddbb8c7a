-- How many evolutions that stand have an item for which $where holds, in rounds after the last one that is asked for.
SELECT count(DISTINCT evolution_id)
FROM history
WHERE round > $rounds AND evolution_status <> 'superseded' AND $where
