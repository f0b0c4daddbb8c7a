-- The mix of formats among the kept items of each round, under their canonical names; one that a model invented stands in lower case.
SELECT
    round,
    format,
    count(*) AS kept,
    round(CAST(count(*) AS DOUBLE) / sum(count(*)) OVER (PARTITION BY round), 3) AS share
FROM item_facts
WHERE status = 'kept'
GROUP BY round, format
ORDER BY round, kept DESC, format
