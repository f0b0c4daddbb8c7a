-- The mix of operators in each round: of the items that were made, and of those that were kept.
SELECT
    round,
    operator,
    count(*) AS items,
    round(CAST(count(*) AS DOUBLE) / sum(count(*)) OVER (PARTITION BY round), 3) AS share,
    count(*) FILTER (WHERE status = 'kept') AS kept,
    round(CAST(count(*) FILTER (WHERE status = 'kept') AS DOUBLE) / nullif(sum(count(*) FILTER (WHERE status = 'kept')) OVER (PARTITION BY round), 0), 3)
        AS kept_share
FROM item_facts
WHERE round > 0
GROUP BY round, operator
ORDER BY round, operator
