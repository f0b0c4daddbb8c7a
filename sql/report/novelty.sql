-- How far the chosen items of each round are from the seed most like them, by cosine distance of their embeddings: 0 is a copy of a seed. Only items
-- that have an embedding by the embedded model 'lexical' (words and letters, not meaning): 'mmevol embed' makes them.
SELECT
    f.round,
    count(*) AS items,
    round(avg(CAST(n.distance AS DOUBLE)), 3) AS mean_distance,
    round(median(CAST(n.distance AS DOUBLE)), 3) AS median_distance,
    round(min(CAST(n.distance AS DOUBLE)), 3) AS least_distance
FROM novelty() n
JOIN item_facts f ON n.instruction_id = f.instruction_id
GROUP BY f.round
ORDER BY f.round
