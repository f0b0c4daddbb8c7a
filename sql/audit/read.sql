-- The rows of an audit file, filled in or not, with yes and no as true and false. `unreadable` is what is neither, so that it can be said which one. Each column
-- is named as the file writes it; one that it lacks is NULL. pandas makes numbers with a point of yes and no where a row is blank, and calls the blank 'nan'.
WITH row AS (
    SELECT
        coalesce(trim(CAST($instruction_id AS VARCHAR)), '') AS instruction_id,
        coalesce(nullif(trim(CAST($auditor AS VARCHAR)), ''), $default_auditor) AS auditor,
        nullif(nullif(lower(trim(CAST($improved AS VARCHAR))), ''), 'nan') AS improved,
        nullif(nullif(lower(trim(CAST($correct AS VARCHAR))), ''), 'nan') AS correct,
        nullif(trim(CAST($comment AS VARCHAR)), '') AS comment
    FROM $file
)
SELECT
    r.instruction_id,
    r.auditor,
    CASE WHEN r.improved IN ('yes', 'y', 'true', '1', '1.0') THEN true WHEN r.improved IN ('no', 'n', 'false', '0', '0.0') THEN false END AS improved,
    CASE WHEN r.correct IN ('yes', 'y', 'true', '1', '1.0') THEN true WHEN r.correct IN ('no', 'n', 'false', '0', '0.0') THEN false END AS correct,
    r.comment,
    CASE
        WHEN r.improved NOT IN ('yes', 'y', 'true', '1', '1.0', 'no', 'n', 'false', '0', '0.0') THEN r.improved
        WHEN r.correct NOT IN ('yes', 'y', 'true', '1', '1.0', 'no', 'n', 'false', '0', '0.0') THEN r.correct
    END AS unreadable,
    i.instruction_id IS NOT NULL AS is_known
FROM row r
LEFT JOIN (SELECT instruction_id FROM instructions) i ON r.instruction_id = i.instruction_id
