-- Tokens and money of the attempts that stand, for evolving and for judging. NULL where the endpoint gave no count, or the model has no price.
SELECT
    round /*by*/,
    count(*) AS attempts,
    sum(kept) AS kept,
    sum(prompt_tokens) AS prompt_tokens,
    sum(completion_tokens) AS completion_tokens,
    round(sum(cost_usd), 4) AS cost_usd,
    round(1000 * sum(cost_usd) / nullif(sum(kept), 0), 4) AS usd_per_1000_kept
FROM attempt_facts
WHERE model IS NOT NULL
GROUP BY round /*by*/
ORDER BY round /*by*/
