-- Twenty kept items of the latest rounds, one a sample, each with everything it was made from, back to its seed.
WITH RECURSIVE last AS (
    SELECT
        instruction_id,
        round,
        row_number() OVER (PARTITION BY sample_id ORDER BY round DESC, md5(instruction_id)) AS place
    FROM item_facts
    WHERE status = 'kept' AND round > 0
),
leaf AS (
    -- In the order of a hash: any twenty, and always the same.
    SELECT instruction_id, CAST(row_number() OVER (ORDER BY round DESC, md5(instruction_id)) AS BIGINT) AS example
    FROM last
    WHERE place = 1
    ORDER BY round DESC, md5(instruction_id)
    LIMIT 20
),
line AS (
    SELECT l.example, i.instruction_id, i.parent_id, i.round
    FROM leaf l
    JOIN instructions i ON l.instruction_id = i.instruction_id
    UNION ALL
    -- Rows inserted by hand may go in circles; rounds do not.
    SELECT l.example, i.instruction_id, i.parent_id, i.round
    FROM line l
    JOIN instructions i ON l.parent_id = i.instruction_id AND i.round < l.round
)
SELECT
    l.example,
    i.round,
    i.operator,
    i.score,
    i.format,
    -- Each once, and no NULL, which a row inserted by hand may hold.
    array_except(i.skills, [NULL]) AS skills,
    i.question,
    i.answer,
    i.reason,
    i.parent_id,
    i.instruction_id,
    i.sample_id,
    s.source_id,
    s.image_ids[1] AS image_id
FROM line l
JOIN instructions i ON l.instruction_id = i.instruction_id
JOIN samples s ON i.sample_id = s.sample_id
ORDER BY l.example, i.round
