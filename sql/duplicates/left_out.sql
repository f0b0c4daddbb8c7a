-- The items of $chosen that are left out because of what is marked: of each group, the best of the chosen items stays, whether it is the
-- representative or not. Of images that look alike, the representative stays, or else the one most like it that a chosen sample shows; a sample is left
-- out when all of its images are.
WITH chosen AS (SELECT instruction_id, sample_id, round, score FROM $chosen),
places AS (
    SELECT
        c.instruction_id,
        row_number() OVER (PARTITION BY d.group_id ORDER BY c.round, c.score DESC NULLS LAST, c.instruction_id) AS place
    FROM chosen c
    JOIN duplicates d ON c.instruction_id = d.member_id
    WHERE d.method <> 'image'
),
shown AS (
    SELECT sample_id, unnest(image_ids) AS image_id
    FROM samples
    WHERE sample_id IN (SELECT sample_id FROM chosen)
),
copies AS (
    SELECT
        s.sample_id,
        d.member_id <> first_value(d.member_id) OVER (
            PARTITION BY d.group_id
            ORDER BY d.member_id = d.representative_id DESC, d.similarity DESC, d.member_id
        ) AS is_copy
    FROM shown s
    JOIN duplicates d ON s.image_id = d.member_id
    WHERE d.method = 'image'
),
gone AS (
    SELECT s.sample_id
    FROM samples s
    JOIN (SELECT sample_id, count(*) AS images FROM copies WHERE is_copy GROUP BY sample_id) c ON s.sample_id = c.sample_id
    WHERE c.images = cardinality(s.image_ids)
)
SELECT instruction_id FROM places WHERE place > 1
UNION
SELECT c.instruction_id
FROM chosen c
JOIN gone g ON c.sample_id = g.sample_id
