SELECT s.sample_id AS id
FROM (SELECT sample_id, unnest(image_ids) AS image_id FROM samples) s
LEFT ANTI JOIN images i ON s.image_id = i.image_id
