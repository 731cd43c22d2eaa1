"""The first tables of a universe in PostgreSQL."""

from __future__ import annotations

from alembic import context, op

revision = "0001"
down_revision = None

PLACE = (
    """CREATE TABLE strategy_module (
    sha256 TEXT NOT NULL,
    module BYTEA NOT NULL,
    PRIMARY KEY (sha256)
)""",
    "COMMENT ON TABLE strategy_module IS 'The uploaded modules, by the hash of their bytes. Never shown to clients.'",
    """CREATE TABLE compiled_module (
    sha256 TEXT NOT NULL,
    target TEXT NOT NULL,
    code BYTEA NOT NULL,
    PRIMARY KEY (sha256, target)
)""",
    "COMMENT ON TABLE compiled_module IS 'What modules of strategies were compiled to, by a process that checked "
    "them, for one version of the compiler and kind of processor.'",
    """CREATE TABLE system_state (
    block INTEGER NOT NULL,
    first_sid INTEGER NOT NULL,
    ships BYTEA NOT NULL,
    nodes BYTEA NOT NULL,
    PRIMARY KEY (block, first_sid)
)
 WITH (fillfactor = 50, toast_tuple_target = 8160, autovacuum_vacuum_cost_delay = 0)""",
    "COMMENT ON TABLE system_state IS 'The ships and the nodes of neighbouring systems, packed, those of one after "
    "those of the other; all rewritten each turn. ship and node show them.'",
    """CREATE TABLE place (
    block INTEGER NOT NULL,
    relation TEXT NOT NULL,
    tid BIGINT NOT NULL,
    PRIMARY KEY (block)
)
 WITH (fillfactor = 50)""",
    "COMMENT ON TABLE place IS 'The blocks that are here, the relation that has their rows, the turn that these are "
    "of, and how many commands have changed them.'",
)

COORDINATOR = (
    """CREATE TABLE clock (
    epoch BIGINT NOT NULL,
    holder TEXT,
    backend INTEGER,
    period_seconds DOUBLE PRECISION,
    since TIMESTAMP WITH TIME ZONE
)""",
    "COMMENT ON TABLE clock IS 'One row: which process plays the turns. The epoch grows with every one that takes the clock.'",
    """CREATE TABLE event_batch (
    place BIGINT GENERATED ALWAYS AS IDENTITY,
    tid BIGINT NOT NULL,
    names TEXT NOT NULL,
    events BYTEA NOT NULL,
    PRIMARY KEY (place)
)""",
    "COMMENT ON TABLE event_batch IS 'What happened lately between two turns, packed as in turn_record.'",
    """CREATE TABLE message (
    tid BIGINT NOT NULL,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    place BIGINT GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (place)
)""",
    "COMMENT ON TABLE message IS 'What clients transmitted lately. ``transmission`` shows it, with what strategies "
    "printed.'",
    """CREATE TABLE solar_system (
    sid BIGINT NOT NULL,
    x INTEGER NOT NULL,
    y INTEGER NOT NULL,
    PRIMARY KEY (sid)
)""",
    "COMMENT ON TABLE solar_system IS 'Where the systems are on the 500 x 500 map.'",
    """CREATE TABLE strategy (
    strategy_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    language TEXT NOT NULL,
    author TEXT NOT NULL,
    owner TEXT NOT NULL,
    uploaded_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    last_fault TEXT,
    export TEXT NOT NULL,
    budget_fuel BIGINT,
    PRIMARY KEY (strategy_id),
    UNIQUE (name)
)""",
    "COMMENT ON TABLE strategy IS 'Every strategy: status is flying, grounded or removed. budget_fuel is what its "
    "upload declared for a call, NULL if it did not. export is the function of its module that decides. strategy_id, "
    "export and owner, the id of who may change it, are internal.'",
    """CREATE TABLE strategy_log (
    tid BIGINT NOT NULL,
    strategy TEXT NOT NULL,
    eid BIGINT,
    line TEXT NOT NULL,
    dropped BIGINT NOT NULL,
    place BIGINT GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (place)
)""",
    "COMMENT ON TABLE strategy_log IS 'What strategies printed lately, line by line, each with the ship that it was "
    "for. Where a turn had more lines of a strategy than are kept, a last row without eid says how many were "
    "dropped.'",
    """CREATE TABLE turn_record (
    slot BIGINT NOT NULL,
    tid BIGINT NOT NULL,
    start_time TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    end_time TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    writes BIGINT NOT NULL,
    ships BIGINT NOT NULL,
    energy_nodes BIGINT NOT NULL,
    kills BIGINT NOT NULL,
    faults BIGINT NOT NULL,
    late BOOLEAN NOT NULL,
    end_time_before TIMESTAMP WITHOUT TIME ZONE,
    late_before BOOLEAN,
    strategies JSONB,
    names TEXT,
    events BYTEA,
    PRIMARY KEY (tid)
)""",
    "COMMENT ON TABLE turn_record IS 'The last turns; turns, strategy_turn and event show them. What is known of a "
    "turn only once it is committed, the next one''s row says (..._before). strategies has one element for each; "
    "events are packed, with the names of the strategies in them, with commas. These are NULL once they are "
    "forgotten.'",
    """CREATE TABLE universe (
    application TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    seed BIGINT NOT NULL,
    systems BIGINT NOT NULL,
    ships_min INTEGER NOT NULL,
    nodes_min INTEGER NOT NULL,
    block_systems BIGINT NOT NULL,
    row_systems INTEGER NOT NULL,
    tid BIGINT NOT NULL,
    next_eid BIGINT NOT NULL,
    changes BIGINT DEFAULT '0' NOT NULL
)""",
    "COMMENT ON TABLE universe IS 'One row: what this universe is, and the last turn that was committed. row_systems "
    "neighbouring systems are a row of system_state. changes counts the commands that were carried out, spawned those"
    " that changed a system. Whoever changes anything holds this row.'",
    """CREATE TABLE wasm_function (
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    signature TEXT NOT NULL,
    version BIGINT NOT NULL,
    is_current BOOLEAN NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    language TEXT NOT NULL,
    author TEXT NOT NULL,
    created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    owner TEXT NOT NULL,
    parameters TEXT NOT NULL,
    function TEXT NOT NULL,
    abi TEXT NOT NULL,
    export TEXT NOT NULL,
    state TEXT,
    is_handle BOOLEAN NOT NULL,
    initialize TEXT,
    iterate TEXT,
    merge TEXT,
    terminate TEXT,
    pages_max BIGINT,
    PRIMARY KEY (name, version, parameters)
)""",
    "COMMENT ON TABLE wasm_function IS 'Wasm functions of SQL: every kept version of each; queries call the current "
    "one. kind is scalar, table or aggregate. owner, the id of who may change it, and what follows it are internal: "
    "the names of the parameters'' types, which tell functions of one name apart, the types of the function and of an"
    " aggregate''s state as JSON, and the exports.'",
    """CREATE TABLE wasm_function_module (
    sha256 TEXT NOT NULL,
    module BYTEA NOT NULL,
    PRIMARY KEY (sha256)
)""",
    "COMMENT ON TABLE wasm_function_module IS 'The modules of functions, by the hash of their bytes. Never shown to "
    "clients.'",
)

STORAGE = (
    # Packed bytes do not get smaller, and are read whole.
    "ALTER TABLE system_state ALTER ships SET STORAGE EXTERNAL, ALTER nodes SET STORAGE EXTERNAL",
    "ALTER TABLE strategy_module ALTER module SET STORAGE EXTERNAL",
    "ALTER TABLE compiled_module ALTER code SET STORAGE EXTERNAL",
)


def upgrade() -> None:
    """Make the tables of a place, and the coordinator's."""
    tables: tuple[str, ...] = PLACE + STORAGE
    if context.config.attributes["is_coordinator"]:
        tables += COORDINATOR
    for statement in tables:
        op.execute(statement)
