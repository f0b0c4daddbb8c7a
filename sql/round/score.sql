-- One request for each evolution: the judge compares every item with its own parent. Items with a fatal fault are eliminated without paying
-- for a verdict.
WITH judged AS (
    SELECT
        evolution_id,
        array_agg(named_struct('original', parent, 'rewritten', item) ORDER BY position) AS pairs,
        array_agg(instruction_id ORDER BY position) AS instruction_ids
    FROM items
    WHERE cardinality(fatal_faults(faults)) = 0
    GROUP BY evolution_id
)
SELECT
    j.evolution_id,
    j.instruction_ids,
    try_llm_score(a.image_ids, a.caption, a.objects, j.pairs) AS verdict
FROM judged j
JOIN answers a ON j.evolution_id = a.evolution_id
