-- Evolutions of some runs one of whose answers was cut off at the limit it was made under, and was not asked for again under a higher one.
WITH request AS (
    SELECT evolution_id, request_id FROM evolutions WHERE $runs
    UNION ALL
    SELECT evolution_id, score_request_id FROM evolutions WHERE $runs
),
cut_off AS (
    SELECT c.request_id
    FROM (SELECT DISTINCT request_id FROM calls WHERE finish_reason = 'length') c
    LEFT ANTI JOIN calls whole ON c.request_id = whole.request_id AND whole.finish_reason <> 'length'
)
SELECT count(DISTINCT r.evolution_id)
FROM cut_off c
JOIN request r ON c.request_id = r.request_id
