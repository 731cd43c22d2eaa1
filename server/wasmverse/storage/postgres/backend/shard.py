"""A turn of some blocks of a universe, beside the rows that they are in: played, held, and settled once all shards are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.errors import StateError
from wasmverse.storage.postgres.backend.guests import SessionGuests
from wasmverse.storage.postgres.backend.messages import Task
from wasmverse.storage.postgres.backend.statements import Connection, is_as_written, read_block, write_block
from wasmverse.strategies.roster import Roster
from wasmverse.universe.block import Block, BlockResult
from wasmverse.universe.crew import Crew
from wasmverse.universe.deal import Decision, Summary, deal
from wasmverse.universe.finish import BlockAccount, BlockEnd, finish
from wasmverse.universe.genesis import populate
from wasmverse.universe.packed import PackedState, pack_state, pack_turn
from wasmverse.universe.state import Nodes
from wasmverse.universe.turn import Laws, TurnPlayer
from wasmverse.universe.unpacked import Unpacking, split_blobs
from wasmverse.wasm.limits import Limits

ALONE = Crew(1)


class BlockKey(NamedTuple):
    """A block in a relation. ``block`` is what its rows have as their block; which systems it has, the rows say."""

    relation: str
    block: int


class _Rows(NamedTuple):
    """The rows of a block as they are read: first sids, big-endian, and the blobs of all systems one after the other."""

    first_sids: bytes
    ships: bytes
    nodes: bytes


class _Written(NamedTuple):
    """A block as this session has written it, in a transaction or a part of one that every row names as its own."""

    sids: NDArray[np.uint32]
    packed: PackedState
    rows: int
    xid: str


class _Played(NamedTuple):
    """A block that was played, and whose end is not decided."""

    block: Block
    result: BlockResult


class Shard:
    """What a session holds of the turn that is played: nothing of it is written before `settle`.

    What a session has written it does not read again: the next turn only looks whether all rows of a block are still those.
    """

    def __init__(self, player: TurnPlayer, guests: SessionGuests) -> None:
        self._player = player
        self._guests = guests
        self._task: Task
        self._roster: Roster
        self._played: dict[BlockKey, _Played] = {}
        self._written: dict[BlockKey, _Written] = {}

    def play(self, task: Task, keys: Sequence[BlockKey], connection: Connection) -> list[Summary]:
        """Play blocks as far as it can be done without the others; their summaries, in this order.

        What was held of another turn, or of an earlier attempt at these blocks, is forgotten.

        Raises
        ------
        StateError : rows are not those of the blocks, or a module cannot fly.
        """
        if not self._holds(task):
            self._played = {}
            self._task, self._roster = task, self._guests.roster(task, connection)
        turn = task.laws.turn(task.tid, self._roster)

        def play_one(key: BlockKey, rows: _Rows | _Written) -> _Played:
            block = _unpacked(key, rows, task)
            return _Played(block, self._player.play_block(block, self._roster, turn, task.limits))

        rows = (_read(key, self._written.pop(key, None), connection) for key in keys)
        if self._player.threads == 1:  # a block's rows are forgotten before those of the next are read
            played = [play_one(key, of) for key, of in zip(keys, rows, strict=True)]
        else:
            played = self._player.crew.map(play_one, keys, rows)
        self._played |= zip(keys, played, strict=True)
        return [each.result.summary() for each in played]

    def settle(
        self, tid: int, keys: Sequence[BlockKey], decisions: Sequence[Decision], connection: Connection
    ) -> list[BlockAccount]:
        """End the turn of blocks that were played here, and write their rows; what is told of each, in this order.

        Raises
        ------
        StateError : they were not played here, or rows are gone; nothing may be committed then.
        """
        played = [self._take(tid, key) for key in keys]
        task, roster = self._task, self._roster

        def end(of: _Played, decision: Decision) -> tuple[BlockAccount, PackedState]:
            ended = finish(of.result, decision, roster)
            return ended.account, _packed(of.block, ended)

        accounts = []
        ended = self._ended(end, played, decisions)
        for key, of, (account, packed) in zip(keys, played, ended, strict=True):
            self._written[key] = _write(key, of.block.sids, packed, task.row_systems, connection)
            accounts.append(account)
        return accounts

    def _holds(self, task: Task) -> bool:
        return bool(self._played) and self._task == task

    def _ended(self, end: Any, played: Sequence[_Played], decisions: Sequence[Decision]) -> Iterator[Any]:
        if self._player.threads == 1:
            return (end(*each) for each in zip(played, decisions, strict=True))
        return iter(self._player.crew.map(end, played, decisions))

    def _take(self, tid: int, key: BlockKey) -> _Played:
        if not self._played or self._task.tid != tid or key not in self._played:
            raise StateError(
                f"block {key.block} of turn {tid} was not played in this session: play the turn again"
            )
        return self._played.pop(key)


def warm_up(player: TurnPlayer) -> None:
    """Load or compile every kernel, by a turn of a tiny universe nobody flies in: no turn that is waited for does it then."""
    laws, roster = Laws(seed=1, systems=1, ships_min=1, nodes_min=1, block_systems=1), Roster([])
    ships, nodes, next_eid = populate(1, 1, 1, 1, [1])
    packed = pack_state(ships, nodes, 1, ALONE)
    first_sids = np.ones(1, ">i4").tobytes()
    rows = _Rows(first_sids, packed.ships.data.tobytes(), packed.nodes.data.tobytes())
    task = Task(1, laws, 1, [], Limits(1, 1, 1, 1))
    block = _unpacked(BlockKey("", 0), rows, task)
    result = player.play_block(block, roster, laws.turn(1, roster), task.limits)
    (decision,) = deal([result.summary()], roster, next_eid).decisions
    _packed(block, finish(result, decision, roster))


def _read(key: BlockKey, written: _Written | None, connection: Connection) -> _Rows | _Written:
    if written is not None:
        ((rows, is_written),) = connection.rows(is_as_written(key.relation), [key.block, written.xid])
        if is_written and rows == written.rows:
            return written
    ((first_sids, ships, nodes),) = connection.rows(read_block(key.relation), [key.block])
    if first_sids is None:
        raise StateError(f"{key.relation} has no row of block {key.block}: restore a copy of the universe")
    return _Rows(first_sids, ships, nodes)


def _unpacked(key: BlockKey, rows: _Rows | _Written, task: Task) -> Block:
    if isinstance(rows, _Written):
        sids = rows.sids
        ships, nodes = rows.packed.ships.read_only(), rows.packed.nodes.read_only()
    else:
        sids = _sids(key, np.frombuffer(rows.first_sids, ">i4"), task.laws, task.row_systems)
        first_sid, systems = int(sids[0]), len(sids)
        ships = split_blobs("ship", np.frombuffer(rows.ships, np.uint8), systems, first_sid)
        nodes = split_blobs("node", np.frombuffer(rows.nodes, np.uint8), systems, first_sid)
    return Block(
        sids,
        Unpacking("ship", [ships], int(sids[0])).ships(ALONE),
        Unpacking("node", [nodes], int(sids[0])).nodes(ALONE),
    )


def _sids(key: BlockKey, found: NDArray[Any], laws: Laws, row_systems: int) -> NDArray[np.uint32]:
    """The sids of a block whose rows begin with these.

    Raises
    ------
    StateError : no block has just these rows in this order.
    """
    first = (int(found[0]) - 1) // laws.block_systems * laws.block_systems + 1
    last = min(first + laws.block_systems - 1, laws.systems)
    expected = np.arange(first, last + 1, row_systems)
    if len(found) != len(expected) or (found != expected).any():
        raise StateError(
            f"block {key.block} has {len(found):,} rows in {key.relation}, which begin with the systems "
            f"{found[:8].tolist()}...; there must be one for every {row_systems} systems from {first} to {last}: "
            "restore a copy of the universe"
        )
    return np.arange(first, last + 1, dtype=np.uint32)


def _packed(block: Block, end: BlockEnd) -> PackedState:
    parts: Iterable[Any] = zip(end.dead, end.new_nodes, strict=True)
    new_nodes = Nodes._make(map(np.concatenate, parts))
    bounds = np.array([0, len(block.sids)])
    return pack_turn(
        [end.ships], end.new_ships, block.nodes, end.node_energy, new_nodes, bounds, ALONE, int(block.sids[0])
    )


def _write(
    key: BlockKey, sids: NDArray[np.uint32], packed: PackedState, row_systems: int, connection: Connection
) -> _Written:
    cuts: list[str] = []
    for blobs in packed:
        ends = np.append(blobs.offsets[:-1:row_systems], blobs.offsets[-1])
        cuts += _array(ends[:-1] + 1), _array(np.diff(ends))
    first_sid, rows = int(sids[0]), len(ends) - 1
    values = [
        key.block,
        first_sid,
        row_systems,
        packed.ships.data.tobytes(),
        packed.nodes.data.tobytes(),
        *cuts,
    ]
    ((changed, xid),) = connection.rows(write_block(key.relation), values)
    if changed != rows:
        raise StateError(
            f"block {key.block} of {key.relation} has {rows:,} rows, of which {changed:,} were found again: "
            "the turn is not committed; find out who else writes to the table"
        )
    return _Written(sids, packed, rows, xid)


def _array(values: NDArray[np.int64]) -> str:
    """The text of an array of PostgreSQL."""
    return f"{{{str(values.tolist())[1:-1]}}}"
