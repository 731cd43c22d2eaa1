"""The functions of SQL by which a turn is played within the server: what a migration creates and drops."""

from __future__ import annotations

from wasmverse.storage.postgres.backend.guests import target

__all__ = ["CREATE", "DROP", "target"]

_PLANNED = (
    "SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off "
    "SET enable_sort = off SET plan_cache_mode = force_generic_plan SET jit = off"
)
"""Rows are found one after the other by the primary key, whatever the planner thinks of tables it has no statistics of."""

CREATE = (
    f"""CREATE OR REPLACE FUNCTION wasmverse_play(relation text, blocks int[], threads int, task bytea) RETURNS bytea
LANGUAGE plpython3u VOLATILE STRICT {_PLANNED} AS $$
from wasmverse.storage.postgres.backend import play
return play.play(plpy, relation, blocks, threads, task)
$$""",
    f"""CREATE OR REPLACE FUNCTION wasmverse_settle(relation text, blocks int[], decisions bytea) RETURNS bytea
LANGUAGE plpython3u VOLATILE STRICT {_PLANNED} AS $$
from wasmverse.storage.postgres.backend import play
return play.settle(plpy, relation, blocks, decisions)
$$""",
    """CREATE OR REPLACE FUNCTION wasmverse_ready() RETURNS text
LANGUAGE plpython3u VOLATILE AS $$
from wasmverse.storage.postgres.backend import play
return play.ready()
$$""",
    """CREATE OR REPLACE FUNCTION wasmverse_get_ready() RETURNS void
LANGUAGE plpython3u VOLATILE AS $$
from wasmverse.storage.postgres.backend import play
play.get_ready()
$$""",
    # Whoever may call them could have any bytes run as machine code.
    "REVOKE ALL ON FUNCTION wasmverse_play, wasmverse_settle, wasmverse_ready, wasmverse_get_ready FROM PUBLIC",
)
"""Statements for every server that plays inside; plpython3u has to be there. Its functions run with the rights of the server's
process, so only a superuser can create them."""

DROP = ("DROP FUNCTION IF EXISTS wasmverse_play, wasmverse_settle, wasmverse_ready, wasmverse_get_ready",)
