-- What the dataset is now: the kept items of each sample's latest round that kept any. What was replaced by another attempt does not count.
WITH standing AS (
    SELECT i.*
    FROM instructions i
    LEFT ANTI JOIN evolutions e ON i.evolution_id = e.evolution_id AND e.status = 'superseded'
    WHERE i.status = 'kept'
)
SELECT i.*
FROM standing i
JOIN (SELECT sample_id, max(round) AS round FROM standing GROUP BY sample_id) latest
    ON i.sample_id = latest.sample_id AND i.round = latest.round
