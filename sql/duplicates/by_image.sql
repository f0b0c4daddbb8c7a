-- The items of $items, each with its images, those that are missing by their paths: only items about the same ones are compared. Samples without any image are
-- about the same ones.
SELECT t.*, array_to_string(array_concat(s.image_ids, s.missing_images), chr(10)) AS images
FROM $items t
JOIN instructions i ON t.id = i.instruction_id
JOIN samples s ON i.sample_id = s.sample_id
