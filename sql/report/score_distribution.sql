-- How often each score was given in each round, and how often to an item that was kept.
SELECT
    round,
    score,
    count(*) AS items,
    count(*) FILTER (WHERE status = 'kept') AS kept,
    round(CAST(count(*) AS DOUBLE) / sum(count(*)) OVER (PARTITION BY round), 4) AS share
FROM item_facts
WHERE score IS NOT NULL
GROUP BY round, score
ORDER BY round, score
