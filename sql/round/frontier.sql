-- Round $round begins: which samples are due, from which parents, and in which direction each is rewritten.
--
-- The parents are the kept items of the sample's latest earlier round that kept any. A sample with very many items is split into parts of at
-- most $max_items items, one request each; a part never mixes items of two evolutions. What was tried in this round before is not due again,
-- unless it failed and $failed is true.
WITH standing AS (
    SELECT i.*
    FROM instructions i
    -- What was replaced by another attempt is nobody's parent.
    LEFT ANTI JOIN evolutions e ON i.evolution_id = e.evolution_id AND e.status = 'superseded'
    WHERE i.status = 'kept' AND i.round < $round
),
latest AS (
    SELECT sample_id, max(round) AS round FROM standing GROUP BY sample_id
),
parent AS (
    SELECT
        i.*,
        CAST(row_number() OVER (PARTITION BY i.sample_id, i.evolution_id ORDER BY i.position) AS BIGINT) - 1 AS number,
        count(*) OVER (PARTITION BY i.sample_id, i.evolution_id) AS siblings
    FROM standing i
    JOIN latest ON i.sample_id = latest.sample_id AND i.round = latest.round
),
part AS (
    SELECT
        sample_id,
        evolution_id AS parent_evolution_id,
        -- As many parts as needed, all of nearly the same size.
        CAST(number * ((siblings + $max_items - 1) / $max_items) / siblings AS INT) AS part,
        array_agg(
            named_struct(
                'instruction_id', instruction_id, 'root_id', root_id, 'image_position', image_position, 'objects', objects,
                'skills', skills, 'format', format, 'question', question, 'steps', steps, 'answer', answer
            ) ORDER BY number
        ) AS parents
    FROM parent
    GROUP BY 1, 2, 3
),
tried AS (
    SELECT sample_id, parent_evolution_id, part, count(*) AS attempts, bool_and(status IN ('failed', 'superseded')) AS in_vain
    FROM evolutions
    WHERE round = $round
    GROUP BY sample_id, parent_evolution_id, part
)
SELECT
    p.sample_id,
    p.parent_evolution_id,
    p.part,
    CAST(coalesce(t.attempts, 0) AS INT) AS attempt,
    draw_operator($seed, p.sample_id, $round, $operators) AS operator,
    draw_persona($seed, p.sample_id, $round) AS persona,
    CASE WHEN $text_only THEN NULL ELSE s.image_ids END AS image_ids,
    s.caption,
    s.objects,
    p.parents
FROM part p
JOIN samples s ON p.sample_id = s.sample_id
LEFT JOIN tried t
    ON p.sample_id = t.sample_id AND p.part = t.part AND coalesce(p.parent_evolution_id, '') = coalesce(t.parent_evolution_id, '')
WHERE (t.attempts IS NULL OR (t.in_vain AND $failed))
    AND ($text_only OR (coalesce(cardinality(s.image_ids), 0) > 0 AND coalesce(cardinality(s.missing_images), 0) = 0))
    AND p.sample_id IN (SELECT sample_id FROM history WHERE $where)
