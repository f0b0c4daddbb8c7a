-- One request for each evolution: the judge compares every item with its own parent. Items with a fatal fault are eliminated without paying
-- for a verdict. An evolution whose verdict was not asked for, because a limit was reached or the command was stopped, is still due as a whole;
-- its answer is in calls. With $unasked, to plan a round, it is a row all the same.
WITH judged AS (
    SELECT *, items_to_judge(items) AS pairs FROM items
)
SELECT *
FROM (SELECT *, try_llm_score(image_ids, caption, objects, pairs) AS verdict FROM judged)
WHERE $unasked OR coalesce(verdict['error_kind'], '') NOT IN ('budget', 'stopped')
