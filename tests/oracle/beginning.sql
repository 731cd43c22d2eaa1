-- The beginning (turn 0)
--
-- Every system gets ships_min ships, then nodes_min nodes; eids follow that order.

DELETE FROM entity;

INSERT INTO entity
WITH place AS (
    SELECT sid, 1 AS kind, range AS index FROM solar_system, range((SELECT ships_min FROM universe))
    UNION ALL
    SELECT sid, 2 AS kind, range AS index FROM solar_system, range((SELECT nodes_min FROM universe))
),

-- Ships are dealt to the enabled strategies sorted by name, in rotation: the k-th ship to place k mod n.
-- With no enabled strategy the join finds none, and there are no ships.
rotation AS (
    SELECT id, row_number() OVER (ORDER BY name) - 1 AS position, count(*) OVER () AS n
    FROM strategy
    WHERE is_enabled
),

ship_place AS (
    SELECT *, row_number() OVER (ORDER BY sid, index) - 1 AS k FROM place WHERE kind = 1
),

made AS (
    SELECT sid, kind, index, rotation.id AS strategy_id
    FROM ship_place JOIN rotation ON rotation.position = ship_place.k % rotation.n
    UNION ALL
    SELECT sid, kind, index, NULL FROM place WHERE kind = 2
),

settled AS (
    SELECT
        *,
        random_cell(0, sid, index, kind) AS cell,
        row_number() OVER (ORDER BY sid, kind, index) - 1 AS nth
    FROM made
)

SELECT
    sid,
    (SELECT next_eid FROM universe) + nth AS eid,
    kind,
    strategy_id,
    cell % 100 AS x,
    cell // 100 AS y,
    100 AS energy,
    if(kind = 1, 100, 0) AS shield,
    if(kind = 1, 2, 0) AS blasters,
    if(kind = 1, 2, 0) AS thrusters,
    if(kind = 1, 2, 0) AS harvesters,
    0 AS last_plan
FROM settled;

UPDATE universe SET tid = 0, next_eid = next_eid + (SELECT count(*) FROM entity);
