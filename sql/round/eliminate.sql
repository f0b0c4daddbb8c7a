-- Kept is what its judge calls an improvement over its own parent, without a fatal fault and with a score of at least $min_score where one is asked
-- for. Everything else stays too, with its status and the reason. An item whose judge said nothing usable is unjudged: neither kept nor dropped.
WITH verdict AS (
    SELECT
        unnest(instruction_ids) AS instruction_id,
        unnest(parse_scores(verdict['value'], CAST(cardinality(instruction_ids) AS BIGINT))['items']) AS verdict
    FROM scored
    WHERE verdict['value'] IS NOT NULL
),
item AS (
    SELECT
        i.*,
        v.verdict['improved'] AS improved,
        CAST(v.verdict['score'] AS INT) AS score,
        v.verdict['reason'] AS judge_reason,
        fatal_faults(i.faults) AS fatal
    FROM items i
    LEFT JOIN verdict v ON i.instruction_id = v.instruction_id
    -- An evolution whose verdict was not asked for because a limit was reached is still due as a whole; its answer is in calls.
    WHERE i.evolution_id NOT IN (SELECT evolution_id FROM scored WHERE verdict['error_kind'] = 'budget')
)
SELECT
    instruction_id,
    sample_id,
    evolution_id,
    parent['instruction_id'] AS parent_id,
    parent['root_id'] AS root_id,
    CAST($round AS INT) AS round,
    operator,
    position,
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
FROM item
