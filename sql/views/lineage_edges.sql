-- From each parent to what was made from it: one row for each item whose parent is known. To follow many items at once, join it with itself once a
-- round, or in a recursive query. Rows inserted by hand may go in circles; rounds do not:
--     WITH RECURSIVE line AS (
--         SELECT instruction_id AS leaf, parent_id AS ancestor, round FROM lineage_edges WHERE round = 3
--         UNION ALL
--         SELECT line.leaf, e.parent_id, e.round
--         FROM line JOIN lineage_edges e ON line.ancestor = e.instruction_id AND e.round < line.round
--     )
--     SELECT leaf, ancestor FROM line
SELECT parent_id, instruction_id, sample_id, round, operator, evolution_id
FROM instructions
WHERE parent_id IS NOT NULL
