-- How many kept items name how many steps: seeds beside what was evolved from them.
SELECT
    step_count AS steps,
    count(*) FILTER (WHERE round = 0) AS seed,
    count(*) FILTER (WHERE round > 0) AS evolved,
    round(CAST(count(*) FILTER (WHERE round = 0) AS DOUBLE) / nullif(sum(count(*) FILTER (WHERE round = 0)) OVER (), 0), 4) AS seed_share,
    round(CAST(count(*) FILTER (WHERE round > 0) AS DOUBLE) / nullif(sum(count(*) FILTER (WHERE round > 0)) OVER (), 0), 4) AS evolved_share
FROM item_facts
WHERE status = 'kept'
GROUP BY step_count
ORDER BY step_count
