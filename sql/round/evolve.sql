-- One request for each part of the frontier: its items go to the model and come back rewritten. The last argument asks for an
-- answer of its own: a sample whose items were all eliminated goes into the next round with the same items. A second attempt takes the
-- answer of the first if that is of use, so that only what failed is asked again; a sample that was chosen to be evolved again gets another answer.
SELECT *, try_llm_evolve(operator, image_ids, caption, objects, parents, persona, 100 * $round + answer_number) AS reply
FROM frontier
