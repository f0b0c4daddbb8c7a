-- What a round did, in numbers.
SELECT $round AS round, e.*, i.*
FROM (
    SELECT
        count(DISTINCT sample_id) AS samples,
        count(*) AS evolutions,
        count(*) FILTER (WHERE status = 'failed') AS failed
    FROM attempts
) e
CROSS JOIN (
    SELECT
        count(*) AS generated,
        count(*) FILTER (WHERE status = 'kept') AS kept,
        count(*) FILTER (WHERE status = 'eliminated') AS eliminated,
        count(*) FILTER (WHERE status = 'unjudged') AS unjudged
    FROM results
) i
