SELECT id
FROM (
    SELECT 'image ' || image_id AS id FROM images
    UNION ALL SELECT 'sample ' || sample_id FROM samples
    UNION ALL SELECT 'instruction ' || instruction_id FROM instructions
    UNION ALL SELECT 'evolution ' || evolution_id FROM evolutions
    UNION ALL SELECT 'prompt ' || prompt_id FROM prompts
    UNION ALL SELECT 'run ' || run_id FROM runs
)
GROUP BY id
HAVING count(*) > 1
