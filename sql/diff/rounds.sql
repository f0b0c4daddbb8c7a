-- Per round and operator: how many instructions were added, removed or changed between states $a and $b, and how many instructions and evolutions of each
-- status both have. Only rounds and operators in which something differs. Items of a superseded evolution have no status that counts.
WITH item_a AS (
    SELECT i.round, i.operator, i.status
    FROM table_at('instructions', $a) i
    LEFT ANTI JOIN table_at('evolutions', $a) e ON i.evolution_id = e.evolution_id AND e.status = 'superseded'
),
item_b AS (
    SELECT i.round, i.operator, i.status
    FROM table_at('instructions', $b) i
    LEFT ANTI JOIN table_at('evolutions', $b) e ON i.evolution_id = e.evolution_id AND e.status = 'superseded'
),
counted AS (
    SELECT round, operator, change, NULL AS place FROM diff('instructions', $a, $b)
    UNION ALL
    SELECT round, operator, NULL, concat('instruction ', status, ' a') FROM item_a
    UNION ALL
    SELECT round, operator, NULL, concat('instruction ', status, ' b') FROM item_b
    UNION ALL
    SELECT round, operator, NULL, concat('evolution ', status, ' a') FROM table_at('evolutions', $a)
    UNION ALL
    SELECT round, operator, NULL, concat('evolution ', status, ' b') FROM table_at('evolutions', $b)
),
summed AS (
    SELECT
        round,
        operator,
        count(*) FILTER (WHERE change = 'added') AS added,
        count(*) FILTER (WHERE change = 'removed') AS removed,
        count(*) FILTER (WHERE change = 'changed') AS changed,
        count(*) FILTER (WHERE place = 'instruction kept a') AS kept_a,
        count(*) FILTER (WHERE place = 'instruction kept b') AS kept_b,
        count(*) FILTER (WHERE place = 'instruction eliminated a') AS eliminated_a,
        count(*) FILTER (WHERE place = 'instruction eliminated b') AS eliminated_b,
        count(*) FILTER (WHERE place = 'instruction unjudged a') AS unjudged_a,
        count(*) FILTER (WHERE place = 'instruction unjudged b') AS unjudged_b,
        count(*) FILTER (WHERE place = 'evolution kept a') AS evolutions_kept_a,
        count(*) FILTER (WHERE place = 'evolution kept b') AS evolutions_kept_b,
        count(*) FILTER (WHERE place = 'evolution eliminated a') AS evolutions_eliminated_a,
        count(*) FILTER (WHERE place = 'evolution eliminated b') AS evolutions_eliminated_b,
        count(*) FILTER (WHERE place = 'evolution failed a') AS evolutions_failed_a,
        count(*) FILTER (WHERE place = 'evolution failed b') AS evolutions_failed_b,
        count(*) FILTER (WHERE place = 'evolution superseded a') AS evolutions_superseded_a,
        count(*) FILTER (WHERE place = 'evolution superseded b') AS evolutions_superseded_b
    FROM counted
    GROUP BY round, operator
)
SELECT *
FROM summed
WHERE added + removed + changed > 0
    OR evolutions_kept_a <> evolutions_kept_b
    OR evolutions_eliminated_a <> evolutions_eliminated_b
    OR evolutions_failed_a <> evolutions_failed_b
    OR evolutions_superseded_a <> evolutions_superseded_b
ORDER BY round, operator
