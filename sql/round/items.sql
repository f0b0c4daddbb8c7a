-- The items of each answer, each with the parent it names and with what is wrong with it.
WITH item AS (
    SELECT
        evolution_id,
        sample_id,
        operator,
        objects AS given_objects,
        parents,
        parsed['truncated'] OR reply['finish_reason'] = 'length' AS truncated,
        unnest(parsed['items']) AS item,
        unnest(range(0, CAST(cardinality(parsed['items']) AS BIGINT))) AS position
    FROM answers
    WHERE cardinality(parsed['items']) > 0
)
SELECT
    stable_id('instruction', evolution_id, position) AS instruction_id,
    evolution_id,
    sample_id,
    operator,
    CAST(position AS INT) AS position,
    item,
    CASE WHEN item['item'] BETWEEN 1 AND cardinality(parents) THEN parents[item['item']] END AS parent,
    array_concat(
        instruction_faults(item, given_objects, parents),
        CASE WHEN truncated THEN ['truncated'] ELSE CAST([] AS VARCHAR[]) END
    ) AS faults
FROM item
