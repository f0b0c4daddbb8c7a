-- The long tail as a curve: how many kept items name the object, and the ability, of each rank. Beyond rank 20 every twentieth of a decade stands for
-- its neighbours, so that the result stays small.
WITH named AS (
    SELECT 'object' AS kind, round, unnest(array_distinct(objects)) AS name FROM item_facts WHERE status = 'kept'
    UNION ALL
    SELECT 'skill' AS kind, round, unnest(array_distinct(skills)) AS name FROM item_facts WHERE status = 'kept'
),
counted AS (
    SELECT kind, round, CASE kind WHEN 'skill' THEN normalize_skill(name) ELSE lower(trim(name)) END AS name, count(*) AS items
    FROM named
    WHERE trim(name) <> ''
    GROUP BY 1, 2, 3
),
ranked AS (
    SELECT *, CAST(row_number() OVER (PARTITION BY kind, round ORDER BY items DESC, name) AS BIGINT) AS rank
    FROM counted
)
SELECT kind, round, rank, name, items
FROM ranked
WHERE rank <= 20 OR floor(20 * log10(CAST(rank AS DOUBLE))) > floor(20 * log10(CAST(rank - 1 AS DOUBLE)))
ORDER BY kind, round, rank
