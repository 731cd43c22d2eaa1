"""`wasmverse universe resize`: more or fewer systems in a universe that nobody has open, in one transaction.

Systems are added and removed at the end, so no other system changes its number, its place or what is in it. What is added holds
what it would hold if the universe had been made so large, dealt to the strategies that are enabled now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from wasmverse.errors import DatabaseError, StateError
from wasmverse.simulation.memory import check_memory
from wasmverse.sizes import SYSTEMS_MAX
from wasmverse.storage import schema
from wasmverse.storage.audit import audit, audit_state
from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.position import settle_position, write_position
from wasmverse.storage.duckdb.state_reader import read_state
from wasmverse.storage.duckdb.turn_store import read_laws, write_state
from wasmverse.storage.stored_state import StoredState
from wasmverse.storage.strategy_store import read_strategies
from wasmverse.universe.crew import Crew
from wasmverse.universe.digest import hash_in_order
from wasmverse.universe.genesis import galaxy, populate_systems
from wasmverse.universe.packed import pack_state
from wasmverse.universe.state import Nodes, Ships, State
from wasmverse.universe.turn import Laws


@dataclass(frozen=True, slots=True)
class Resizing:
    """What a change of size does.

    before, after : systems; ships, nodes : how many go, or come; strategies : the ships of each strategy among them
    """

    before: int
    after: int
    tid: int
    ships: int
    nodes: int
    strategies: dict[str, int]
    state_hash: str


def resize(file: Path, systems: int, is_agreed: Callable[[Resizing], bool]) -> Resizing | None:
    """Give a universe so many systems; None if that was not agreed to, and then nothing is changed.

    Parameters
    ----------
    is_agreed : is told what would be done, before it is.

    Raises
    ------
    DatabaseError : there is no such file, somebody has it open, or it has so many systems already.
    SettingsError : it would not fit into this machine's memory.
    StateError : it holds what cannot be. Nothing is changed then.
    """
    if not file.is_file():
        raise DatabaseError(f"{file} is no file: name a universe's file")
    if not 1 <= systems <= SYSTEMS_MAX:
        raise DatabaseError(f"--systems is {systems:,}; allowed is 1..{SYSTEMS_MAX:,}: choose another number")
    database = Database.open(file)
    try:
        with database.transaction() as transaction:
            settle_position(transaction)
            audit(transaction)
            laws = read_laws(transaction)
            if laws.systems == systems:
                raise DatabaseError(f"{file} has {systems:,} systems: name another number with --systems")
            before = read_state(transaction, laws.systems)
            fewer = systems < laws.systems
            changed, moved = (
                _without(before, systems) if fewer else _with_more(transaction, before, laws, systems)
            )
            told = Resizing(
                laws.systems,
                systems,
                before.tid,
                len(moved.ships.sid),
                len(moved.nodes.sid),
                _by_strategy(transaction, moved.ships),
                hash_in_order(changed.state, changed.tid, changed.next_eid),
            )
            check_memory(
                systems, len(changed.state.ships.sid), len(changed.state.nodes.sid), "choose fewer systems"
            )
            if not is_agreed(told):
                return None
            _write(transaction, changed, replace(laws, systems=systems), laws.systems)
            audit(transaction)
            found = read_state(transaction, systems)
            audit_state(
                found.state, found.next_eid, [row.strategy_id for row in read_strategies(transaction)]
            )
            if hash_in_order(found.state, found.tid, found.next_eid) != told.state_hash:
                raise StateError(
                    f"{file} does not hold what was written into it: check the memory and the disk; nothing is changed"
                )
    finally:
        database.close()
    return told


def _without(before: StoredState, systems: int) -> tuple[StoredState, State]:
    """The state without the last systems, and what was in them."""
    ships, nodes = before.state
    # Both are sorted by sid.
    ship, node = (int(np.searchsorted(columns.sid, systems, "right")) for columns in (ships, nodes))
    kept = State(Ships._make(c[:ship] for c in ships), Nodes._make(c[:node] for c in nodes))
    gone = State(Ships._make(c[ship:] for c in ships), Nodes._make(c[node:] for c in nodes))
    return replace(before, state=kept), gone


def _with_more(
    transaction: Transaction, before: StoredState, laws: Laws, systems: int
) -> tuple[StoredState, State]:
    """The state with more systems after the last, and what is in them."""
    sids = np.arange(laws.systems + 1, systems + 1, dtype=np.uint32)
    rows = sorted(read_strategies(transaction), key=lambda row: str(row.name))
    dealt = [row.strategy_id for row in rows if row.is_enabled and row.status != "removed"]
    ships, nodes = populate_systems(laws.seed, sids, laws.ships_min, laws.nodes_min, dealt)
    count = len(ships.eid) + len(nodes.eid)
    first = min((int(columns.eid[0]) for columns in (ships, nodes) if len(columns.eid)), default=0)
    for columns in (ships, nodes):  # their eids follow each other, from the first one
        columns.eid[:] += columns.eid.dtype.type(before.next_eid - first)
    new = State(ships, nodes)
    state = State(
        Ships._make(
            np.concatenate((getattr(before.state.ships, name), getattr(ships, name)))
            for name in Ships._fields
        ),
        Nodes._make(
            np.concatenate((getattr(before.state.nodes, name), getattr(nodes, name)))
            for name in Nodes._fields
        ),
    )
    return StoredState(before.tid, before.next_eid + count, state), new


def _by_strategy(transaction: Transaction, ships: Ships) -> dict[str, int]:
    names = {row.strategy_id: str(row.name) for row in read_strategies(transaction)}
    ids, counts = np.unique(ships.strategy_id, return_counts=True)
    return {names[int(id_)]: int(count) for id_, count in zip(ids, counts, strict=True)}


def _write(transaction: Transaction, changed: StoredState, laws: Laws, before: int) -> None:
    transaction.run(sa.update(schema.universe).values(systems=laws.systems))
    places = schema.solar_system
    if laws.systems < before:
        transaction.run(sa.delete(places).where(places.c.sid > laws.systems))
    else:
        x, y = galaxy(laws.seed, laws.systems)
        taken = {(row.x, row.y) for row in transaction.rows(sa.select(places.c.x, places.c.y))}
        free = [place for place in zip(x.tolist(), y.tolist(), strict=True) if place not in taken]
        new = np.array(free[: laws.systems - before], np.uint16)
        sids = np.arange(before + 1, laws.systems + 1, dtype=np.uint32)
        transaction.insert_arrow(places, pa.table({"sid": sids, "x": new[:, 0], "y": new[:, 1]}))
    write_position(transaction, changed.tid, changed.next_eid)
    ships, nodes = changed.state
    write_state(transaction, pack_state(ships, nodes, laws.systems, Crew(1)))
