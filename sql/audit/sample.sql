-- Items to check by hand: from each stratum (round, operator and what became of the item) $per_stratum of them, in the order of a hash, so that the same
-- seed gives the same items, and other items of a store do not matter. An item that was judged again is another row of the same place of the same answer:
-- the hash is of the place. The judge's verdict is not in it: whoever checks should not know it.
WITH stratum AS (
    SELECT
        instruction_id,
        row_number() OVER (
            PARTITION BY round, operator, status
            ORDER BY stable_id('audit', $seed, sample_id, coalesce(request_id, instruction_id), position)
        ) AS place
    FROM history
    WHERE $where AND round > 0 AND evolution_status IS DISTINCT FROM 'superseded'
)
SELECT
    h.instruction_id,
    h.round,
    coalesce(h.operator, 'imported') AS operator,
    h.source_id,
    m.uri AS image,
    h.parent_question,
    h.parent_answer,
    h.question,
    h.answer,
    '' AS improved,
    '' AS correct,
    '' AS auditor,
    '' AS comment
FROM history h
JOIN stratum t ON h.instruction_id = t.instruction_id
JOIN samples s ON h.sample_id = s.sample_id
LEFT JOIN images m ON s.image_ids[1] = m.image_id
WHERE t.place <= $per_stratum
-- Strata are mixed, so that their order tells nothing.
ORDER BY stable_id('order', $seed, h.sample_id, coalesce(h.request_id, h.instruction_id), h.position)
