-- Evolutions as they are when their items are counted. What was superseded or failed stays so; of an imported finished round only the survivors are
-- known.
SELECT
    e.* REPLACE (
        CASE WHEN e.generated IS NOT NULL THEN CAST(coalesce(i.generated, 0) AS INT) END AS generated,
        CAST(coalesce(i.kept, 0) AS INT) AS kept,
        CASE
            WHEN e.status NOT IN ('kept', 'eliminated') THEN e.status
            WHEN coalesce(i.kept, 0) > 0 THEN 'kept'
            ELSE 'eliminated'
        END AS status
    )
FROM evolutions e
LEFT JOIN (
    SELECT evolution_id, count(*) AS generated, count(*) FILTER (WHERE status = 'kept') AS kept
    FROM instructions
    GROUP BY evolution_id
) i ON e.evolution_id = i.evolution_id
