-- The vectors of the texts that are due, by the embedded model: free, and the same whenever they are made, so that no call is recorded.
SELECT instruction_id, text_hash, lexical_embedding(text) AS vector, CAST(NULL AS VARCHAR) AS error_kind, CAST(NULL AS VARCHAR) AS error
FROM due
WHERE text_hash IS NOT NULL
