-- The calls that are still in the journal are not in the table as well. The same request may have been asked before; the same call cannot.
SELECT j.request_id AS id
FROM journaled_calls j
JOIN calls c ON j.request_id = c.request_id AND j.created_at = c.created_at
