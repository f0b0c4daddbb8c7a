-- The record of each attempt: what it was made with, what came of it, and why it failed if it did.
WITH outcome AS (
    SELECT
        evolution_id,
        count(*) AS generated,
        count(*) FILTER (WHERE status = 'kept') AS kept,
        count(*) FILTER (WHERE status = 'unjudged') AS unjudged
    FROM results
    GROUP BY evolution_id
),
attempt AS (
    SELECT
        s.*,
        coalesce(o.generated, 0) AS generated,
        coalesce(o.kept, 0) AS kept,
        coalesce(o.unjudged, 0) AS unjudged
    FROM scored s
    LEFT JOIN outcome o ON s.evolution_id = o.evolution_id
),
judged AS (
    SELECT
        *,
        CASE
            WHEN reply['error_kind'] IS NOT NULL THEN reply['error_kind']
            -- What a model reasons may take all its tokens, and is no part of the text: such a text does not look cut off.
            WHEN reply['finish_reason'] = 'length' AND parsed['error_kind'] IN ('empty', 'no_json') THEN 'answer_truncated'
            WHEN parsed['error_kind'] IS NOT NULL THEN concat('answer_', parsed['error_kind'])
            WHEN kept > 0 OR unjudged = 0 THEN NULL
            WHEN verdict['error_kind'] IS NOT NULL THEN concat('judge_', verdict['error_kind'])
            WHEN verdict['finish_reason'] = 'length' THEN 'judge_truncated'
            ELSE 'judge_unusable'
        END AS error_kind
    FROM attempt
)
SELECT
    evolution_id,
    sample_id,
    CAST($round AS INT) AS round,
    part,
    attempt,
    parent_evolution_id,
    operator,
    CASE WHEN error_kind IS NOT NULL THEN 'failed' WHEN kept > 0 THEN 'kept' ELSE 'eliminated' END AS status,
    error_kind,
    CASE
        WHEN error_kind IS NULL THEN NULL
        WHEN error_kind = 'answer_truncated' AND reply['finish_reason'] = 'length' THEN 'the answer was cut off at --max-tokens before its first whole item'
        WHEN error_kind = 'judge_truncated' THEN 'the verdicts were cut off at --max-tokens before the first whole one'
        ELSE coalesce(reply['error'], parsed['error'], verdict['error'], 'the judge gave no usable verdict on any item')
    END AS error,
    reply['model'] AS model,
    verdict['model'] AS judge,
    $parameters AS parameters,
    sample_hash,
    reply['prompt_id'] AS prompt_id,
    verdict['prompt_id'] AS judge_prompt_id,
    reply['request_id'] AS request_id,
    verdict['request_id'] AS score_request_id,
    CAST(cardinality(parents) AS INT) AS parents,
    CAST(generated AS INT) AS generated,
    CAST(kept AS INT) AS kept,
    $run_id AS run_id,
    CAST($now AS TIMESTAMP WITH TIME ZONE) AS created_at
FROM judged
ORDER BY sample_id, part
