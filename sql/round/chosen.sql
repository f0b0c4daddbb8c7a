-- What $where chooses to be evolved again: evolutions up to round $rounds that stand and have an item for which it holds.
SELECT count(DISTINCT evolution_id) AS evolutions, count(DISTINCT sample_id) AS samples
FROM history
WHERE evolution_status <> 'superseded' AND round <= $rounds AND NOT $made_again AND $where
