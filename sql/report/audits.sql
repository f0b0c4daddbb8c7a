-- How far people agree with the judge. A sample to check holds as many items of a rare stratum as of a common one, so each verdict stands for its share
-- of its stratum (round, operator and status); of each question, the verdicts that answer it share the stratum. Kappa is Cohen's, of the weighted rates;
-- NULL where both always said the same. Of rounds that were imported finished only the survivors are known, so that the judge has no figures there.
-- Judging again (evolve --judge-only) makes new items of the same answers: what a person said holds for the same text at the same place of the same
-- answer, and of two verdicts on it the later one counts.
WITH fact AS (
    SELECT
        instruction_id,
        sample_id,
        request_id,
        position,
        question,
        round,
        CASE WHEN imported THEN 'imported' ELSE operator END AS operator,
        status,
        imported,
        improved
    FROM item_facts
    WHERE improved IS NOT NULL
),
size AS (
    SELECT round, operator, status, count(*) AS items
    FROM fact
    WHERE round > 0
    GROUP BY round, operator, status
),
checked AS (
    SELECT a.instruction_id, a.auditor, a.improved, a.correct, a.created_at, i.sample_id, e.request_id, i.position, i.question
    FROM audits a
    JOIN instructions i ON a.instruction_id = i.instruction_id
    LEFT JOIN evolutions e ON i.evolution_id = e.evolution_id
    WHERE a.improved IS NOT NULL OR a.correct IS NOT NULL
),
-- Imported items have no request: theirs are the verdicts on the item itself.
said AS (
    SELECT
        f.round,
        f.operator,
        f.status,
        f.instruction_id,
        c.auditor,
        CASE WHEN f.imported THEN NULL WHEN f.improved THEN 1.0 ELSE 0.0 END AS judge,
        CASE WHEN c.improved THEN 1.0 WHEN NOT c.improved THEN 0.0 END AS human,
        CASE WHEN c.correct THEN 1.0 WHEN NOT c.correct THEN 0.0 END AS correct,
        row_number() OVER (
            PARTITION BY f.instruction_id, c.auditor
            ORDER BY c.created_at DESC, c.instruction_id = f.instruction_id DESC, c.instruction_id
        ) AS age
    FROM checked c
    JOIN fact f
        ON c.sample_id = f.sample_id
        AND (c.instruction_id = f.instruction_id OR (c.request_id = f.request_id AND c.position = f.position AND c.question = f.question))
),
audit AS (
    SELECT
        *,
        count(human) OVER (PARTITION BY round, operator, status) AS verdicts,
        count(correct) OVER (PARTITION BY round, operator, status) AS verdicts_on_correctness
    FROM said
    WHERE age = 1
),
weighted AS (
    SELECT
        a.*,
        CASE WHEN a.human IS NOT NULL THEN CAST(s.items AS DOUBLE) / a.verdicts END AS weight,
        CASE WHEN a.correct IS NOT NULL THEN CAST(s.items AS DOUBLE) / a.verdicts_on_correctness END AS weight_of_correctness
    FROM audit a
    JOIN size s ON a.round = s.round AND a.operator = s.operator AND a.status = s.status
),
rate AS (
    SELECT
        round,
        operator,
        count(DISTINCT instruction_id) AS audited,
        count(DISTINCT auditor) AS auditors,
        sum(weight * judge) / sum(weight) AS judge_yes,
        sum(weight * human) / sum(weight) AS human_yes,
        sum(weight * CASE WHEN judge = human THEN 1.0 WHEN judge <> human THEN 0.0 END) / sum(weight) AS agree,
        sum(weight_of_correctness * correct) / sum(weight_of_correctness) AS correct
    FROM weighted
    GROUP BY round, operator
),
chance AS (
    SELECT *, judge_yes * human_yes + (1 - judge_yes) * (1 - human_yes) AS chance
    FROM rate
)
SELECT
    round,
    operator,
    audited,
    auditors,
    round(judge_yes, 3) AS judge_yes,
    round(human_yes, 3) AS human_yes,
    round(agree, 3) AS agreement,
    -- With 0 added, there is no -0.
    round(CASE WHEN chance < 1 THEN (agree - chance) / (1 - chance) END, 3) + 0.0 AS kappa,
    round(correct, 3) AS correct
FROM chance
ORDER BY round, operator
