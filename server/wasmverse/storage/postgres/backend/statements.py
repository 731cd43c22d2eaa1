"""What a shard asks of a database, the same within a backend and over its protocol, and by whom."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from wasmverse.errors import StateError


class Statement(NamedTuple):
    """A statement with ``$1``..., the types of these parameters, and how many columns its rows have."""

    text: str
    types: tuple[str, ...]
    columns: int


class Connection(Protocol):
    """Where statements are executed, within the transaction that is open."""

    def rows(self, statement: Statement, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """What a statement answers; bytea as bytes."""


def checked(relation: str) -> str:
    """The name of a relation, which goes into statements as it is.

    Raises
    ------
    StateError : it is none of those that Wasmverse makes.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", relation):
        raise StateError(f"{relation[:80]!r} is no relation of a universe: run one version of Wasmverse")
    return relation


def read_block(relation: str) -> Statement:
    """The rows of block $1 in one: their first sids, big-endian, and their bytes."""
    # The order is that of the primary key, which an index scan has for nothing; whoever reads looks whether it is there.
    return Statement(
        "SELECT string_agg(int4send(first_sid), ''::bytea) AS sids, string_agg(ships, ''::bytea) AS ships, "
        "string_agg(nodes, ''::bytea) AS nodes "
        f"FROM (SELECT first_sid, ships, nodes FROM {checked(relation)} WHERE block = $1 ORDER BY first_sid) AS part",
        ("int",),
        3,
    )


def is_as_written(relation: str) -> Statement:
    """How many rows block $1 has, and whether all of them are those that transaction $2 has written."""
    return Statement(
        f"SELECT count(*)::int AS rows, bool_and(xmin = $2::xid) AS written FROM {checked(relation)} WHERE block = $1",
        ("int", "xid"),
        2,
    )


def write_block(relation: str) -> Statement:
    """Rows of block $1, $3 systems from one first sid, $2, to the next: cut out of the ships $4 and the nodes $5 of all of them.

    $6 to $9 are the texts of arrays of int: of every row in order the first byte of its ships, counted from 1, their length, the
    first byte of its nodes, their length. Answers how many rows it wrote, and in which transaction, or part of one.
    """
    return Statement(
        f"WITH written AS (UPDATE {checked(relation)} AS state "
        "SET ships = substr($4, part.ship, part.ships), nodes = substr($5, part.node, part.nodes) "
        "FROM unnest($6::int[], $7::int[], $8::int[], $9::int[]) WITH ORDINALITY AS part(ship, ships, node, nodes, number) "
        "WHERE state.block = $1 AND state.first_sid = $2 + (part.number::int - 1) * $3 "
        "RETURNING state.xmin AS xid) SELECT count(*)::int AS rows, (array_agg(xid))[1]::text AS xid FROM written",
        ("int", "int", "int", "bytea", "bytea", "text", "text", "text", "text"),
        2,
    )


def read_code(relation: str) -> Statement:
    """What module $1 was compiled to for target $2."""
    return Statement(
        f"SELECT code FROM {checked(relation)} WHERE sha256 = $1 AND target = $2", ("text", "text"), 1
    )


def read_module(relation: str) -> Statement:
    """The bytes of module $1."""
    return Statement(f"SELECT module FROM {checked(relation)} WHERE sha256 = $1", ("text",), 1)
