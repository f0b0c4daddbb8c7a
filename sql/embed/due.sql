-- The items whose text has no vector of the model yet, or that of an earlier text. Blank texts have none.
SELECT
    i.instruction_id,
    i.text,
    i.text_hash,
    e.instruction_id IS NOT NULL AS replaces
FROM (
    SELECT instruction_id, text, stable_id(text) AS text_hash
    FROM (
        SELECT instruction_id, CASE WHEN $content = 'question' THEN question ELSE concat(question, chr(10), answer) END AS text
        FROM instructions
        WHERE $chosen
    )
    WHERE btrim(text) <> ''
) i
LEFT JOIN (SELECT instruction_id, text_hash FROM embeddings WHERE model = $model) e ON i.instruction_id = e.instruction_id
WHERE e.text_hash IS DISTINCT FROM i.text_hash
