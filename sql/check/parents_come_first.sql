-- A parent is of the same sample and of an earlier round; so lineage ends at seeds and never turns round.
SELECT i.instruction_id AS id
FROM instructions i
JOIN instructions p ON i.parent_id = p.instruction_id
WHERE p.round >= i.round OR p.sample_id <> i.sample_id
