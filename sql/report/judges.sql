-- How far two judges agree on the same items. Judging again (evolve --judge-only) replaces the verdicts and keeps the replaced ones: the same place of
-- the same answer is the same item. Each row sets an earlier judge against the one that stands; kappa is Cohen's, NULL where both always said the same.
WITH earlier AS (
    SELECT i.sample_id, e.request_id, i.position, e.judge, e.judge_prompt_id, i.improved, i.score
    FROM instructions i
    JOIN evolutions e ON i.evolution_id = e.evolution_id
    WHERE e.status = 'superseded' AND i.improved IS NOT NULL
),
pair AS (
    SELECT
        o.judge AS earlier,
        f.judge AS standing,
        o.judge_prompt_id <> f.judge_prompt_id AS other_prompt,
        CASE WHEN o.improved THEN 1.0 ELSE 0.0 END AS a,
        CASE WHEN f.improved THEN 1.0 ELSE 0.0 END AS b,
        abs(o.score - f.score) AS difference
    FROM item_facts f
    JOIN earlier o ON f.sample_id = o.sample_id AND f.request_id = o.request_id AND f.position = o.position
    WHERE f.improved IS NOT NULL AND (f.judge <> o.judge OR f.judge_prompt_id <> o.judge_prompt_id)
),
rate AS (
    SELECT
        earlier,
        standing,
        other_prompt,
        count(*) AS items,
        avg(a) AS earlier_yes,
        avg(b) AS standing_yes,
        avg(CASE WHEN a = b THEN 1.0 ELSE 0.0 END) AS agree,
        avg(a) * avg(b) + (1 - avg(a)) * (1 - avg(b)) AS chance,
        avg(difference) AS score_difference
    FROM pair
    GROUP BY earlier, standing, other_prompt
)
SELECT
    earlier,
    standing,
    other_prompt,
    items,
    round(earlier_yes, 3) AS earlier_yes,
    round(standing_yes, 3) AS standing_yes,
    round(agree, 3) AS agreement,
    -- With 0 added, there is no -0.
    round(CASE WHEN chance < 1 THEN (agree - chance) / (1 - chance) END, 3) + 0.0 AS kappa,
    round(score_difference, 2) AS score_difference
FROM rate
ORDER BY items DESC, earlier, standing, other_prompt
