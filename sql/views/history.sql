-- Every item of every round with where it comes from: its sample, its parent and the evolution that made it.
SELECT
    i.*,
    s.source,
    s.source_id,
    s.caption,
    p.question AS parent_question,
    p.answer AS parent_answer,
    e.status AS evolution_status,
    e.parent_evolution_id,
    e.model,
    e.judge,
    e.prompt_id,
    e.judge_prompt_id,
    e.request_id,
    e.score_request_id
FROM instructions i
JOIN samples s ON i.sample_id = s.sample_id
LEFT JOIN instructions p ON i.parent_id = p.instruction_id
LEFT JOIN evolutions e ON i.evolution_id = e.evolution_id
