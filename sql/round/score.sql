-- One request for each evolution: the judge compares every item with its own parent. Items with a fatal fault are eliminated without paying
-- for a verdict. An evolution whose verdict was not asked for because a limit was reached is still due as a whole; its answer is in calls.
WITH judged AS (
    SELECT *, items_to_judge(items) AS pairs FROM items
)
SELECT *
FROM (SELECT *, try_llm_score(image_ids, caption, objects, pairs) AS verdict FROM judged)
WHERE verdict['error_kind'] IS DISTINCT FROM 'budget'
