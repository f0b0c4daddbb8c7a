-- Items that are marked as duplicates of another one, per method of 'mmevol dedup' and round. The best item of each group is no duplicate: it stays.
-- Method 'image' marks images: there the members are the items of samples that show one, and duplicates where every image of the sample has a better copy. One
-- that is missing was compared with none.
WITH shown AS (
    SELECT sample_id, cardinality(image_ids) + coalesce(cardinality(missing_images), 0) AS images, unnest(image_ids) AS image_id
    FROM samples
),
picture AS (
    SELECT
        s.sample_id,
        d.threshold,
        d.group_id,
        sum(CASE WHEN d.member_id <> d.representative_id THEN 1 ELSE 0 END) OVER (PARTITION BY s.sample_id) = s.images AS is_duplicate
    FROM duplicates d
    JOIN shown s ON d.member_id = s.image_id
    WHERE d.method = 'image'
),
mark AS (
    SELECT d.method, d.threshold, f.round, d.group_id, f.instruction_id, d.member_id <> d.representative_id AS is_duplicate
    FROM duplicates d
    JOIN item_facts f ON d.member_id = f.instruction_id
    WHERE d.method <> 'image'
    UNION ALL
    SELECT 'image', p.threshold, f.round, p.group_id, f.instruction_id, p.is_duplicate
    FROM picture p
    JOIN item_facts f ON p.sample_id = f.sample_id
)
SELECT
    method,
    threshold,
    round,
    count(DISTINCT group_id) AS groups,
    count(DISTINCT instruction_id) AS members,
    count(DISTINCT instruction_id) FILTER (WHERE is_duplicate) AS duplicates
FROM mark
GROUP BY method, threshold, round
ORDER BY method, threshold, round
