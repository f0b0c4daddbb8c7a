-- What each judge said of what each model made, per round and operator. Rounds that were imported finished are left out: only survivors are known.
SELECT
    round,
    operator,
    model,
    judge,
    count(*) AS judged,
    count(*) FILTER (WHERE improved) AS yes,
    round(avg(CASE WHEN improved THEN 1.0 ELSE 0.0 END), 3) AS yes_rate,
    round(avg(score), 2) AS mean_score
FROM item_facts
WHERE improved IS NOT NULL AND NOT imported
GROUP BY round, operator, model, judge
ORDER BY round, operator, model, judge
