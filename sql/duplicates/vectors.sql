-- The items of $texts, each with its embedding by $model, or without.
SELECT t.id, t.round, t.score, e.vector
FROM $texts t
LEFT JOIN (SELECT instruction_id, vector FROM embeddings WHERE model = $model) e ON t.id = e.instruction_id
