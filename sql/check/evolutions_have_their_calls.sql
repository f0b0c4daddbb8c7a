-- An evolution that asked a model names the request, and the request is recorded.
SELECT e.evolution_id AS id
FROM evolutions e
LEFT ANTI JOIN calls c ON e.request_id = c.request_id
WHERE e.request_id IS NOT NULL
UNION ALL
SELECT e.evolution_id AS id
FROM evolutions e
LEFT ANTI JOIN calls c ON e.score_request_id = c.request_id
WHERE e.score_request_id IS NOT NULL
