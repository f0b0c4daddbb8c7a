-- How many items each round made, and what became of them.
SELECT
    round /*by*/,
    count(DISTINCT sample_id) AS samples,
    count(*) AS items,
    count(*) FILTER (WHERE status = 'kept') AS kept,
    count(*) FILTER (WHERE status = 'eliminated') AS eliminated,
    count(*) FILTER (WHERE status = 'unjudged') AS unjudged
FROM item_facts
GROUP BY round /*by*/
ORDER BY round /*by*/
