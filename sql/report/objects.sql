-- The objects that most kept items name, in seeds and in what was evolved, with their ranks there. Names are compared in lower case, and count once an item.
WITH named AS (
    SELECT round, unnest(objects) AS object
    FROM item_facts
    WHERE status = 'kept'
),
counted AS (
    SELECT
        object,
        count(*) FILTER (WHERE round = 0) AS seed,
        count(*) FILTER (WHERE round > 0) AS evolved
    FROM named
    GROUP BY object
)
SELECT
    object,
    seed,
    evolved,
    CASE WHEN seed > 0 THEN rank() OVER (ORDER BY seed DESC) END AS seed_rank,
    CASE WHEN evolved > 0 THEN rank() OVER (ORDER BY evolved DESC) END AS evolved_rank
FROM counted
ORDER BY evolved DESC, seed DESC, object
