-- The samples of an export, each with its chosen items in order.
SELECT
    s.sample_id,
    s.source,
    s.source_id,
    s.caption,
    s.objects,
    s.topics,
    s.image_ids,
    s.missing_images,
    c.instructions
FROM samples s
JOIN (
    SELECT
        sample_id,
        array_agg(
            named_struct(
                'instruction_id', instruction_id, 'parent_id', parent_id, 'root_id', root_id, 'round', round, 'operator', operator,
                'image_position', image_position, 'objects', objects, 'skills', skills, 'format', format, 'question', question,
                'steps', steps, 'answer', answer, 'improved', improved, 'score', score, 'status', status, 'model', model,
                'judge', judge
            ) ORDER BY round, evolution_id, position
        ) AS instructions
    FROM history
    -- What another attempt replaced stands beside its replacement; seeds have no attempt. IS DISTINCT FROM takes all that follows: hence the parentheses.
    WHERE status = 'kept' AND (evolution_status IS DISTINCT FROM 'superseded') AND $rounds AND $where
    GROUP BY sample_id
) c ON s.sample_id = c.sample_id
ORDER BY s.source, s.source_id, s.sample_id
