-- What earlier calls of the model and of the judge took, to say what more of them would: quartiles and mean of their tokens.
SELECT
    kind,
    count(*) AS calls,
    approx_percentile_cont(0.25) WITHIN GROUP (ORDER BY prompt_tokens) AS prompt_low,
    avg(prompt_tokens) AS prompt_mean,
    approx_percentile_cont(0.75) WITHIN GROUP (ORDER BY prompt_tokens) AS prompt_high,
    approx_percentile_cont(0.25) WITHIN GROUP (ORDER BY completion_tokens) AS completion_low,
    avg(completion_tokens) AS completion_mean,
    approx_percentile_cont(0.75) WITHIN GROUP (ORDER BY completion_tokens) AS completion_high
FROM calls
WHERE error IS NULL AND prompt_tokens > 0 AND completion_tokens > 0
    AND ((kind = 'evolve' AND model = $model) OR (kind = 'score' AND model = $judge))
GROUP BY kind
