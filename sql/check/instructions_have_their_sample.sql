SELECT i.instruction_id AS id
FROM instructions i
LEFT ANTI JOIN samples s ON i.sample_id = s.sample_id
