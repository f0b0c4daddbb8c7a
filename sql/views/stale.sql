-- Evolutions that stand and would come out otherwise today, one row for each reason; and all that descend from them, which have reason 'parent'
-- as those have whose parents were superseded. `present_prompts` holds the prompts that this session
-- evolves with; a model, a judge or parameters given by flags are no staleness.
--
-- No item is looked at: an evolution that was kept has kept items, and every sample has its seeds.
WITH RECURSIVE standing AS (
    SELECT * FROM evolutions WHERE status <> 'superseded'
),
prompt AS (
    SELECT p.prompt_id
    FROM prompts p
    JOIN present_prompts n ON p.name = n.name AND p.prompt_id <> n.prompt_id
    -- One text may have been the prompt of several names.
    LEFT ANTI JOIN present_prompts same ON p.prompt_id = same.prompt_id
),
kept AS (
    SELECT evolution_id, sample_id, round FROM evolutions WHERE status = 'kept'
),
-- What each was made from, beside what is there now.
compared AS (
    SELECT
        e.evolution_id,
        e.round,
        e.sample_hash <> s.content_hash AS sample_changed,
        p.prompt_id IS NOT NULL AS prompt_changed,
        j.prompt_id IS NOT NULL AS judge_prompt_changed,
        -- The parents are the kept items of the latest earlier round that kept any, and the seeds where none did.
        (e.parent_evolution_id IS NOT NULL AND k.evolution_id IS NULL) OR later.evolution_id IS NOT NULL AS parents_changed
    FROM standing e
    JOIN samples s ON e.sample_id = s.sample_id
    LEFT JOIN prompt p ON e.prompt_id = p.prompt_id
    LEFT JOIN prompt j ON e.judge_prompt_id = j.prompt_id
    LEFT JOIN kept k ON e.parent_evolution_id = k.evolution_id AND e.sample_id = k.sample_id AND k.round < e.round
    LEFT JOIN kept later ON e.sample_id = later.sample_id AND later.round > coalesce(k.round, 0) AND later.round < e.round
),
own_reason AS (
    SELECT
        evolution_id,
        round,
        unnest(make_array(
            CASE WHEN sample_changed THEN 'sample' END,
            CASE WHEN prompt_changed THEN 'prompt' END,
            CASE WHEN judge_prompt_changed THEN 'judge prompt' END,
            CASE WHEN parents_changed THEN 'parent' END
        )) AS reason
    FROM compared
    WHERE sample_changed OR prompt_changed OR judge_prompt_changed OR parents_changed
),
line AS (
    SELECT evolution_id, round, reason FROM own_reason WHERE reason IS NOT NULL
    UNION ALL
    -- Rows inserted by hand may go in circles; rounds do not.
    SELECT e.evolution_id, e.round, 'parent'
    FROM line
    JOIN standing e ON line.evolution_id = e.parent_evolution_id AND line.round < e.round
)
SELECT r.reason, e.evolution_id, e.sample_id, e.round, e.operator, e.status, e.model, e.judge, e.prompt_id, e.judge_prompt_id
FROM (SELECT DISTINCT evolution_id, reason FROM line) r
JOIN standing e ON r.evolution_id = e.evolution_id
