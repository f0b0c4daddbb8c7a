-- With $stale, how many evolutions of round $round would be superseded with nothing in their place: those that have no place any more ($fallen_away),
-- but for what is made of other parents of a sample, or of the same ones split otherwise, which replaces what was made before.
WITH item AS (
    SELECT unnest(parents) AS parent FROM frontier
),
split AS (
    SELECT i.evolution_id FROM item JOIN instructions i ON item.parent['instruction_id'] = i.parent_id WHERE i.round = $round
)
SELECT count(*)
FROM $fallen_away
WHERE NOT (has_other_parents AND sample_id IN (SELECT sample_id FROM frontier))
    AND evolution_id NOT IN (SELECT evolution_id FROM split)
