-- Round $round begins: which samples are due, from which parents, and in which direction each is rewritten.
--
-- The parents are the kept items of the sample's latest earlier round that kept any. A sample with very many items is split into parts of at
-- most $max_items items, one request each; a part never mixes items of two evolutions. What was tried in this round before is due again only
-- where it was asked for: what failed last with $failed, what would come out otherwise today with $stale, what $where chooses with $again, and
-- the verdicts alone, where the judge is another one, with $judge_only.
--
-- What is due is found by ids alone; texts are read of nothing else.
WITH kept AS (
    -- Before the first round none was kept: no evolution is read then.
    SELECT evolution_id, sample_id, round, kept FROM evolutions WHERE $round > 1 AND status = 'kept' AND round < $round
),
-- The evolutions, or the seeds, that hold a sample's parents. An evolution says how many it kept; of the items, only the seeds are counted.
origin AS (
    SELECT k.sample_id, k.evolution_id AS parent_evolution_id, k.round AS parent_round, CAST(k.kept AS BIGINT) AS siblings
    FROM kept k
    LEFT ANTI JOIN kept later ON k.sample_id = later.sample_id AND k.round < later.round
    UNION ALL
    SELECT i.sample_id, NULL, i.round, count(*)
    FROM instructions i
    LEFT ANTI JOIN kept k ON i.sample_id = k.sample_id
    WHERE i.round = 0 AND i.status = 'kept'
    GROUP BY i.sample_id, i.round
),
-- As many parts as needed, all of nearly the same size.
part AS (
    SELECT *, CAST(unnest(range(0, parts)) AS INT) AS part
    FROM (SELECT *, (siblings + $max_items - 1) / $max_items AS parts FROM origin)
),
-- Which answer of several to the same question is whose: the number of the first attempt that chose to ask for it.
answer AS (
    -- Where an endpoint was gone nothing was asked, under no id.
    SELECT e.evolution_id, min(e.attempt) OVER (PARTITION BY coalesce(e.request_id, e.evolution_id)) AS number
    FROM evolutions e
    JOIN runs r ON e.run_id = r.run_id
    WHERE e.round = $round AND r.command = 'evolve' AND strpos(r.settings, '"due":"chosen"') > 0
),
tried AS (
    SELECT
        e.sample_id,
        e.parent_evolution_id,
        e.part,
        count(*) AS attempts,
        max(e.attempt) FILTER (WHERE e.status IN ('kept', 'eliminated')) AS standing_attempt,
        -- A failure replaces nothing: an older attempt may stand beside it.
        max(e.attempt) FILTER (WHERE e.status = 'failed') AS failed_attempt,
        bool_or(e.status = 'failed' AND $made_again) AS failed_just_now,
        -- What an overloaded or silent endpoint put off, rather than refused.
        bool_or(e.status = 'failed' AND replace(e.error_kind, 'judge_', '') IN $delays) AS delayed,
        max(a.number) FILTER (WHERE e.status <> 'failed') AS standing_answer,
        max(a.number) AS failed_answer,
        max(CASE WHEN e.status <> 'superseded' THEN coalesce(x.reason, CASE WHEN c.evolution_id IS NOT NULL THEN 'cut off' END) END) AS stale,
        bool_or(h.evolution_id IS NOT NULL) AS chosen,
        bool_or(
            e.status IN ('kept', 'eliminated') AND NOT coalesce(x.has_other_sources, false)
            AND ((e.judge IS DISTINCT FROM $judge) OR (e.judge_prompt_id IS DISTINCT FROM j.prompt_id))
        ) AS judged_otherwise
    FROM evolutions e
    -- Where the parents are others, the slot is another one. Verdicts on what was made of them, or of other content, would be paid for in vain, and
    -- be about items that it was not made from.
    LEFT JOIN (
        SELECT
            evolution_id,
            min(reason) FILTER (WHERE reason <> 'parent') AS reason,
            bool_or(reason IN ('parent', 'sample')) AS has_other_sources
        FROM stale
        WHERE $stale OR $judge_only
        GROUP BY evolution_id
    ) x ON e.evolution_id = x.evolution_id
    LEFT JOIN (SELECT DISTINCT evolution_id FROM cut_off WHERE $stale AND max_tokens < $max_tokens) c
        ON e.evolution_id = c.evolution_id
    LEFT JOIN (SELECT DISTINCT evolution_id FROM history WHERE $again AND evolution_status <> 'superseded' AND NOT $made_again AND $where) h
        ON e.evolution_id = h.evolution_id
    LEFT JOIN answer a ON e.evolution_id = a.evolution_id
    CROSS JOIN (SELECT max(prompt_id) AS prompt_id FROM present_prompts WHERE name = 'score') j
    WHERE e.round = $round
    GROUP BY e.sample_id, e.parent_evolution_id, e.part
),
-- With $stale, samples that have been through this round with other content: their items may be split otherwise now.
changed AS (
    SELECT DISTINCT e.sample_id
    FROM evolutions e
    JOIN samples s ON e.sample_id = s.sample_id
    WHERE $stale AND e.round = $round AND e.sample_hash <> s.content_hash
),
-- Parents that a later round was made from, as in a finished history of which one round is not known; and those of a round that was imported,
-- whatever their number, in one piece: it does not say how many items were generated.
gone_on AS (
    SELECT DISTINCT sample_id, parent_evolution_id
    FROM evolutions
    WHERE status IN ('kept', 'eliminated') AND (round > $round OR (round = $round AND generated IS NULL))
),
-- Samples of which this command has made an earlier round again: what descends from that is stale now.
made_again AS (
    SELECT DISTINCT sample_id FROM evolutions WHERE ($again OR $judge_only) AND round < $round AND $made_again
),
-- With $failed, parents that were made by trying again what had failed, by this command or by one that was cut off: their samples go on from
-- them. Whatever else is stale is left to $stale.
mended AS (
    SELECT e.evolution_id
    FROM evolutions e
    JOIN runs r ON e.run_id = r.run_id
    WHERE $failed AND e.round < $round AND e.status = 'kept' AND strpos(r.settings, '"due":"failed"') > 0
),
-- Samples of which an endpoint failed an earlier round, rather than their own request: what would be made of older parents meanwhile would be
-- replaced as soon as that is tried again. One that went on all the same goes on.
put_off AS (
    SELECT DISTINCT f.sample_id
    FROM (
        SELECT sample_id, round, part, parent_evolution_id
        FROM evolutions
        WHERE NOT ($stale OR $again OR $judge_only) AND $round > 1 AND round < $round AND status = 'failed'
            AND replace(error_kind, 'judge_', '') IN $endpoint_failures
    ) f
    LEFT ANTI JOIN (SELECT * FROM evolutions WHERE status IN ('kept', 'eliminated')) s
        ON f.sample_id = s.sample_id AND (
            s.round > f.round
            OR (s.round = f.round AND s.part = f.part AND coalesce(s.parent_evolution_id, '') = coalesce(f.parent_evolution_id, ''))
        )
),
-- Parts that may be due by their own attempts. What else decides is looked up for those that have none. Attempts that no part is left for are from
-- parents that are no longer the sample's; with $stale also those that were replaced, as its work may have been stopped half done.
candidate AS (
    SELECT *, bool_or(outdated) OVER (PARTITION BY sample_id) AS sample_outdated
    FROM (
        SELECT
            coalesce(p.sample_id, t.sample_id) AS sample_id,
            p.parent_evolution_id,
            p.parent_round,
            p.siblings,
            p.parts,
            p.part,
            p.sample_id IS NULL AND t.part = 0 AND ($stale OR t.standing_attempt IS NOT NULL OR t.failed_attempt IS NOT NULL) AS outdated,
            t.standing_attempt,
            t.failed_attempt,
            t.failed_attempt > coalesce(t.standing_attempt, -1) AS failed_last,
            t.standing_answer,
            t.failed_answer,
            coalesce(t.failed_just_now, false) AS failed_just_now,
            CAST(coalesce(t.attempts, 0) AS INT) AS attempt,
            coalesce($failed AND t.delayed, false) AS delayed,
            CASE
                WHEN $judge_only THEN CASE WHEN t.judged_otherwise THEN 'another judge' END
                WHEN $again THEN CASE WHEN t.chosen THEN 'chosen' END
                WHEN t.standing_attempt IS NULL AND t.failed_attempt IS NULL THEN 'untried'
                WHEN $stale AND t.stale IS NOT NULL THEN concat('stale: ', t.stale)
                WHEN $failed AND t.failed_attempt > coalesce(t.standing_attempt, -1) THEN 'failed'
            END AS reason
        FROM part p
        FULL JOIN tried t
            ON p.sample_id = t.sample_id AND p.part = t.part AND coalesce(p.parent_evolution_id, '') = coalesce(t.parent_evolution_id, '')
    )
    WHERE outdated OR (part IS NOT NULL AND reason IS NOT NULL)
),
-- Of what was never tried, $stale takes up what stands in the place of something else; the rest is new.
decided AS (
    SELECT
        c.*,
        CASE
            WHEN c.reason <> 'untried' THEN c.reason
            WHEN $stale THEN CASE WHEN c.sample_outdated OR changed.sample_id IS NOT NULL THEN 'stale: parent' END
            WHEN c.sample_outdated THEN CASE WHEN mended.evolution_id IS NOT NULL THEN 'stale: parent' END
            WHEN g.sample_id IS NULL THEN 'new'
        END AS due
    FROM (SELECT n.*, s.content_hash FROM candidate n JOIN samples s ON n.sample_id = s.sample_id WHERE NOT n.outdated) c
    LEFT JOIN changed ON c.sample_id = changed.sample_id
    LEFT JOIN gone_on g ON c.sample_id = g.sample_id AND coalesce(c.parent_evolution_id, '') = coalesce(g.parent_evolution_id, '')
    LEFT JOIN mended ON c.parent_evolution_id = mended.evolution_id
    LEFT ANTI JOIN made_again m ON c.sample_id = m.sample_id
    LEFT ANTI JOIN put_off o ON c.sample_id = o.sample_id
    -- Beside a part that was made of other content, an untried one is of another split of the items, some of which would be evolved twice.
    LEFT ANTI JOIN (SELECT * FROM evolutions WHERE NOT $stale AND round = $round AND status IN ('kept', 'eliminated')) e
        ON c.sample_id = e.sample_id AND coalesce(c.parent_evolution_id, '') = coalesce(e.parent_evolution_id, '')
        AND c.reason = 'untried' AND c.content_hash <> e.sample_hash
),
due AS (
    SELECT
        *,
        -- What failed is asked for as it was then, also where it failed for being cut off; going on, also what was chosen.
        CAST(coalesce(
            CASE
                WHEN (due IN ('failed', 'stale: cut off') AND failed_last) OR (due = 'chosen' AND failed_just_now) THEN failed_answer
                WHEN due = 'chosen' THEN attempt
                ELSE standing_answer
            END,
            0
        ) AS INT) AS answer_number
    FROM decided
    WHERE due IS NOT NULL
        AND ($everywhere OR $again OR sample_id IN (SELECT sample_id FROM history WHERE $where))
),
-- With what stands now, and the direction of the attempt that is repeated.
slot AS (
    SELECT
        d.*,
        s.evolution_id AS standing_id,
        CASE WHEN d.due IN ('failed', 'stale: cut off') AND d.failed_last THEN f.operator ELSE coalesce(s.operator, f.operator) END AS last_operator
    FROM due d
    LEFT JOIN (SELECT * FROM evolutions WHERE round = $round AND status IN ('kept', 'eliminated')) s
        ON d.sample_id = s.sample_id AND d.part = s.part AND d.standing_attempt = s.attempt
        AND coalesce(d.parent_evolution_id, '') = coalesce(s.parent_evolution_id, '')
    LEFT JOIN (SELECT * FROM evolutions WHERE round = $round AND status = 'failed') f
        ON d.sample_id = f.sample_id AND d.part = f.part AND d.failed_attempt = f.attempt
        AND coalesce(d.parent_evolution_id, '') = coalesce(f.parent_evolution_id, '')
),
parent AS (
    SELECT
        d.*,
        i.instruction_id, i.root_id, i.image_position, i.objects, i.skills, i.format, i.question, i.steps, i.answer,
        CAST(row_number() OVER (PARTITION BY d.sample_id, d.parent_evolution_id, d.part ORDER BY i.position) AS BIGINT) - 1 AS number
    FROM slot d
    JOIN instructions i
        ON d.sample_id = i.sample_id AND d.parent_round = i.round AND d.parent_evolution_id IS NOT DISTINCT FROM i.evolution_id
    WHERE i.status = 'kept'
),
request AS (
    SELECT
        sample_id,
        parent_evolution_id,
        part,
        attempt,
        due,
        delayed,
        standing_id,
        last_operator,
        answer_number,
        array_agg(
            named_struct(
                'instruction_id', instruction_id, 'root_id', root_id, 'image_position', image_position, 'objects', objects,
                'skills', skills, 'format', format, 'question', question, 'steps', steps, 'answer', answer
            ) ORDER BY number
        ) AS parents
    FROM parent
    -- Rows inserted by hand may be more than the evolution says: the last part takes them.
    WHERE least(number * parts / siblings, parts - 1) = part
    GROUP BY sample_id, parent_evolution_id, part, attempt, due, delayed, standing_id, last_operator, answer_number
)
SELECT
    p.sample_id,
    p.parent_evolution_id,
    p.part,
    p.attempt,
    p.due,
    p.delayed,
    p.standing_id,
    p.answer_number,
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
FROM request p
JOIN samples s ON p.sample_id = s.sample_id
WHERE $text_only OR (coalesce(cardinality(s.image_ids), 0) > 0 AND coalesce(cardinality(s.missing_images), 0) = 0)
