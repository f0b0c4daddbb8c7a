-- The abilities that kept items name, under their canonical names, in seeds and in what was evolved; `canonical` tells the method's nine from what
-- models call otherwise.
WITH named AS (
    SELECT round, unnest(skills) AS skill
    FROM item_facts
    WHERE status = 'kept'
),
skill AS (
    SELECT round, normalize_skill(skill) AS skill
    FROM named
)
SELECT
    skill,
    skill IN (
        'Grounding Ability', 'Referencing Ability', 'Calculating Ability', 'OCR Ability', 'Existence Ability', 'Relationship Description Ability',
        'Context Understanding Ability', 'Behavior Prediction Ability', 'Knowledge Integration Ability'
    ) AS canonical,
    count(*) FILTER (WHERE round = 0) AS seed,
    count(*) FILTER (WHERE round > 0) AS evolved,
    round(CAST(count(*) FILTER (WHERE round > 0) AS DOUBLE) / nullif(sum(count(*) FILTER (WHERE round > 0)) OVER (), 0), 3) AS evolved_share
FROM skill
WHERE skill IS NOT NULL AND skill <> ''
GROUP BY skill
ORDER BY evolved DESC, seed DESC, skill
LIMIT 1000
