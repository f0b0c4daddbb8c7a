-- Kept is what its judge calls an improvement over its own parent, without a fatal fault and with a score of at least $min_score where one is asked
-- for. Everything else stays too, with its status and the reason. An item whose judge said nothing usable is unjudged: neither kept nor dropped.
WITH item AS (
    SELECT evolution_id, sample_id, part, operator, parents, unnest(items) AS item
    FROM scored
),
score AS (
    SELECT
        evolution_id,
        unnest(pairs) AS pair,
        unnest(parse_scores(verdict['value'], CAST(cardinality(pairs) AS BIGINT))['items']) AS verdict
    FROM scored
    WHERE verdict['value'] IS NOT NULL
),
judged AS (
    SELECT
        i.evolution_id,
        i.sample_id,
        i.part,
        i.operator,
        i.item['position'] AS position,
        i.item['rewritten'] AS item,
        CASE WHEN i.item['parent'] IS NOT NULL THEN i.parents[i.item['parent']] END AS parent,
        i.item['faults'] AS faults,
        fatal_faults(i.item['faults']) AS fatal,
        s.verdict['improved'] AS improved,
        CAST(s.verdict['score'] AS INT) AS score,
        s.verdict['reason'] AS judge_reason
    FROM item i
    LEFT JOIN score s ON i.evolution_id = s.evolution_id AND i.item['position'] = s.pair['position']
)
SELECT
    stable_id('instruction', evolution_id, position) AS instruction_id,
    sample_id,
    evolution_id,
    parent['instruction_id'] AS parent_id,
    parent['root_id'] AS root_id,
    CAST($round AS INT) AS round,
    operator,
    CAST(position AS INT) AS position,
    item['image_position'] AS image_position,
    item['question'] AS question,
    item['answer'] AS answer,
    item['objects'] AS objects,
    item['skills'] AS skills,
    item['format'] AS format,
    item['steps'] AS steps,
    improved,
    score,
    CASE
        WHEN cardinality(fatal) > 0 THEN concat('fault: ', array_to_string(fatal, ', '))
        WHEN improved IS NULL THEN 'the judge gave no usable verdict'
        WHEN improved AND $min_score IS NOT NULL AND score IS NULL THEN concat_ws(' ', 'no score to compare with the minimum.', judge_reason)
        WHEN improved AND score < $min_score THEN concat_ws(' ', 'below the minimum score.', judge_reason)
        ELSE judge_reason
    END AS reason,
    faults,
    CASE
        WHEN cardinality(fatal) > 0 THEN 'eliminated'
        WHEN improved IS NULL THEN 'unjudged'
        WHEN NOT improved THEN 'eliminated'
        WHEN $min_score IS NULL THEN 'kept'
        WHEN score IS NULL THEN 'unjudged'
        WHEN score >= $min_score THEN 'kept'
        ELSE 'eliminated'
    END AS status,
    $run_id AS run_id,
    CAST($now AS TIMESTAMP WITH TIME ZONE) AS created_at
FROM judged
ORDER BY sample_id, part, position
