-- The recorded answers of round1.jsonl ($file) as a round of the store that holds their seeds: parsed as a round parses them, kept by the judge's word.
INSERT INTO evolutions (
    evolution_id, sample_id, round, part, attempt, operator, status, model, judge, sample_hash, parents, generated, kept, run_id, created_at
)
WITH answer AS (
    SELECT
        hash_id,
        CASE direction WHEN 'bf_in_breath' THEN 'fine_grained_perception' WHEN 'df_cot' THEN 'cognitive_reasoning' ELSE 'interaction' END AS operator,
        cardinality(parse_instructions(raw_generation)['items']) AS generated,
        cardinality(filtered) AS kept
    FROM $file
)
SELECT
    stable_id('recorded', a.hash_id),
    s.sample_id,
    CAST(1 AS INT) AS round,
    CAST(0 AS INT) AS part,
    CAST(0 AS INT) AS attempt,
    a.operator,
    CASE WHEN a.kept > 0 THEN 'kept' ELSE 'eliminated' END,
    'gpt-4o-mini' AS model,
    'gpt-4o-mini' AS judge,
    s.content_hash,
    CAST(p.parents AS INT),
    CAST(a.generated AS INT),
    CAST(a.kept AS INT),
    'recorded',
    CAST('2024-09-09T00:00:00Z' AS TIMESTAMP WITH TIME ZONE)
FROM answer a
JOIN samples s ON a.hash_id = s.source_id
JOIN (SELECT sample_id, count(*) AS parents FROM instructions WHERE round = 0 GROUP BY sample_id) p ON s.sample_id = p.sample_id;

INSERT INTO instructions (
    instruction_id, sample_id, evolution_id, round, operator, position, question, answer, objects, skills, format, steps, improved, score, reason,
    faults, status, run_id, created_at
)
WITH answer AS (
    SELECT hash_id, parse_instructions(raw_generation)['items'] AS items, raw_scoring
    FROM $file
),
item AS (
    SELECT
        hash_id,
        unnest(items) AS item,
        unnest(parse_scores(raw_scoring, CAST(cardinality(items) AS BIGINT))['items']) AS verdict,
        unnest(range(0, CAST(cardinality(items) AS BIGINT))) AS position
    FROM answer
)
SELECT
    stable_id('instruction', e.evolution_id, CAST(i.position AS BIGINT)),
    e.sample_id,
    e.evolution_id,
    CAST(1 AS INT),
    e.operator,
    CAST(i.position AS INT),
    i.item['question'],
    i.item['answer'],
    i.item['objects'],
    i.item['skills'],
    i.item['format'],
    i.item['steps'],
    i.verdict['improved'],
    CAST(i.verdict['score'] AS INT),
    i.verdict['reason'],
    ['no_parent'],
    CASE WHEN i.verdict['improved'] THEN 'kept' ELSE 'eliminated' END,
    e.run_id,
    e.created_at
FROM item i
JOIN evolutions e ON e.evolution_id = stable_id('recorded', i.hash_id)
