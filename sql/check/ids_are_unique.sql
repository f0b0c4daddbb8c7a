SELECT concat('image ', image_id) AS id FROM images GROUP BY image_id HAVING count(*) > 1
UNION ALL
SELECT concat('sample ', sample_id) FROM samples GROUP BY sample_id HAVING count(*) > 1
UNION ALL
SELECT concat('instruction ', instruction_id) FROM instructions GROUP BY instruction_id HAVING count(*) > 1
UNION ALL
SELECT concat('evolution ', evolution_id) FROM evolutions GROUP BY evolution_id HAVING count(*) > 1
UNION ALL
SELECT concat('prompt ', prompt_id) FROM prompts GROUP BY prompt_id HAVING count(*) > 1
UNION ALL
SELECT concat('run ', run_id) FROM runs GROUP BY run_id HAVING count(*) > 1
UNION ALL
SELECT concat('embedding ', instruction_id, ' ', model) FROM embeddings GROUP BY instruction_id, model HAVING count(*) > 1
UNION ALL
SELECT concat('audit ', instruction_id, ' ', auditor) FROM audits GROUP BY instruction_id, auditor HAVING count(*) > 1
