-- Seeds come from no evolution; every other item comes from one.
SELECT i.instruction_id AS id
FROM instructions i
LEFT JOIN evolutions e ON i.evolution_id = e.evolution_id
WHERE (i.round > 0) <> (i.evolution_id IS NOT NULL) OR (i.evolution_id IS NOT NULL AND e.evolution_id IS NULL)
