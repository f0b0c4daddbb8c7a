-- Everything that was asked of models, whatever came of it: requests, failures, retries, tokens, money and time.
SELECT
    kind,
    model,
    count(*) AS calls,
    count(error) AS failed,
    sum(attempts) - count(*) AS retries,
    sum(prompt_tokens) AS prompt_tokens,
    sum(completion_tokens) AS completion_tokens,
    round(sum(cost_usd), 4) AS cost_usd,
    CAST(approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) AS BIGINT) AS median_ms
FROM calls
GROUP BY kind, model
ORDER BY kind, model
