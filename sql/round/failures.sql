-- The error that most of the failed evolutions of some runs have.
SELECT error_kind, error, count(*) AS evolutions
FROM evolutions
WHERE status = 'failed' AND $runs
GROUP BY error_kind, error
ORDER BY evolutions DESC, error_kind, error
LIMIT 1
