-- The items whose text has no vector of the model yet, or that of an earlier text. Blank texts get none and have no hash: they are here where an earlier text
-- has left one.
SELECT
    i.instruction_id,
    i.text,
    i.text_hash,
    e.instruction_id IS NOT NULL AS replaces
FROM (
    SELECT instruction_id, text, CASE WHEN btrim(text) <> '' THEN stable_id(text) END AS text_hash
    FROM (
        SELECT instruction_id, CASE WHEN $content = 'question' THEN question ELSE concat(question, chr(10), answer) END AS text
        FROM instructions
        WHERE $chosen
    )
) i
LEFT JOIN (SELECT instruction_id, text_hash FROM embeddings WHERE model = $model) e ON i.instruction_id = e.instruction_id
WHERE e.text_hash IS DISTINCT FROM i.text_hash
