"""Events also say what blasters a ship had."""

from __future__ import annotations

from alembic import context, op
from sqlalchemy import text

from wasmverse.universe.event_format import brought_up

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Bring the kept events up to the present version of their bytes; nobody's blasters are known in them."""
    if not context.config.attributes["is_coordinator"]:
        return
    connection = op.get_bind()
    for table, key in (("turn_record", "tid"), ("event_batch", "place")):
        found = text(f"SELECT {key}, events FROM {table} WHERE events IS NOT NULL")
        changed = text(f"UPDATE {table} SET events = :events WHERE {key} = :key")
        for row, batch in connection.execute(found).fetchall():
            connection.execute(changed, {"events": brought_up(bytes(batch)), "key": row})
