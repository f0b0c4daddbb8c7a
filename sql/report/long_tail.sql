-- How wide each round's vocabulary is: distinct names, the share that the ten commonest hold, the share of names that occur once, and names that no
-- earlier round had, whichever items are chosen. Objects, abilities and formats of kept items, each once an item: abilities and formats under their
-- canonical names, what has none in lower case.
WITH named AS (
    SELECT round, 'object' AS kind, unnest(objects) AS name FROM item_facts WHERE status = 'kept'
    UNION ALL
    SELECT round, 'skill', unnest(skills) FROM item_facts WHERE status = 'kept'
    UNION ALL
    SELECT round, 'format', format FROM item_facts WHERE status = 'kept'
),
counted AS (
    SELECT kind, round, name, count(*) AS items
    FROM named
    GROUP BY kind, round, name
),
-- What rounds had, chosen or not.
standing AS (
    SELECT i.round, i.objects, i.skills, format_name(i.format) AS format
    FROM instructions i
    LEFT ANTI JOIN evolutions e ON i.evolution_id = e.evolution_id AND e.status = 'superseded'
    WHERE i.status = 'kept'
),
known AS (
    SELECT round, 'object' AS kind, unnest(distinct_objects(objects)) AS name FROM standing
    UNION ALL
    SELECT round, 'skill', unnest(distinct_skills(skills)) FROM standing
    UNION ALL
    SELECT round, 'format', format FROM standing
),
ranked AS (
    SELECT c.*, row_number() OVER (PARTITION BY c.kind, c.round ORDER BY c.items DESC, c.name) AS rank, k.first_round
    FROM counted c
    JOIN (SELECT kind, name, min(round) AS first_round FROM known GROUP BY kind, name) k ON c.kind = k.kind AND c.name = k.name
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
