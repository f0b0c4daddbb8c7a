-- How far the instructions of each round are from the seed most like them, by cosine distance of their embeddings: 0 is a copy of a seed.
-- Only rounds with embeddings: fill them with 'mmevol embed'.
SELECT
    round,
    count(*) AS items,
    avg(distance) AS mean_distance,
    median(distance) AS median_distance,
    min(distance) AS least_distance
FROM novelty()
GROUP BY round
ORDER BY round
