-- Marks of items and images that are not there, and groups whose representative is no member.
SELECT concat(d.method, ' duplicate ', d.member_id) AS id
FROM duplicates d
LEFT ANTI JOIN (SELECT instruction_id AS id FROM instructions UNION ALL SELECT image_id FROM images) i ON d.member_id = i.id
UNION ALL
SELECT concat(d.method, ' group ', d.group_id)
FROM duplicates d
LEFT ANTI JOIN duplicates r ON d.method = r.method AND d.group_id = r.group_id AND r.member_id = d.representative_id
