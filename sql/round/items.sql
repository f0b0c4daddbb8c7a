-- The items of each answer, each with the parent it names and with what is wrong with it. Still one row for each evolution, so that an answer
-- can go on to the judge while others are being written.
SELECT
    *,
    rewritten_items(parsed['items'], objects, parents, parsed['truncated'] OR reply['finish_reason'] = 'length') AS items
FROM answers
