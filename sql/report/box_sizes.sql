-- How large the things are that kept items name, by the smallest box of that label in their picture. The bounds are COCO's, 32 x 32 and 96 x 96 pixels,
-- as shares of a picture of 640 x 480. Most names that a model invents have no box.
WITH box AS (
    SELECT sample_id, unnest(objects) AS object
    FROM samples
),
smallest AS (
    SELECT
        sample_id,
        lower(trim(object['label'])) AS label,
        min((object['bbox'][3] - object['bbox'][1]) * (object['bbox'][4] - object['bbox'][2])) AS area
    FROM box
    GROUP BY 1, 2
),
named AS (
    SELECT round, sample_id, unnest(objects) AS label
    FROM item_facts
    WHERE status = 'kept'
)
SELECT
    n.round,
    count(*) FILTER (WHERE s.area < 0.00333) AS small,
    count(*) FILTER (WHERE s.area >= 0.00333 AND s.area < 0.03) AS medium,
    count(*) FILTER (WHERE s.area >= 0.03) AS large,
    count(*) FILTER (WHERE s.area IS NULL) AS without_box,
    round(avg(CASE WHEN s.area < 0.00333 THEN 1.0 WHEN s.area IS NOT NULL THEN 0.0 END), 3) AS small_share
FROM named n
LEFT JOIN smallest s ON n.sample_id = s.sample_id AND n.label = s.label
GROUP BY n.round
ORDER BY n.round
