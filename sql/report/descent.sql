-- How the kept items of each round descend: how many know their parent, how many items one parent brought, and how many seed items have an heir left.
SELECT
    round,
    count(*) AS kept,
    count(parent_id) AS with_parent,
    count(DISTINCT parent_id) AS parents,
    round(CAST(count(parent_id) AS DOUBLE) / nullif(count(DISTINCT parent_id), 0), 2) AS items_per_parent,
    count(DISTINCT root_id) AS seeds_with_heirs
FROM item_facts
WHERE status = 'kept'
GROUP BY round
ORDER BY round
