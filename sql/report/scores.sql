-- The judge's verdicts and difficulty scores. The yes-rate is of the items that have a verdict, the mean of those that have a score: an item with a
-- fatal fault is eliminated without either. Of rounds that were imported finished only the survivors are known, so that they have no yes-rate.
SELECT
    round /*by*/,
    count(improved) FILTER (WHERE NOT imported) AS judged,
    round(avg(CASE WHEN improved THEN 1.0 WHEN NOT improved THEN 0.0 END) FILTER (WHERE NOT imported), 3) AS yes_rate,
    count(score) AS scored,
    round(avg(score), 3) AS mean_score,
    round(stddev(score), 3) AS deviation,
    count(score) FILTER (WHERE status = 'kept') AS kept,
    round(avg(score) FILTER (WHERE status = 'kept'), 3) AS mean_kept
FROM item_facts
WHERE improved IS NOT NULL OR score IS NOT NULL
GROUP BY round /*by*/
ORDER BY round /*by*/
