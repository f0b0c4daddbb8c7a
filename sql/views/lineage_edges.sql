-- From each parent to what was made from it: one row for each item whose parent is known. To follow many items at once, join it with itself once a
-- round, or in a recursive query:
--     WITH RECURSIVE line AS (
--         SELECT instruction_id AS leaf, parent_id AS ancestor FROM lineage_edges WHERE round = 3
--         UNION ALL
--         SELECT line.leaf, e.parent_id FROM line JOIN lineage_edges e ON line.ancestor = e.instruction_id
--     )
--     SELECT leaf, ancestor FROM line
SELECT parent_id, instruction_id, sample_id, round, operator, evolution_id
FROM instructions
WHERE parent_id IS NOT NULL
