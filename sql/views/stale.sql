-- Evolutions that stand and would come out otherwise today, one row for each reason; and all that descend from them, which have reason 'parent'
-- as those have whose parents were superseded. `present_prompts` holds the prompts that this session
-- evolves with; a model, a judge or parameters given by flags are no staleness.
--
-- No item is looked at: an evolution that was kept has kept items, and every sample has its seeds. Each reason is looked for by itself, in the
-- columns that tell it: next to nothing comes out, and to carry columns through joins for all evolutions costs more than to read them.
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
-- What does not go on from the round just before its own, and from which round it does: 0 are the seeds, NULL is gone.
leap AS (
    SELECT e.evolution_id, e.sample_id, e.round, CASE WHEN e.parent_evolution_id IS NULL THEN 0 ELSE k.round END AS parent_round
    FROM kept k
    RIGHT JOIN standing e ON k.evolution_id = e.parent_evolution_id AND k.sample_id = e.sample_id AND k.round < e.round
    WHERE (e.parent_evolution_id IS NOT NULL OR e.round > 1) AND (k.round IS NULL OR k.round < e.round - 1)
),
own_reason AS (
    SELECT e.evolution_id, e.sample_id, e.round, 'sample' AS reason
    FROM samples s
    JOIN standing e ON s.sample_id = e.sample_id AND s.content_hash <> e.sample_hash
    UNION ALL
    SELECT e.evolution_id, e.sample_id, e.round, 'prompt'
    FROM prompt p
    JOIN standing e ON p.prompt_id = e.prompt_id
    UNION ALL
    SELECT e.evolution_id, e.sample_id, e.round, 'judge prompt'
    FROM prompt p
    JOIN standing e ON p.prompt_id = e.judge_prompt_id
    UNION ALL
    -- The parents are the kept items of the latest earlier round that kept any, and the seeds where none did.
    SELECT l.evolution_id, l.sample_id, l.round, 'parent'
    FROM leap l
    LEFT JOIN kept later ON l.sample_id = later.sample_id AND later.round > l.parent_round AND later.round < l.round
    WHERE l.parent_round IS NULL OR later.sample_id IS NOT NULL
),
line AS (
    SELECT o.evolution_id, o.round, o.reason FROM own_reason o LEFT SEMI JOIN samples s ON o.sample_id = s.sample_id
    UNION ALL
    -- Rows inserted by hand may go in circles; rounds do not.
    SELECT e.evolution_id, e.round, 'parent'
    FROM line
    JOIN standing e ON line.evolution_id = e.parent_evolution_id AND line.round < e.round
)
SELECT r.reason, e.evolution_id, e.sample_id, e.round, e.operator, e.status, e.model, e.judge, e.prompt_id, e.judge_prompt_id
FROM (SELECT DISTINCT evolution_id, reason FROM line) r
JOIN standing e ON r.evolution_id = e.evolution_id
