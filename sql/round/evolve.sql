-- One request for each part of the frontier: its items go to the model and come back rewritten.
SELECT *, try_llm_evolve(operator, image_ids, caption, objects, parents, persona) AS reply
FROM frontier
