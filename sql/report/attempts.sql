-- What came of the attempts to evolve a sample, and why those failed that did.
SELECT
    round,
    operator,
    status,
    error_kind,
    count(*) AS attempts,
    count(DISTINCT sample_id) AS samples,
    round(CAST(count(*) AS DOUBLE) / sum(count(*)) OVER (PARTITION BY round, operator), 3) AS share
FROM attempt_facts
GROUP BY round, operator, status, error_kind
ORDER BY round, operator, attempts DESC, status, error_kind
