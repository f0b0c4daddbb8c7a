-- What the dataset is now: the kept items of each sample's latest round that kept any.
SELECT i.*
FROM instructions i
JOIN (
    SELECT sample_id, max(round) AS round
    FROM instructions
    WHERE status = 'kept'
    GROUP BY sample_id
) latest ON i.sample_id = latest.sample_id AND i.round = latest.round
WHERE i.status = 'kept'
