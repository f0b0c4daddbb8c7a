-- What came back, read as items. A request that was not made because a limit was reached leaves no trace: it is still due.
SELECT
    *,
    stable_id(
        'evolution', sample_id, parent_evolution_id, $round, part, operator, persona, reply['prompt_id'], reply['model'], $parameters, $seed, attempt
    ) AS evolution_id,
    parse_instructions(reply['value']) AS parsed
FROM evolved
WHERE reply['error_kind'] IS DISTINCT FROM 'budget'
