-- A turn, step by step. The numbered headings are those of the rules; oracle.py cuts this file at them.
--
-- A statement that changes `entity` counts its affected rows into the turn's `writes`. Everything else
-- only takes notes: temporary tables that the following statements read, and rows of `event`.
--
-- All universes play their turn at once; `uid` keeps them apart in every join, group and order.


-- 1. Observe
-- Every other entity of the system at distance < 16, ships by eid, then nodes by eid; four bytes each.

SELECT
    observer.uid,
    observer.eid,
    coalesce(
        unhex(string_agg(
            printf('%02x%02x%02x%02x', seen.kind, if(seen.kind = 1, seen.blasters, 0), seen.x, seen.y),
            '' ORDER BY seen.kind, seen.eid
        )),
        ''::BLOB
    ) AS system
FROM ship AS observer
LEFT JOIN entity AS seen
    ON seen.uid = observer.uid
    AND seen.sid = observer.sid
    AND seen.eid <> observer.eid
    AND (seen.x - observer.x) * (seen.x - observer.x) + (seen.y - observer.y) * (seen.y - observer.y) < 256
GROUP BY observer.uid, observer.sid, observer.eid
ORDER BY observer.uid, observer.sid, observer.eid;


-- 2. Decide
-- What the strategy returned, or, after a fault or without a call: hold, the memory unchanged. The table
-- `plan` has a row (uid, eid, plan, fault) for each ship that was called; fault is a trap, or out of fuel.

CREATE OR REPLACE TEMP TABLE decision AS
WITH answered AS (
    SELECT
        ship.uid,
        ship.eid,
        ship.strategy_id,
        ship.energy AS energy_before,
        ship.thrusters AS thrusters_before,
        ship.last_plan AS plan_before,
        plan.plan AS answer,
        coalesce(strategy.status, 'unknown') AS status,
        coalesce(plan.fault, false) AS is_call_fault,
        -- Top bits 11, or an upgrade (10) of the component 3 that does not exist.
        coalesce(plan.plan % 256 // 64 = 3 OR (plan.plan % 256 // 64 = 2 AND plan.plan % 4 = 3), false)
            AS is_invalid
    FROM ship
    LEFT JOIN strategy ON strategy.uid = ship.uid AND strategy.id = ship.strategy_id
    LEFT JOIN plan ON plan.uid = ship.uid AND plan.eid = ship.eid
),

judged AS (
    SELECT
        *,
        status = 'grounded' OR (status = 'flying' AND (is_call_fault OR is_invalid)) AS is_fault,
        CASE
            WHEN status = 'flying' AND NOT is_call_fault AND NOT is_invalid THEN answer
            ELSE plan_before // 256 * 256
        END AS new_plan
    FROM answered
),

commanded AS (
    SELECT
        *,
        (new_plan % 256 // 64)::BIGINT AS verb,
        (new_plan // 16 % 4)::BIGINT AS direction,
        (new_plan % 16)::BIGINT AS cells_asked,
        (new_plan % 4)::BIGINT AS component
    FROM judged
)

SELECT
    uid,
    eid,
    strategy_id,
    new_plan,
    is_fault,
    ['hold', 'move', 'upgrade'][verb + 1] AS command,
    [1, 2, 50][verb + 1] AS cost, -- of hold, move, upgrade
    energy_before >= cost AS is_paid,
    ['north', 'east', 'south', 'west'][direction + 1] AS direction,
    least(cells_asked, thrusters_before) AS cells,
    ['blasters', 'thrusters', 'harvesters'][component + 1] AS component
FROM commanded;

-- Of each strategy the first ship that faulted.
INSERT INTO event
SELECT uid, sid, 'fault', eid, x, y, ship.strategy_id, NULL, blasters
FROM decision JOIN ship USING (uid, eid)
WHERE is_fault
QUALIFY row_number() OVER (PARTITION BY uid, ship.strategy_id ORDER BY sid, eid) = 1;


-- 3. Apply
-- What a command costs is in `decision`. A ship that cannot pay loses 1 energy and does nothing.

UPDATE entity SET
    last_plan = new_plan,
    energy = if(is_paid, energy - cost, greatest(energy - 1, 0)),
    x = CASE
        WHEN is_paid AND command = 'move' AND direction = 'east' THEN least(x + cells, 99)
        WHEN is_paid AND command = 'move' AND direction = 'west' THEN greatest(x - cells, 0)
        ELSE x
    END,
    y = CASE
        WHEN is_paid AND command = 'move' AND direction = 'south' THEN least(y + cells, 99)
        WHEN is_paid AND command = 'move' AND direction = 'north' THEN greatest(y - cells, 0)
        ELSE y
    END,
    blasters = if(is_paid AND command = 'upgrade' AND component = 'blasters', least(blasters + 1, 255), blasters),
    thrusters = if(is_paid AND command = 'upgrade' AND component = 'thrusters', least(thrusters + 1, 255), thrusters),
    harvesters = if(is_paid AND command = 'upgrade' AND component = 'harvesters', least(harvesters + 1, 255), harvesters)
FROM decision
WHERE entity.uid = decision.uid AND entity.eid = decision.eid;


-- 4. Battle
-- Each ship of a shared cell loses shield equal to the sum of the others' blasters, all at once.

CREATE OR REPLACE TEMP TABLE battle AS
WITH damage_by_strategy AS (
    SELECT victim.uid, victim.eid, other.strategy_id AS by_strategy_id, sum(other.blasters) AS damage
    FROM ship AS victim
    JOIN ship AS other
        ON other.uid = victim.uid
        AND other.sid = victim.sid
        AND other.x = victim.x
        AND other.y = victim.y
        AND other.eid <> victim.eid
    GROUP BY victim.uid, victim.eid, other.strategy_id
)

SELECT
    uid,
    eid,
    sum(damage) AS damage,
    -- Who dealt the most; of equals the lower strategy id.
    first(by_strategy_id ORDER BY damage DESC, by_strategy_id ASC) AS by_strategy_id
FROM damage_by_strategy
GROUP BY uid, eid;

INSERT INTO event
SELECT uid, sid, 'battle', eid, x, y, strategy_id, by_strategy_id, blasters
FROM battle JOIN ship USING (uid, eid);

UPDATE entity SET shield = greatest(shield - damage, 0)
FROM battle
WHERE entity.uid = battle.uid AND entity.eid = battle.eid;


-- 5. Death
-- A ship with shield 0, in battle or not, becomes a node with its eid, cell and energy.

INSERT INTO event
SELECT uid, sid, 'death', eid, x, y, strategy_id, by_strategy_id, blasters
FROM ship LEFT JOIN battle USING (uid, eid)
WHERE shield = 0;

UPDATE entity SET
    kind = 2,
    strategy_id = NULL,
    blasters = 0,
    thrusters = 0,
    harvesters = 0,
    last_plan = 0
WHERE kind = 1 AND shield = 0;


-- 6. Harvest
-- A ship alone in its cell takes min(harvesters, node energy) from every node there.

CREATE OR REPLACE TEMP TABLE lone AS
SELECT
    uid,
    sid,
    x,
    y,
    any_value(eid) AS eid,
    any_value(strategy_id) AS strategy_id,
    any_value(harvesters) AS harvesters
FROM ship
GROUP BY uid, sid, x, y
HAVING count(*) = 1;

CREATE OR REPLACE TEMP TABLE harvest AS
SELECT
    lone.uid,
    lone.eid AS ship_eid,
    lone.strategy_id,
    node.eid AS node_eid,
    least(lone.harvesters, node.energy) AS taken
FROM lone
JOIN node ON node.uid = lone.uid AND node.sid = lone.sid AND node.x = lone.x AND node.y = lone.y
WHERE least(lone.harvesters, node.energy) > 0;

UPDATE entity SET energy = least(energy + total, 65535)
FROM (SELECT uid, ship_eid, sum(taken) AS total FROM harvest GROUP BY uid, ship_eid) AS haul
WHERE entity.uid = haul.uid AND entity.eid = haul.ship_eid;

UPDATE entity SET energy = energy - taken
FROM harvest
WHERE entity.uid = harvest.uid AND entity.eid = harvest.node_eid;


-- 7. Repair
-- A ship alone in its cell whose shield is below 100 gains 1.

UPDATE entity SET shield = shield + 1
WHERE kind = 1 AND shield < 100 AND (uid, eid) IN (SELECT (uid, eid) FROM lone);


-- 8. Remove
-- Ships pay for their parts what the universe asks, or all they have. Then every entity with energy 0 disappears.

UPDATE entity SET energy = greatest(energy - (blasters + thrusters + harvesters) * upkeep // 100, 0)
FROM universe
WHERE universe.uid = entity.uid AND kind = 1 AND (blasters + thrusters + harvesters) * upkeep >= 100;

INSERT INTO event
SELECT uid, sid, 'starve', eid, x, y, strategy_id, NULL, blasters
FROM ship
WHERE energy = 0;

DELETE FROM entity WHERE energy = 0;


-- 9. Spawn
-- Each system below a minimum gets one ship, one node; eids: the ships in sid order, then the nodes.

CREATE OR REPLACE TEMP TABLE newcomer AS
WITH population AS (
    SELECT
        solar_system.uid,
        solar_system.sid,
        count(entity.eid) FILTER (WHERE entity.kind = 1) AS ships,
        count(entity.eid) FILTER (WHERE entity.kind = 2) AS nodes
    FROM solar_system LEFT JOIN entity ON entity.uid = solar_system.uid AND entity.sid = solar_system.sid
    GROUP BY solar_system.uid, solar_system.sid
),

-- The enabled, flying strategies, the one with the fewest ships first, ties by name.
rotation AS (
    SELECT
        strategy.uid,
        id,
        cost,
        count(ship.eid) AS ships,
        row_number() OVER (PARTITION BY strategy.uid ORDER BY count(ship.eid), name) - 1 AS position
    FROM strategy LEFT JOIN ship ON ship.uid = strategy.uid AND ship.strategy_id = strategy.id
    WHERE is_enabled AND status = 'flying'
    GROUP BY strategy.uid, id, name, cost
),

system_in_need AS (
    SELECT uid, sid, row_number() OVER (PARTITION BY uid ORDER BY sid) - 1 AS k
    FROM population JOIN universe USING (uid)
    WHERE ships < ships_min
),

-- Ordinary are those whose calls may take least: one ship for each of them in every round.
ordinary AS (
    SELECT rotation.uid, usual, count(*) AS n, sum(ships) AS ships
    FROM rotation JOIN (SELECT uid, min(cost) AS usual FROM rotation GROUP BY uid) AS of_all ON of_all.uid = rotation.uid
    WHERE cost = usual
    GROUP BY rotation.uid, usual
),

-- How many ships each has been dealt once so many rounds are over. One that is not ordinary gets none in a round when it has as
-- many already as an ordinary one has at its end on average, divided by how many times as much its calls may take.
rounds AS (
    SELECT
        rotation.uid,
        id,
        position,
        done,
        if(
            cost = usual,
            done,
            least(done, greatest(0, (usual * (ordinary.ships + n * done) + cost * n - 1) // (cost * n) - rotation.ships))
        ) AS dealt
    FROM rotation
    JOIN ordinary ON ordinary.uid = rotation.uid
    JOIN (SELECT uid, unnest(range(0, count(*) + 1)) AS done FROM system_in_need GROUP BY uid) AS all_rounds
        ON all_rounds.uid = rotation.uid
),

turn_to_fly AS (
    SELECT uid, id, row_number() OVER (PARTITION BY uid ORDER BY done, position) - 1 AS k
    FROM (SELECT *, dealt > lag(dealt) OVER (PARTITION BY uid, id ORDER BY done) AS gets FROM rounds)
    WHERE gets
),

made AS (
    -- With no strategy to deal to the join finds none, and no ship spawns.
    SELECT system_in_need.uid, sid, 1 AS kind, turn_to_fly.id AS strategy_id
    FROM system_in_need JOIN turn_to_fly USING (uid, k)
    UNION ALL
    SELECT uid, sid, 2 AS kind, NULL AS strategy_id
    FROM population JOIN universe USING (uid)
    WHERE nodes < nodes_min
)

SELECT
    uid,
    sid,
    next_eid + row_number() OVER (PARTITION BY uid ORDER BY kind, sid) - 1 AS eid,
    kind,
    strategy_id,
    random_cell(seed, tid + 1, sid, 0, kind) AS cell
FROM made JOIN universe USING (uid);

INSERT INTO entity
SELECT
    uid,
    sid,
    eid,
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
FROM newcomer;

INSERT INTO event
SELECT uid, sid, 'spawn', eid, cell % 100, cell // 100, strategy_id, NULL, if(kind = 1, 2, 0)
FROM newcomer;


-- 10. Commit
-- The oracle commits the transaction around these statements.

UPDATE universe SET
    tid = tid + 1,
    next_eid = next_eid + (SELECT count(*) FROM newcomer WHERE newcomer.uid = universe.uid);

-- What is counted: a row for each thing to count, with its strategy and the columns it counts in.
CREATE OR REPLACE TEMP TABLE ledger AS
SELECT uid, strategy_id, 1 AS ships, energy FROM ship
UNION ALL BY NAME
SELECT uid, by_strategy_id AS strategy_id, 1 AS kills FROM event WHERE kind = 'death' AND by_strategy_id IS NOT NULL
UNION ALL BY NAME
SELECT uid, strategy_id, 1 AS deaths FROM event WHERE kind IN ('death', 'starve')
UNION ALL BY NAME
SELECT uid, strategy_id, 1 AS spawned FROM event WHERE kind = 'spawn' AND strategy_id IS NOT NULL
UNION ALL BY NAME
SELECT uid, strategy_id, taken AS harvested FROM harvest
UNION ALL BY NAME
SELECT uid, strategy_id, 1 AS upgrades FROM decision WHERE command = 'upgrade' AND is_paid
UNION ALL BY NAME
SELECT uid, strategy_id, 1 AS faults FROM decision WHERE is_fault;


-- The record
-- What a turn tells of itself: its own row, the rows of strategy_turn, and the events.

SELECT
    universe.uid,
    tid,
    next_eid,
    coalesce(sum(ships), 0) AS ships,
    (SELECT count(*) FROM node WHERE node.uid = universe.uid) AS nodes,
    coalesce(sum(kills), 0) AS kills,
    coalesce(sum(faults), 0) AS faults
FROM universe LEFT JOIN ledger ON ledger.uid = universe.uid
GROUP BY universe.uid, tid, next_eid
ORDER BY universe.uid;

SELECT
    universe.uid,
    tid,
    name AS strategy,
    coalesce(sum(ships), 0) AS ships,
    coalesce(sum(energy), 0) AS energy,
    coalesce(sum(kills), 0) AS kills,
    coalesce(sum(deaths), 0) AS deaths,
    coalesce(sum(spawned), 0) AS spawned,
    coalesce(sum(harvested), 0) AS harvested,
    coalesce(sum(upgrades), 0) AS upgrades,
    coalesce(sum(faults), 0) AS faults
FROM universe
JOIN strategy ON strategy.uid = universe.uid
LEFT JOIN ledger ON ledger.uid = universe.uid AND ledger.strategy_id = strategy.id
GROUP BY universe.uid, tid, name
ORDER BY universe.uid, name;

SELECT event.uid, tid, sid, kind, eid, x, y, strategy.name AS strategy, by_strategy.name AS by_strategy,
    blasters
FROM event
JOIN universe ON universe.uid = event.uid
LEFT JOIN strategy ON strategy.uid = event.uid AND strategy.id = strategy_id
LEFT JOIN strategy AS by_strategy ON by_strategy.uid = event.uid AND by_strategy.id = by_strategy_id
ORDER BY ALL NULLS FIRST;
