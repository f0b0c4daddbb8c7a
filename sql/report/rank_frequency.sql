-- The long tail as a curve: how many kept items name the object, and the ability, of each rank. Beyond rank 20 every twentieth of a decade stands for
-- its neighbours, so that the result stays small.
WITH named AS (
    SELECT round, 'object' AS kind, unnest(objects) AS name FROM item_facts WHERE status = 'kept'
    UNION ALL
    SELECT round, 'skill', unnest(skills) FROM item_facts WHERE status = 'kept'
),
counted AS (
    SELECT kind, round, name, count(*) AS items
    FROM named
    GROUP BY kind, round, name
),
ranked AS (
    SELECT *, CAST(row_number() OVER (PARTITION BY kind, round ORDER BY items DESC, name) AS BIGINT) AS rank
    FROM counted
)
SELECT kind, round, rank, name, items
FROM ranked
WHERE rank <= 20 OR floor(20 * log10(CAST(rank AS DOUBLE))) > floor(20 * log10(CAST(rank - 1 AS DOUBLE)))
ORDER BY kind, round, rank
