-- The items of $chosen that are left out because of what is marked: of each group, the best of the chosen items stays, whether it is the
-- representative or not. Methods take their turn, each among the items that are left: else one would leave out what stays in place of another's. An item
-- that stays in place of one of another text comes first in the groups of later methods, for the same reason; equal texts are of the same groups there.
-- Of images that look alike, the representative stays, or else the one most like it that a chosen sample shows; a sample is left out when all of its
-- images are. An image that is missing was compared with none.
WITH chosen AS (SELECT instruction_id, sample_id, round, score FROM $chosen),
shown AS (
    SELECT
        sample_id,
        cardinality(image_ids) + coalesce(cardinality(missing_images), 0) AS images,
        unnest(image_ids) AS image_id
    FROM samples
    WHERE sample_id IN (SELECT sample_id FROM chosen)
),
alike AS (
    SELECT
        s.sample_id,
        s.images,
        d.member_id,
        first_value(d.member_id) OVER (
            PARTITION BY d.group_id
            ORDER BY d.member_id = d.representative_id DESC, d.similarity DESC, d.member_id
        ) AS best,
        min(d.member_id) OVER (PARTITION BY d.group_id) <> max(d.member_id) OVER (PARTITION BY d.group_id) AS has_copies
    FROM shown s
    JOIN duplicates d ON s.image_id = d.member_id
    WHERE d.method = 'image'
),
pictured AS (
    SELECT
        sample_id,
        count(*) FILTER (WHERE member_id <> best) = max(images) AS is_out,
        bool_or(member_id = best AND has_copies) AS is_stand_in
    FROM alike
    GROUP BY sample_id
),
marked AS (
    SELECT
        member_id,
        max(group_id) FILTER (WHERE method = 'exact') AS exact,
        max(group_id) FILTER (WHERE method = 'near') AS near,
        max(group_id) FILTER (WHERE method = 'semantic') AS semantic
    FROM duplicates
    WHERE method <> 'image'
    GROUP BY member_id
),
by_image AS (
    SELECT
        c.instruction_id,
        c.round,
        c.score,
        m.exact,
        m.near,
        m.semantic,
        coalesce(p.is_out, false) AS is_out,
        coalesce(p.is_stand_in, false) AS is_stand_in
    FROM chosen c
    LEFT JOIN marked m ON c.instruction_id = m.member_id
    LEFT JOIN pictured p ON c.sample_id = p.sample_id
    WHERE m.member_id IS NOT NULL OR p.is_out
),
by_exact AS (
    SELECT
        instruction_id,
        round,
        score,
        near,
        semantic,
        is_stand_in,
        is_out OR (
            exact IS NOT NULL
            AND row_number() OVER (PARTITION BY exact, is_out ORDER BY is_stand_in DESC, round, score DESC NULLS LAST, instruction_id) > 1
        ) AS is_out
    FROM by_image
),
by_near AS (
    SELECT
        instruction_id,
        round,
        score,
        semantic,
        is_stand_in OR (near IS NOT NULL AND count(*) OVER (PARTITION BY near, is_out) > 1) AS is_stand_in,
        is_out OR (
            near IS NOT NULL
            AND row_number() OVER (PARTITION BY near, is_out ORDER BY is_stand_in DESC, round, score DESC NULLS LAST, instruction_id) > 1
        ) AS is_out
    FROM by_exact
),
by_meaning AS (
    SELECT
        instruction_id,
        is_out OR (
            semantic IS NOT NULL
            AND row_number() OVER (PARTITION BY semantic, is_out ORDER BY is_stand_in DESC, round, score DESC NULLS LAST, instruction_id) > 1
        ) AS is_out
    FROM by_near
)
SELECT instruction_id
FROM by_meaning
WHERE is_out
