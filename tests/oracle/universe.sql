-- What universes are made of: their tables, and their random numbers. The number of a universe is its `uid`; several are played
-- at once, and no row of one has to do with a row of another.
--
-- Ships (kind 1) and energy nodes (kind 2) live in one table, as clients see them: a death is then an
-- UPDATE of one row, and the rows affected by each statement are what `writes` counts. Numbers are kept in
-- types wider than their limits, so that each statement saturates by itself; a limit it forgot fails here.

CREATE TABLE universe (
    uid BIGINT NOT NULL,
    seed UBIGINT NOT NULL,
    ships_min BIGINT NOT NULL,
    nodes_min BIGINT NOT NULL,
    tid BIGINT NOT NULL,
    next_eid BIGINT NOT NULL,
    upkeep BIGINT NOT NULL CHECK (upkeep >= 0)
);

CREATE TABLE solar_system (uid BIGINT NOT NULL, sid BIGINT NOT NULL);

CREATE TABLE strategy (
    uid BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('flying', 'grounded', 'removed')),
    -- What a call may take.
    cost BIGINT NOT NULL CHECK (cost >= 1)
);

CREATE TABLE entity (
    uid BIGINT NOT NULL,
    sid BIGINT NOT NULL,
    eid BIGINT NOT NULL CHECK (eid >= 1),
    kind BIGINT NOT NULL CHECK (kind IN (1, 2)),
    strategy_id BIGINT CHECK (kind = 2 OR strategy_id IS NOT NULL),
    x BIGINT NOT NULL CHECK (x BETWEEN 0 AND 99),
    y BIGINT NOT NULL CHECK (y BETWEEN 0 AND 99),
    energy BIGINT NOT NULL CHECK (energy BETWEEN 0 AND 65535),
    shield BIGINT NOT NULL CHECK (shield BETWEEN 0 AND 100),
    blasters BIGINT NOT NULL CHECK (blasters BETWEEN 0 AND 255),
    thrusters BIGINT NOT NULL CHECK (thrusters BETWEEN 0 AND 255),
    harvesters BIGINT NOT NULL CHECK (harvesters BETWEEN 0 AND 255),
    last_plan UBIGINT NOT NULL
);

CREATE VIEW ship AS SELECT * EXCLUDE (kind) FROM entity WHERE kind = 1;

CREATE VIEW node AS SELECT uid, sid, eid, x, y, energy FROM entity WHERE kind = 2;

-- What happened in the last turn played.
CREATE TABLE event (
    uid BIGINT NOT NULL,
    sid BIGINT NOT NULL,
    kind TEXT NOT NULL,
    eid BIGINT NOT NULL,
    x BIGINT NOT NULL,
    y BIGINT NOT NULL,
    strategy_id BIGINT,
    by_strategy_id BIGINT,
    blasters BIGINT NOT NULL
);

-- Random numbers: 64 bits in 128-bit integers, so that a product fits before it is reduced modulo 2^64.
-- A macro repeats its argument wherever it names it; a lambda over a list of one computes it once.

CREATE MACRO modulo_2_64(z) AS z % 18446744073709551616::UHUGEINT;

CREATE MACRO mix(z) AS
    list_transform(list_transform(list_transform([z],
        lambda z0: modulo_2_64(xor(z0, z0 >> 30) * '0xbf58476d1ce4e5b9'::UHUGEINT)),
        lambda z1: modulo_2_64(xor(z1, z1 >> 27) * '0x94d049bb133111eb'::UHUGEINT)),
        lambda z2: xor(z2, z2 >> 31))[1];

CREATE MACRO random_number(seed, turn, sid, purpose) AS list_reduce(
    [seed, turn, sid, purpose]::UHUGEINT[],
    lambda h, v: mix(modulo_2_64(h + v + '0x9e3779b97f4a7c15'::UHUGEINT)),
    0::UHUGEINT
);

CREATE MACRO random_cell(seed, turn, sid, index, kind) AS
    (random_number(seed, turn, sid, index * 256 + kind) % 10000)::BIGINT;
