"""Plays kept turns again: the reading end of `volume`, which gives a turn as it was published."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import wasmtime
from pydantic import ValidationError

from wasmverse.commands import SpawnEntity
from wasmverse.errors import PastError
from wasmverse.past.changes import STATE, Rows
from wasmverse.past.keeper import Spawned, made_by, state_of
from wasmverse.past.volume import Columns as TableColumns
from wasmverse.past.volume import Entry, Place, Volume, other_columns, volumes
from wasmverse.recording.format import Limits as RecordedLimits
from wasmverse.settings import GuestSettings
from wasmverse.simulation.spawning import spawned
from wasmverse.snapshots.modules import MODULES, Modules, load_guest
from wasmverse.strategies.limits import guest_limits
from wasmverse.strategies.roster import Roster, Strategy
from wasmverse.universe.digest import hash_in_order
from wasmverse.universe.packed import pack_turn
from wasmverse.universe.state import Columns, State, of_system, with_system
from wasmverse.universe.turn import Laws, TurnPlayer
from wasmverse.universe.unpacked import Unpacking
from wasmverse.wasm.hosting import AnyGuest

STATES_BYTES_MAX = 128 << 20
"""Bytes of the states that are kept in memory, so that stepping back does not begin with the keyframe each time."""

GUESTS_MAX = 1_000


class _StrategyRow(Protocol):
    strategy_id: int
    name: str
    is_enabled: bool
    status: str
    sha256: str
    export: str | None
    budget_fuel: int | None


@dataclass(frozen=True, slots=True)
class Moment:
    """A turn as it was published."""

    tid: int
    tables: dict[str, pa.Table]
    modules: Modules


@dataclass(slots=True)
class _Open:
    """The volume that was read last, its tables at the turn that was asked for last, and how each turn since its base began."""

    volume: Volume
    laws: Laws
    limits: Any
    rows: Rows
    modules: tuple[str, ...]
    rosters: list[tuple[int, pa.Table]]
    turns: dict[int, Entry]


class Player:
    """Plays the turns that are kept in a folder, which somebody else may be writing to. For one thread.

    Parameters
    ----------
    columns : of each table of a snapshot. Turns that have others are refused, as queries could not name what they lack.
    threads : that play a turn; it comes out the same on any number.
    """

    def __init__(self, folder: Path, columns: TableColumns, threads: int = 1) -> None:
        self._folder = folder
        self._columns = columns
        self._player = TurnPlayer(threads)
        self._open: _Open | None = None
        self._states: OrderedDict[tuple[int, int], tuple[int, State]] = OrderedDict()
        self._states_bytes = 0
        self._guests: dict[tuple[str, str], AnyGuest] = {}

    def close(self) -> None:
        """End the threads."""
        self._player.close()
        if self._open is not None:
            self._open.volume.close()

    def moment(self, tid: int) -> Moment:
        """A turn as it was published, all tables of its snapshot.

        Raises
        ------
        PastError : it is not kept, or cannot be played again exactly.
        """
        try:
            return self._moment(tid)
        except (
            wasmtime.WasmtimeError,
            OSError,
            KeyError,
            ValueError,
            pa.ArrowException,
            ValidationError,
        ) as error:
            # The text of a system's error has the file's whole path, which is nobody's business who asks.
            why = (isinstance(error, OSError) and error.strerror) or str(error)
            raise _inexact(tid, f"{type(error).__name__}: {why}") from error

    def _moment(self, tid: int) -> Moment:
        before = [first for first in volumes(self._folder) if first <= tid]
        if not before:
            raise PastError(f"turn {tid} is not kept any more")
        open_ = self._opened(before[-1])
        if open_.volume.last < tid:
            raise PastError(f"turn {tid} was not kept: the disk took no more, or the server was not running")
        if open_.rows.tid > tid:
            open_ = self._opened(open_.volume.first, is_again=True)
        for entry in open_.volume.turns(open_.rows.tid, tid):
            open_.rows.add(entry)
            open_.turns[entry.tid] = _plain(entry)
            if "roster" in entry.batches:
                open_.rosters.append((entry.tid, entry.table("roster", open_.rows.schema("strategy"))))
            open_.modules = tuple(entry.said.get("modules", open_.modules))
        tables = open_.rows.tables()
        _, state = self._state(open_, tid)
        tables |= {"ship": pa.table(state.ships._asdict()), "node": pa.table(state.nodes._asdict())}
        folder = self._folder / MODULES
        modules: Modules = {name: (folder / name).read_bytes for name in open_.modules}
        return Moment(tid, tables, modules)

    def _opened(self, first: int, *, is_again: bool = False) -> _Open:
        """The volume that begins with a turn, with what has been added to it."""
        open_ = self._open
        if open_ is None or open_.volume.first != first or is_again:
            if open_ is not None:
                open_.volume.close()
                self._open = None
            volume = Volume(self._folder, first)
            try:
                self._open = open_ = _opened(volume, self._columns)
            except BaseException:
                volume.close()
                raise
        else:
            open_.volume.look()
        return open_

    def _state(self, open_: _Open, tid: int) -> tuple[int, State]:
        """The next eid and the state at the end of a turn, played from the nearest turn before it that is known."""
        keyframe = open_.volume.keyframe(tid)
        first, at = open_.volume.first, tid
        while at > keyframe.tid and (first, at) not in self._states:
            at -= 1
        found = self._states.get((first, at))
        known = self._keyframe(open_, keyframe) if found is None else found
        while at < tid:
            at += 1
            known = self._play(open_, at, *known)
            self._keep((first, at), known)
        next_eid, state = known
        wanted = open_.turns[tid].said
        if (next_eid, hash_in_order(state, tid, next_eid)) != (wanted["next_eid"], wanted["state"]):
            self._forget(first)
            raise _inexact(tid, "its state is another one than it was")
        return known

    def _keyframe(self, open_: _Open, place: Place) -> tuple[int, State]:
        entry = open_.volume.read(place)
        tables = {name: entry.table(name, open_.rows.schema(name)) for name in STATE}
        return int(open_.turns[place.tid].said["next_eid"]), state_of(tables)

    def _play(self, open_: _Open, tid: int, next_eid: int, state: State) -> tuple[int, State]:
        for each in open_.turns[tid].said["spawned"]:
            entity = Spawned(**each)
            state, next_eid = _with(state, entity), entity.eid + 1
        roster = next(table for since, table in reversed(open_.rosters) if since <= tid)
        laws, player = open_.laws, self._player
        result = player.play(state, laws, self._roster(roster), open_.limits, tid=tid, next_eid=next_eid)
        packed = pack_turn(
            result.ships,
            result.new_ships,
            state.nodes,
            result.node_energy,
            result.new_nodes,
            laws.bounds(),
            player.crew,
        )
        ships = Unpacking("ship", [packed.ships.read_only()]).ships(player.crew)
        nodes = Unpacking("node", [packed.nodes.read_only()]).nodes(player.crew)
        return result.next_eid, State(ships, nodes)

    def _roster(self, rows: pa.Table) -> Roster:
        strategies = []
        for row in rows.to_pylist():
            export = row["export"]
            guest = None if export is None else self._guest(row["sha256"], export)
            strategies.append(
                Strategy(
                    row["strategy_id"],
                    row["name"],
                    row["is_enabled"],
                    row["status"],
                    guest,
                    row["budget_fuel"],
                )
            )
        return Roster(strategies)

    def _guest(self, sha256: str, export: str) -> AnyGuest:
        guest = self._guests.get((sha256, export))
        if guest is None:
            if len(self._guests) >= GUESTS_MAX:
                self._guests.clear()
            guest = self._guests[sha256, export] = load_guest(self._folder, sha256, export)[0]
        return guest

    def _keep(self, key: tuple[int, int], known: tuple[int, State]) -> None:
        self._states[key] = known
        self._states_bytes += _bytes_of(known[1])
        while self._states_bytes > STATES_BYTES_MAX and len(self._states) > 1:
            _, (_, state) = self._states.popitem(last=False)
            self._states_bytes -= _bytes_of(state)

    def _forget(self, first: int) -> None:
        for key in [key for key in self._states if key[0] == first]:
            self._states_bytes -= _bytes_of(self._states.pop(key)[1])


def _opened(volume: Volume, columns: TableColumns) -> _Open:
    """A volume at its base; raises PastError if it is damaged, was played by something else than this or has other tables."""
    volume.look()
    first = volume.first
    if not volume.places:
        raise PastError(f"what is kept of turn {first} and those after it is damaged")
    base = volume.read(volume.places[0])
    if base.said["made_by"] != made_by():
        raise PastError(
            f"turn {first} and those after it were played by {base.said['made_by']}, and this is {made_by()}"
        )
    if (other := other_columns(base, columns)) is not None:
        raise PastError(f"turn {first} and those after it were kept by a version with other tables: {other}")
    limits = GuestSettings(**RecordedLimits.model_validate(base.said["limits"]).model_dump())
    rows = Rows(base)
    return _Open(
        volume,
        Laws(**base.said["laws"]),
        guest_limits(limits),
        rows,
        tuple(base.said["modules"]),
        [(first, rows.tables()["strategy"])],
        {first: _plain(base)},
    )


def _plain(entry: Entry) -> Entry:
    """An entry without its rows."""
    return Entry(entry.kind, entry.tid, entry.said, {})


def _bytes_of(state: State) -> int:
    return sum(column.nbytes for columns in state for column in columns)


def _inexact(tid: int, why: str) -> PastError:
    return PastError(f"turn {tid} cannot be played again exactly, so it is not shown: {why}")


def _with(state: State, entity: Spawned) -> State:
    """A state with what a command spawned, at the place that it has in a sorted one."""
    command = SpawnEntity(entity.sid, entity.kind, entity.x, entity.y, None)
    system = spawned(of_system(state, entity.sid), command, entity.eid, entity.strategy_id)
    return State(
        _replaced(state.ships, system.ships, entity.sid), _replaced(state.nodes, system.nodes, entity.sid)
    )


def _replaced(columns: Columns, system: Columns, sid: int) -> Columns:
    joined = with_system(columns, system, sid)
    for column in joined:
        column.setflags(write=False)  # as in every state: the kernels are not compiled for anything else
    return joined
