-- What questions ask for: the verb nearest to the root of the question with its first direct object, in seeds and in what was evolved. Of at most 50,000
-- kept items each, drawn by a hash of their ids, since finding them takes a tagger; questions without such a pair are left out.
WITH seed AS (
    SELECT question FROM item_facts WHERE status = 'kept' AND round = 0 ORDER BY md5(instruction_id) LIMIT 50000
),
evolved AS (
    SELECT question FROM item_facts WHERE status = 'kept' AND round > 0 ORDER BY md5(instruction_id) LIMIT 50000
),
asked AS (
    SELECT false AS is_evolved, root_verb(question) AS verb, root_noun(question) AS noun FROM seed
    UNION ALL
    SELECT true, root_verb(question), root_noun(question) FROM evolved
)
SELECT
    verb,
    noun,
    count(*) FILTER (WHERE NOT is_evolved) AS seed,
    count(*) FILTER (WHERE is_evolved) AS evolved
FROM asked
WHERE verb IS NOT NULL AND noun IS NOT NULL
GROUP BY verb, noun
ORDER BY evolved + seed DESC, verb, noun
