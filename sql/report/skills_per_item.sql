-- How many kept items name how many skills: seeds beside what was evolved from them.
SELECT
    skill_count AS skills,
    count(*) FILTER (WHERE round = 0) AS seed,
    count(*) FILTER (WHERE round > 0) AS evolved,
    round(CAST(count(*) FILTER (WHERE round = 0) AS DOUBLE) / nullif(sum(count(*) FILTER (WHERE round = 0)) OVER (), 0), 4) AS seed_share,
    round(CAST(count(*) FILTER (WHERE round > 0) AS DOUBLE) / nullif(sum(count(*) FILTER (WHERE round > 0)) OVER (), 0), 4) AS evolved_share
FROM item_facts
WHERE status = 'kept'
GROUP BY skill_count
ORDER BY skill_count
