-- What the statistics count: one row for each item that stands (what another attempt replaced is left out), with its evolution and the figures
-- of its text. Columns that nobody names are not computed. The statements of sql/report/ read this view; `mmevol stats` and `mmevol report` read
-- it once, keep what --where chooses, and run the same statements over that.
SELECT
    i.instruction_id,
    i.sample_id,
    i.evolution_id,
    i.parent_id,
    i.root_id,
    i.round,
    i.position,
    -- Rounds that were imported finished have no operator, unless our own export says it.
    coalesce(i.operator, 'imported') AS operator,
    -- Of such rounds only the survivors are known: rates would say something about nothing.
    e.evolution_id IS NOT NULL AND e.generated IS NULL AS imported,
    -- A form that a model invented keeps its own name.
    format_name(i.format) AS format,
    s.source,
    e.model,
    e.judge,
    e.judge_prompt_id,
    e.request_id,
    i.status,
    i.improved,
    i.score,
    i.faults,
    distinct_skills(i.skills) AS skills,
    distinct_objects(i.objects) AS objects,
    -- As many as the item lists, also where it lists one twice: so the authors count.
    CAST(coalesce(cardinality(i.skills), 0) AS BIGINT) AS skill_count,
    CAST(coalesce(cardinality(i.steps), 0) AS BIGINT) AS step_count,
    CAST(coalesce(cardinality(i.objects), 0) AS BIGINT) AS object_count,
    regexp_count(i.question, '\S+') AS question_words,
    regexp_count(i.answer, '\S+') AS answer_words,
    i.question
-- What stands on the left of a join is held in memory: not the texts.
FROM evolutions e
RIGHT JOIN instructions i ON e.evolution_id = i.evolution_id
JOIN samples s ON i.sample_id = s.sample_id
WHERE e.status IS DISTINCT FROM 'superseded'
