-- How much of what kept items name is beyond the 80 categories of COCO. A name counts as COCO's if it is one, or is one with a plural s.
WITH coco AS (
    SELECT column1 AS name FROM (VALUES
        ('person'), ('bicycle'), ('car'), ('motorcycle'), ('airplane'), ('bus'), ('train'), ('truck'), ('boat'), ('traffic light'),
        ('fire hydrant'), ('stop sign'), ('parking meter'), ('bench'), ('bird'), ('cat'), ('dog'), ('horse'), ('sheep'), ('cow'),
        ('elephant'), ('bear'), ('zebra'), ('giraffe'), ('backpack'), ('umbrella'), ('handbag'), ('tie'), ('suitcase'), ('frisbee'),
        ('skis'), ('snowboard'), ('sports ball'), ('kite'), ('baseball bat'), ('baseball glove'), ('skateboard'), ('surfboard'),
        ('tennis racket'), ('bottle'), ('wine glass'), ('cup'), ('fork'), ('knife'), ('spoon'), ('bowl'), ('banana'), ('apple'),
        ('sandwich'), ('orange'), ('broccoli'), ('carrot'), ('hot dog'), ('pizza'), ('donut'), ('cake'), ('chair'), ('couch'),
        ('potted plant'), ('bed'), ('dining table'), ('toilet'), ('tv'), ('laptop'), ('mouse'), ('remote'), ('keyboard'), ('cell phone'),
        ('microwave'), ('oven'), ('toaster'), ('sink'), ('refrigerator'), ('book'), ('clock'), ('vase'), ('scissors'), ('teddy bear'),
        ('hair drier'), ('toothbrush')
    )
),
named AS (
    SELECT round, unnest(objects) AS object
    FROM item_facts
    WHERE status = 'kept'
),
counted AS (
    SELECT round, object, count(*) AS items
    FROM named
    GROUP BY round, object
),
told AS (
    SELECT c.round, c.object, c.items, coalesce(one.name, many.name) AS coco
    FROM counted c
    LEFT JOIN coco one ON c.object = one.name
    LEFT JOIN coco many ON c.object = concat(many.name, 's')
)
SELECT
    round,
    count(DISTINCT coco) AS coco_names,
    count(*) FILTER (WHERE coco IS NULL) AS other_names,
    coalesce(sum(items) FILTER (WHERE coco IS NOT NULL), 0) AS coco_mentions,
    coalesce(sum(items) FILTER (WHERE coco IS NULL), 0) AS other_mentions,
    round(CAST(coalesce(sum(items) FILTER (WHERE coco IS NULL), 0) AS DOUBLE) / sum(items), 3) AS other_share
FROM told
GROUP BY round
ORDER BY round
