"""What strategies were asked when they faulted."""

from __future__ import annotations

from alembic import context, op

revision = "0006"
down_revision = "0005"

COORDINATOR = (
    """CREATE TABLE strategy_fault (
    fault_id BIGINT NOT NULL,
    tid BIGINT NOT NULL,
    strategy TEXT NOT NULL,
    version BIGINT NOT NULL,
    sid BIGINT NOT NULL,
    eid BIGINT NOT NULL,
    reason TEXT NOT NULL,
    plan NUMERIC(20, 0),
    x SMALLINT NOT NULL,
    y SMALLINT NOT NULL,
    energy INTEGER NOT NULL,
    shield SMALLINT NOT NULL,
    blasters SMALLINT NOT NULL,
    thrusters SMALLINT NOT NULL,
    harvesters SMALLINT NOT NULL,
    last_plan NUMERIC(20, 0) NOT NULL,
    seen BYTEA NOT NULL,
    block_row BIGINT NOT NULL,
    world_seed NUMERIC(20, 0) NOT NULL,
    budget_fuel BIGINT NOT NULL,
    calls_before BIGINT NOT NULL,
    calls BYTEA NOT NULL,
    PRIMARY KEY (fault_id)
)""",
    "COMMENT ON TABLE strategy_fault IS 'The newest faults of each strategy, with all that its call was "
    "given: what `wasmverse strategy relive` repeats. plan is what it returned, NULL if it trapped. seen "
    "has 4 bytes for each entity in sight: kind, danger, x, y. The same instance had answered "
    "calls_before other ships of the turn; calls has the last of them, packed.'",
)


def upgrade() -> None:
    """Make room for them; the first is kept with the next fault."""
    if context.config.attributes["is_coordinator"]:
        for statement in COORDINATOR:
            op.execute(statement)
