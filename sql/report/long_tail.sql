-- How wide each round's vocabulary is: distinct names, the share that the ten commonest hold, the share of names that occur once, and names that no
-- earlier round had. Objects and formats as kept items name them, abilities under their canonical names.
WITH named AS (
    SELECT 'object' AS kind, round, unnest(array_distinct(objects)) AS name FROM item_facts WHERE status = 'kept'
    UNION ALL
    SELECT 'skill' AS kind, round, unnest(array_distinct(skills)) AS name FROM item_facts WHERE status = 'kept'
    UNION ALL
    SELECT 'format' AS kind, round, format AS name FROM item_facts WHERE status = 'kept'
),
counted AS (
    SELECT
        kind,
        round,
        CASE kind WHEN 'skill' THEN normalize_skill(name) WHEN 'object' THEN lower(trim(name)) ELSE name END AS name,
        count(*) AS items
    FROM named
    WHERE trim(name) <> ''
    GROUP BY 1, 2, 3
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY kind, round ORDER BY items DESC, name) AS rank,
        min(round) OVER (PARTITION BY kind, name) AS first_round
    FROM counted
)
SELECT
    kind,
    round,
    count(*) AS distinct_names,
    sum(items) AS mentions,
    round(CAST(sum(items) FILTER (WHERE rank <= 10) AS DOUBLE) / sum(items), 3) AS head_share,
    round(avg(CASE WHEN items = 1 THEN 1.0 ELSE 0.0 END), 3) AS once_share,
    count(*) FILTER (WHERE first_round = round AND round > 0) AS new_names
FROM ranked
GROUP BY kind, round
ORDER BY kind, round
