"""What is told of turns, and what is remembered of ships and strategies."""

from __future__ import annotations

from alembic import context, op

revision = "0005"
down_revision = "0004"

COORDINATOR = (
    "ALTER TABLE turn_record ADD story TEXT, ADD digest TEXT",
    """CREATE TABLE chronicle (
    tid BIGINT NOT NULL,
    state TEXT NOT NULL,
    heroes TEXT NOT NULL,
    PRIMARY KEY (tid)
)""",
    "COMMENT ON TABLE chronicle IS 'One row: what is remembered of ships and strategies at the end of a turn, "
    "as JSON. The digests of later turns in ``turn_record`` say what came since. ``hero`` shows ``heroes``.'",
    "COMMENT ON TABLE turn_record IS 'The last turns; turns, strategy_turn, event and story show them. What is"
    " known of a turn only once it is committed, the next one''s row says (..._before). strategies has one "
    "element for each; events are packed, with the names of the strategies in them, with commas. These are "
    "NULL once they are forgotten. story is what is told of the turn, and digest what it brought for the "
    "chronicle, as JSON.'",
)


def upgrade() -> None:
    """Make room for them; both begin with the next turn."""
    if context.config.attributes["is_coordinator"]:
        for statement in COORDINATOR:
            op.execute(statement)
