-- The items among which duplicates are looked for: those that stand, with what ranks them and with their text.
SELECT
    i.instruction_id AS id,
    i.round,
    CAST(i.score AS BIGINT) AS score,
    i.question,
    i.answer
FROM instructions i
LEFT ANTI JOIN evolutions e ON i.evolution_id = e.evolution_id AND e.status = 'superseded'
WHERE i.status = 'kept' AND $rounds AND $where
