-- The abilities that kept items name, each once an item, in seeds and in what was evolved. Under their canonical names; a label of a model's own stands in
-- lower case, and `canonical` tells which is which. Shares are of all that is named.
WITH named AS (
    SELECT round, unnest(skills) AS skill
    FROM item_facts
    WHERE status = 'kept'
)
SELECT
    skill,
    normalize_skill(skill) IS NOT NULL AS canonical,
    count(*) FILTER (WHERE round = 0) AS seed,
    count(*) FILTER (WHERE round > 0) AS evolved,
    round(CAST(count(*) FILTER (WHERE round = 0) AS DOUBLE) / nullif(sum(count(*) FILTER (WHERE round = 0)) OVER (), 0), 3) AS seed_share,
    round(CAST(count(*) FILTER (WHERE round > 0) AS DOUBLE) / nullif(sum(count(*) FILTER (WHERE round > 0)) OVER (), 0), 3) AS evolved_share
FROM named
GROUP BY skill
ORDER BY evolved DESC, seed DESC, skill
