-- What a round would ask, one row for each part of the frontier: whether its rewriting and its verdicts are still to be asked for. With nothing
-- but earlier answers to take, requests that would be made have a budget error.
SELECT
    sample_id,
    part,
    due,
    operator,
    image_ids,
    caption,
    objects,
    parents AS items,
    persona,
    coalesce(reply['error_kind'], '') = 'budget' AS is_unanswered,
    CAST(coalesce(cardinality(pairs), 0) AS BIGINT) AS pairs,
    coalesce(verdict['error_kind'], '') = 'budget' AS is_unjudged
FROM scored
