-- With --max-calls, how many new calls each evolution that is due takes, over earlier answers alone: two where its rewriting is still to be asked
-- for, as its verdicts then are too; one for verdicts alone; none where all is known. With nothing but earlier answers to take, requests that would
-- be made have a budget error.
SELECT
    sample_id,
    parent_evolution_id,
    part,
    delayed,
    CASE
        WHEN coalesce(reply['error_kind'], '') = 'budget' THEN 2
        WHEN coalesce(verdict['error_kind'], '') = 'budget' THEN 1
        ELSE 0
    END AS calls
FROM scored
