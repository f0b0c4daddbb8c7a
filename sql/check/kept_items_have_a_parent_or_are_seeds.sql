-- A kept item of a round was made from an item that exists, or says that its model did not name one.
SELECT i.instruction_id AS id
FROM instructions i
LEFT JOIN instructions p ON i.parent_id = p.instruction_id
WHERE i.status = 'kept' AND i.round > 0 AND p.instruction_id IS NULL AND NOT coalesce(array_has(i.faults, 'no_parent'), false)
