-- Round $round begins: which samples are due, from which parents, and in which direction each is rewritten.
--
-- The parents are the kept items of the sample's latest earlier round that kept any. A sample with very many items is split into parts of at
-- most $max_items items, one request each; a part never mixes items of two evolutions. What was tried in this round before is due again only
-- where it was asked for: what failed with $failed, what would come out otherwise today with $stale, what $where chooses with $again, and the
-- verdicts alone, where the judge is another one, with $judge_only.
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
    SELECT
        e.sample_id,
        e.parent_evolution_id,
        e.part,
        count(*) AS attempts,
        bool_or(e.status IN ('kept', 'eliminated')) AS succeeded,
        bool_or(e.status = 'failed') AS failed,
        max(CASE WHEN e.status IN ('kept', 'eliminated') THEN e.evolution_id END) AS standing_id,
        max(CASE WHEN e.status <> 'superseded' THEN e.operator END) AS operator,
        max(CASE WHEN e.status <> 'superseded' THEN coalesce(x.reason, CASE WHEN c.request_id IS NOT NULL THEN 'cut off' END) END) AS stale,
        bool_or(h.evolution_id IS NOT NULL) AS chosen,
        bool_or(e.status IN ('kept', 'eliminated') AND ((e.judge IS DISTINCT FROM $judge) OR (e.judge_prompt_id IS DISTINCT FROM j.prompt_id))) AS judged_otherwise
    FROM evolutions e
    LEFT JOIN (SELECT evolution_id, min(reason) AS reason FROM stale WHERE $stale GROUP BY evolution_id) x ON e.evolution_id = x.evolution_id
    LEFT JOIN (
        SELECT request_id
        FROM calls
        WHERE $stale AND kind = 'evolve'
        GROUP BY request_id
        HAVING bool_and(finish_reason = 'length') AND max(max_tokens) < $max_tokens
    ) c ON e.request_id = c.request_id
    LEFT JOIN (SELECT DISTINCT evolution_id FROM history WHERE $again AND evolution_status <> 'superseded' AND $where) h
        ON e.evolution_id = h.evolution_id
    CROSS JOIN (SELECT max(prompt_id) AS prompt_id FROM present_prompts WHERE name = 'score') j
    WHERE e.round = $round
    GROUP BY e.sample_id, e.parent_evolution_id, e.part
),
-- Samples that have been through this round: with $stale, only they go on from parents that are new to it.
been AS (
    SELECT DISTINCT sample_id FROM evolutions WHERE $stale AND round = $round
),
candidate AS (
    SELECT
        p.*,
        t.standing_id,
        t.operator AS last_operator,
        coalesce(t.attempts, 0) AS attempt,
        CASE
            WHEN $judge_only THEN CASE WHEN t.judged_otherwise THEN 'another judge' END
            WHEN $again THEN CASE WHEN t.chosen THEN 'chosen' END
            WHEN t.succeeded OR t.failed THEN CASE
                WHEN $stale AND t.stale IS NOT NULL THEN concat('stale: ', t.stale)
                WHEN $failed AND NOT t.succeeded THEN 'failed'
            END
            WHEN $stale THEN CASE WHEN b.sample_id IS NOT NULL THEN 'stale: parent' END
            ELSE 'new'
        END AS due
    FROM part p
    LEFT JOIN tried t
        ON p.sample_id = t.sample_id AND p.part = t.part AND coalesce(p.parent_evolution_id, '') = coalesce(t.parent_evolution_id, '')
    LEFT JOIN been b ON p.sample_id = b.sample_id
)
SELECT
    p.sample_id,
    p.parent_evolution_id,
    p.part,
    CAST(p.attempt AS INT) AS attempt,
    p.due,
    p.standing_id,
    -- Another attempt at the same takes the same direction.
    CASE
        WHEN p.last_operator IS NOT NULL AND p.due <> 'chosen' THEN p.last_operator
        ELSE draw_operator($seed, p.sample_id, $round, $operators)
    END AS operator,
    draw_persona($seed, p.sample_id, $round) AS persona,
    CASE WHEN $text_only THEN NULL ELSE s.image_ids END AS image_ids,
    s.caption,
    s.objects,
    s.content_hash AS sample_hash,
    p.parents
FROM candidate p
JOIN samples s ON p.sample_id = s.sample_id
WHERE p.due IS NOT NULL
    AND ($text_only OR (coalesce(cardinality(s.image_ids), 0) > 0 AND coalesce(cardinality(s.missing_images), 0) = 0))
    AND p.sample_id IN (SELECT sample_id FROM history WHERE $where)
