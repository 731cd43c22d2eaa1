"""The functions of SQL by which a turn is played within the server: how they are made, and whether those that are there are ours.

What they read runs as machine code. So they find tables in one schema only, whatever path the caller has, and what is there
already counts only if nobody else could have made it.
"""

from __future__ import annotations

import hashlib

from wasmverse.errors import DatabaseError
from wasmverse.storage.postgres.backend.guests import target
from wasmverse.storage.postgres.database import Transaction

__all__ = ["create", "hash_of", "made_by", "schema_of", "target"]

_PLANNED = (
    "SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off "
    "SET enable_sort = off SET plan_cache_mode = force_generic_plan SET jit = off"
)
"""Rows are found one after the other by the primary key, whatever the planner thinks of tables it has no statistics of."""

_SIGNATURES = (
    "wasmverse_play(text,int[],int,bytea)",
    "wasmverse_settle(text,int[],bytea)",
    "wasmverse_ready()",
    "wasmverse_get_ready()",
)

_TRUSTED = "SELECT oid FROM pg_catalog.pg_roles WHERE rolsuper OR rolname = current_user"
"""Who can do what our role can anyway."""

_OWNERS = (
    f"{_TRUSTED} UNION SELECT datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database() "
    "UNION SELECT 'pg_database_owner'::pg_catalog.regrole"
)
"""Who may own the tables of machine code, and their schema."""


def create(schema: str) -> tuple[str, ...]:
    """Statements for every server that plays inside; plpython3u has to be there.

    The functions run with the rights of the server's process, so only a superuser can create them.

    Parameters
    ----------
    schema : has the tables, and gets the functions.
    """
    inside = '"{}"'.format(schema.replace('"', '""'))
    # A table of a session's own would come first if pg_temp were not named.
    path = f"SET search_path = pg_catalog, {inside}, pg_temp"
    names = ", ".join(f"{inside}.{signature}" for signature in _SIGNATURES)
    return (
        f"""CREATE OR REPLACE FUNCTION {inside}.wasmverse_play(relation text, blocks int[], threads int, task bytea) RETURNS bytea
LANGUAGE plpython3u VOLATILE STRICT {path} {_PLANNED} AS $$
from wasmverse.storage.postgres.backend import play
return play.play(plpy, relation, blocks, threads, task)
$$""",
        f"""CREATE OR REPLACE FUNCTION {inside}.wasmverse_settle(relation text, blocks int[], decisions bytea) RETURNS bytea
LANGUAGE plpython3u VOLATILE STRICT {path} {_PLANNED} AS $$
from wasmverse.storage.postgres.backend import play
return play.settle(plpy, relation, blocks, decisions)
$$""",
        f"""CREATE OR REPLACE FUNCTION {inside}.wasmverse_ready() RETURNS text
LANGUAGE plpython3u VOLATILE {path} AS $$
from wasmverse.storage.postgres.backend import play
return play.ready()
$$""",
        f"""CREATE OR REPLACE FUNCTION {inside}.wasmverse_get_ready() RETURNS void
LANGUAGE plpython3u VOLATILE {path} AS $$
from wasmverse.storage.postgres.backend import play
play.get_ready()
$$""",
        # Whoever may call them could have any bytes run as machine code.
        f"REVOKE ALL ON FUNCTION {names} FROM PUBLIC",
    )


def hash_of(schema: str) -> str:
    """Of the statements that make the functions: the comment of ``wasmverse_ready`` has it."""
    return hashlib.sha256("\n".join(create(schema)).encode()).hexdigest()


def schema_of(transaction: Transaction) -> str:
    """The schema with the tables of machine code.

    Raises
    ------
    DatabaseError : it, or such a table, belongs to a role that could have its own machine code run as ours.
    """
    owned = transaction.execute(
        "SELECT nspname, nspowner FROM pg_catalog.pg_namespace WHERE nspname = coalesce((SELECT nspname FROM pg_catalog.pg_class "
        "JOIN pg_catalog.pg_namespace AS held ON held.oid = relnamespace WHERE pg_class.oid = to_regclass('compiled_module')), "
        "current_schema())"
    ).fetchone()
    if owned is None:
        raise DatabaseError(
            "no schema of search_path is there: make one, or correct the search_path of the role"
        )
    schema = str(owned[0])
    tables = transaction.execute(
        "SELECT relname, relowner::pg_catalog.regrole::text FROM pg_catalog.pg_class "
        "WHERE oid IN (to_regclass('compiled_module'), to_regclass('strategy_module')) "
        f"AND relowner NOT IN ({_OWNERS}) UNION ALL "
        "SELECT nspname, nspowner::pg_catalog.regrole::text FROM pg_catalog.pg_namespace "
        f"WHERE nspname = %s AND nspowner NOT IN ({_OWNERS})",
        (schema,),
    ).fetchall()
    if tables:
        raise DatabaseError(
            f"{tables[0][0]} belongs to {tables[0][1]}, who could have code of its own run: it must belong to the "
            "database's owner, to this role or to a superuser"
        )
    return schema


def made_by(transaction: Transaction, schema: str) -> str | None:
    """The hash of the statements that made the functions; None if not all are there.

    Raises
    ------
    DatabaseError : what a call would find is another's.
    """
    found = transaction.execute(
        "SELECT signature, prolang = (SELECT oid FROM pg_catalog.pg_language WHERE lanname = 'plpython3u') "
        f"AND proowner IN ({_TRUSTED}) AND pronamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %s), "
        "proowner::pg_catalog.regrole::text, pronamespace::pg_catalog.regnamespace::text, "
        "pg_catalog.obj_description(proc.oid, 'pg_proc') FROM pg_catalog.unnest(%s::text[]) AS signature "
        "JOIN pg_catalog.pg_proc AS proc ON proc.oid = to_regprocedure(signature)",
        (schema, list(_SIGNATURES)),
    ).fetchall()
    for signature, is_ours, owner, where, _ in found:
        if not is_ours:
            raise DatabaseError(
                f"the function {signature} in the schema {where} belongs to {owner}, or is not what Wasmverse makes in "
                f"the schema {schema}: DROP FUNCTION {where}.{signature}"
            )
    comments = {signature: comment for signature, *_, comment in found}
    return comments.get("wasmverse_ready()") if len(found) == len(_SIGNATURES) else None
