-- The items of $items, each with its images: only items about the same ones are compared.
SELECT t.*, array_to_string(s.image_ids, ' ') AS images
FROM $items t
JOIN instructions i ON t.id = i.instruction_id
JOIN samples s ON i.sample_id = s.sample_id
