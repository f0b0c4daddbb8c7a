-- Samples that cannot be shown to a model: they have no image, or one of their files was not found at import.
SELECT count(*)
FROM samples
WHERE (coalesce(cardinality(image_ids), 0) = 0 OR coalesce(cardinality(missing_images), 0) > 0)
    AND sample_id IN (SELECT sample_id FROM instructions)
    AND ($everywhere OR sample_id IN (SELECT sample_id FROM history WHERE $where))
