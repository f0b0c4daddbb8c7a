-- What the checks that need no model found. A fatal fault eliminates an item whatever a judge says. The share is of all items of that round and
-- operator; an item may have several faults.
WITH total AS (
    SELECT round, operator, count(*) AS items
    FROM item_facts
    WHERE round > 0
    GROUP BY round, operator
),
fault AS (
    SELECT round, operator, unnest(faults) AS fault
    FROM item_facts
    WHERE round > 0
)
SELECT
    f.round,
    f.operator,
    f.fault,
    bool_or(cardinality(fatal_faults([f.fault])) > 0) AS fatal,
    count(*) AS items,
    round(CAST(count(*) AS DOUBLE) / max(t.items), 3) AS share
FROM fault f
JOIN total t ON f.round = t.round AND f.operator = t.operator
WHERE f.fault IS NOT NULL
GROUP BY f.round, f.operator, f.fault
ORDER BY f.round, f.operator, items DESC, f.fault
