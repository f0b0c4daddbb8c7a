-- Samples that cannot be shown to a model: they have no image, or one of their files was not found at import.
SELECT count(*)
FROM samples
WHERE (image_ids IS NULL OR empty(image_ids) OR NOT empty(missing_images))
    AND sample_id IN (SELECT sample_id FROM instructions)
    AND ($everywhere OR sample_id IN (SELECT sample_id FROM history WHERE $where))
