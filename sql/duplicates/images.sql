-- The images among which duplicates are looked for: of those that look alike, the one with the most pixels stays.
SELECT image_id AS id, CAST(width AS BIGINT) * height AS pixels, phash
FROM images
WHERE $where
