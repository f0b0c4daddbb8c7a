-- The language of the kept questions in each round. Of at most 50,000 items, drawn by a hash of their ids; NULL is a text too short or of no known
-- language.
WITH drawn AS (
    SELECT round, question FROM item_facts WHERE status = 'kept' ORDER BY md5(instruction_id) LIMIT 50000
),
told AS (
    SELECT round, language(question) AS language FROM drawn
)
SELECT
    round,
    language,
    count(*) AS items,
    round(CAST(count(*) AS DOUBLE) / sum(count(*)) OVER (PARTITION BY round), 3) AS share
FROM told
GROUP BY round, language
ORDER BY round, items DESC, language
