-- Evolutions that stand and would come out otherwise today, one row for each reason; and all that descend from them, which have reason 'parent'
-- as those have whose parents were superseded. `present_prompts` holds the prompts that this session
-- evolves with; a model, a judge or parameters given by flags are no staleness.
WITH RECURSIVE standing AS (
    SELECT e.*, s.content_hash
    FROM evolutions e
    JOIN samples s ON e.sample_id = s.sample_id
    WHERE e.status <> 'superseded'
),
prompt AS (
    SELECT p.prompt_id, p.name
    FROM prompts p
    JOIN present_prompts n ON p.name = n.name AND p.prompt_id <> n.prompt_id
    -- One text may have been the prompt of several names.
    LEFT ANTI JOIN present_prompts same ON p.prompt_id = same.prompt_id
),
item AS (
    SELECT i.sample_id, i.evolution_id, i.round
    FROM instructions i
    LEFT ANTI JOIN evolutions e ON i.evolution_id = e.evolution_id AND e.status = 'superseded'
    WHERE i.status = 'kept'
),
-- The rounds that a sample has been through, each with the round that its parents are from.
origin AS (
    SELECT r.sample_id, r.round, max(i.round) AS parent_round
    FROM (SELECT DISTINCT sample_id, round FROM standing) r
    JOIN (SELECT DISTINCT sample_id, round FROM item) i ON r.sample_id = i.sample_id AND i.round < r.round
    GROUP BY r.sample_id, r.round
),
parent AS (
    SELECT DISTINCT o.sample_id, o.round, i.evolution_id
    FROM origin o
    JOIN item i ON o.sample_id = i.sample_id AND o.parent_round = i.round
),
own_reason AS (
    SELECT evolution_id, 'sample' AS reason FROM standing WHERE sample_hash <> content_hash
    UNION ALL
    SELECT s.evolution_id, 'prompt' FROM standing s JOIN prompt p ON s.prompt_id = p.prompt_id
    UNION ALL
    SELECT s.evolution_id, 'judge prompt' FROM standing s JOIN prompt p ON s.judge_prompt_id = p.prompt_id
    UNION ALL
    SELECT s.evolution_id, 'parent'
    FROM standing s
    LEFT ANTI JOIN parent p
        ON s.sample_id = p.sample_id AND s.round = p.round AND coalesce(s.parent_evolution_id, '') = coalesce(p.evolution_id, '')
),
descendant AS (
    SELECT evolution_id, round, 0 AS distance FROM standing WHERE evolution_id IN (SELECT evolution_id FROM own_reason)
    UNION ALL
    -- Rows inserted by hand may go in circles; rounds do not.
    SELECT s.evolution_id, s.round, d.distance + 1
    FROM descendant d
    JOIN standing s ON d.evolution_id = s.parent_evolution_id AND d.round < s.round
),
reason AS (
    SELECT evolution_id, reason FROM own_reason
    UNION
    SELECT evolution_id, 'parent' FROM descendant WHERE distance > 0
)
SELECT r.reason, s.evolution_id, s.sample_id, s.round, s.operator, s.status, s.model, s.judge, s.prompt_id, s.judge_prompt_id
FROM reason r
JOIN standing s ON r.evolution_id = s.evolution_id
