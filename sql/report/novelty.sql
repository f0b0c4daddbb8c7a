-- How far the chosen items of each round are from the seed most like them, by cosine distance of their embeddings: 0 is a copy of a seed. Only items
-- that have an embedding by the model, which is 'lexical' (words and letters, not meaning), or where that has none, the one whose embeddings came first:
-- 'mmevol embed' makes them.
SELECT
    f.round,
    n.model,
    count(*) AS items,
    round(avg(CAST(n.distance AS DOUBLE)), 3) AS mean_distance,
    round(median(CAST(n.distance AS DOUBLE)), 3) AS median_distance,
    round(min(CAST(n.distance AS DOUBLE)), 3) AS least_distance
FROM novelty() n
JOIN item_facts f ON n.instruction_id = f.instruction_id
GROUP BY f.round, n.model
ORDER BY f.round
