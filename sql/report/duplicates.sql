-- Items that are marked as duplicates of another one, per method of 'mmevol dedup' and round. The best item of each group is no duplicate: it stays.
SELECT
    d.method,
    d.threshold,
    f.round,
    count(DISTINCT d.group_id) AS groups,
    count(*) AS members,
    count(*) FILTER (WHERE d.member_id <> d.representative_id) AS duplicates
FROM duplicates d
JOIN item_facts f ON d.member_id = f.instruction_id
GROUP BY d.method, d.threshold, f.round
ORDER BY d.method, d.threshold, f.round
