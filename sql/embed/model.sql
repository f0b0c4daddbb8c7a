-- The vectors of the texts that are due, by the model at the endpoint. The only file that asks it.
SELECT instruction_id, text_hash, asked['value'] AS vector, asked['error_kind'] AS error_kind, asked['error'] AS error
FROM (SELECT instruction_id, text_hash, try_llm_embed(text) AS asked FROM due WHERE text_hash IS NOT NULL)
