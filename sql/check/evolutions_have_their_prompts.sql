-- The texts that an evolution was made and judged with are recorded.
SELECT e.evolution_id AS id
FROM evolutions e
LEFT ANTI JOIN prompts p ON e.prompt_id = p.prompt_id
WHERE e.prompt_id IS NOT NULL
UNION ALL
SELECT e.evolution_id AS id
FROM evolutions e
LEFT ANTI JOIN prompts p ON e.judge_prompt_id = p.prompt_id
WHERE e.judge_prompt_id IS NOT NULL
