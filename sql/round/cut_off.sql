-- Evolutions of some runs one of whose answers was cut off at the limit it was made under, and was not asked for again under a higher one.
WITH request AS (
    SELECT evolution_id, request_id FROM evolutions WHERE $runs
    UNION ALL
    SELECT evolution_id, score_request_id FROM evolutions WHERE $runs
),
cut_off AS (
    SELECT request_id FROM calls GROUP BY request_id HAVING bool_and(finish_reason = 'length')
)
SELECT count(DISTINCT r.evolution_id)
FROM request r
JOIN cut_off c ON r.request_id = c.request_id
