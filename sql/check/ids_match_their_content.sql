-- Ids are hashes of what a thing is. Those of images are compared where their files are read; those of evolutions and requests are hashes of more
-- than their rows hold. With --ids content, a sample that has an id of its own is told apart by its content all the same.
SELECT concat('sample ', sample_id) AS id
FROM samples
WHERE sample_id NOT IN (stable_id('sample', source, coalesce(source_id, content_hash)), stable_id('sample', source, content_hash))
UNION ALL
SELECT concat('instruction ', instruction_id)
FROM instructions
WHERE instruction_id <> stable_id('instruction', coalesce(evolution_id, sample_id), position)
UNION ALL
SELECT concat('prompt ', prompt_id)
FROM prompts
WHERE prompt_id <> left(encode(digest(template, 'blake3'), 'hex'), 32)
