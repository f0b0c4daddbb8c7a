-- What came back, read as items. A request that was not made, because a limit was reached or the command was stopped, leaves no trace: it is
-- still due. With $unasked, to plan a round, it is a row all the same.
SELECT
    *,
    stable_id(
        'evolution', sample_id, parent_evolution_id, $round, part, operator, persona, reply['prompt_id'], reply['model'], $parameters, $seed, attempt
    ) AS evolution_id,
    parse_instructions(reply['value']) AS parsed
FROM evolved
WHERE $unasked OR coalesce(reply['error_kind'], '') NOT IN ('budget', 'stopped')
