-- With --max-calls, in place of table frontier: what the calls that are left ($calls) reach of it. What takes none comes first, then what an endpoint
-- put off, then what was begun. The last one may be rewritten and have no call left for its verdicts: its answer is in calls then. With $judge_only,
-- what has no answer to judge is not in needed, and takes none either.
SELECT f.*
FROM (
    SELECT
        *,
        sum(calls) OVER (
            ORDER BY calls > 0, delayed DESC, calls, sample_id, part, parent_evolution_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - calls AS calls_before
    FROM needed
) n
RIGHT JOIN frontier f
    ON n.sample_id = f.sample_id AND n.part = f.part AND coalesce(n.parent_evolution_id, '') = coalesce(f.parent_evolution_id, '')
WHERE coalesce(n.calls, 0) = 0 OR n.calls_before < $calls
ORDER BY f.delayed DESC, f.sample_id, f.part
