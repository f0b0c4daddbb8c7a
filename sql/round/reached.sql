-- In place of table scored where the endpoint was lost: without what it failed, which leaves no row as if the command had been stopped. It is still
-- due, under the same ids, and what was answered of it is in calls.
SELECT *
FROM scored
-- A rewriting that failed has no verdict.
WHERE coalesce(reply['error_kind'], verdict['error_kind'], '') NOT IN $endpoint_failures
