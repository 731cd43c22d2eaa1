-- The beginning (turn 0)
--
-- Every system gets ships_min ships, then nodes_min nodes; eids follow that order.

DELETE FROM entity;

INSERT INTO entity
WITH place AS (
    SELECT uid, sid, 1 AS kind, unnest(range(ships_min)) AS index FROM solar_system JOIN universe USING (uid)
    UNION ALL
    SELECT uid, sid, 2 AS kind, unnest(range(nodes_min)) AS index FROM solar_system JOIN universe USING (uid)
),

-- Ships are dealt to the enabled strategies sorted by name, in rotation: the k-th ship to place k mod n.
-- With no enabled strategy the join finds none, and there are no ships.
rotation AS (
    SELECT
        uid,
        id,
        row_number() OVER (PARTITION BY uid ORDER BY name) - 1 AS position,
        count(*) OVER (PARTITION BY uid) AS n
    FROM strategy
    WHERE is_enabled
),

ship_place AS (
    SELECT *, row_number() OVER (PARTITION BY uid ORDER BY sid, index) - 1 AS k FROM place WHERE kind = 1
),

made AS (
    SELECT ship_place.uid, sid, kind, index, rotation.id AS strategy_id
    FROM ship_place JOIN rotation ON rotation.uid = ship_place.uid AND rotation.position = ship_place.k % rotation.n
    UNION ALL
    SELECT uid, sid, kind, index, NULL FROM place WHERE kind = 2
),

settled AS (
    SELECT
        made.*,
        next_eid,
        random_cell(seed, 0, sid, index, kind) AS cell,
        row_number() OVER (PARTITION BY uid ORDER BY sid, kind, index) - 1 AS nth
    FROM made JOIN universe USING (uid)
)

SELECT
    uid,
    sid,
    next_eid + nth AS eid,
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

UPDATE universe SET
    tid = 0,
    next_eid = next_eid + (SELECT count(*) FROM entity WHERE entity.uid = universe.uid);
