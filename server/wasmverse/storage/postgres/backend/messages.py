"""What the driver of a turn and its shards tell each other: the task, summaries, decisions, and accounts.

A shard plays its blocks by the task and answers with their summaries; `universe.deal` makes decisions of all summaries; with its
own ones the shard ends the turn and answers with the accounts of its blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.errors import StateError
from wasmverse.storage.postgres.backend.codec import Array, decode, encode
from wasmverse.strategies.calls import Call
from wasmverse.strategies.roster import Roster, Strategy
from wasmverse.universe.deal import Decision, Summary
from wasmverse.universe.faulted import Fault
from wasmverse.universe.finish import BlockAccount
from wasmverse.universe.printed import Printed
from wasmverse.universe.result import Events
from wasmverse.universe.state import Ships
from wasmverse.universe.turn import Laws
from wasmverse.wasm.limits import Limits


class RosterRow(NamedTuple):
    """What a turn needs of a row of ``strategy``: which export of which module flies under which name and id."""

    strategy_id: int
    name: str
    sha256: str
    export: str
    is_enabled: bool
    status: str
    budget_fuel: int | None


@dataclass(frozen=True, slots=True)
class Task:
    """All that a shard must know of a turn beside its own rows.

    tid : the turn that is to be played
    row_systems : so many neighbouring systems are in a row
    modules, codes : the relations that have the modules, and what these were compiled to
    """

    tid: int
    laws: Laws
    row_systems: int
    strategies: Sequence[RosterRow]
    limits: Limits
    modules: str = "strategy_module"
    codes: str = "compiled_module"

    def roster(self) -> Roster:
        """The strategies without their guests: enough for whoever decides, but does not play."""
        return Roster(
            [
                Strategy(row.strategy_id, row.name, row.is_enabled, row.status, None, row.budget_fuel)
                for row in self.strategies
            ]
        )

    def encoded(self) -> bytes:
        """As bytes."""
        value = {
            "tid": self.tid,
            "laws": _fields(self.laws),
            "row_systems": self.row_systems,
            "strategies": [list(row) for row in self.strategies],
            "limits": _fields(self.limits),
            "modules": self.modules,
            "codes": self.codes,
        }
        return encode(value, {})

    @classmethod
    def decoded(cls, data: bytes) -> Task:
        """From bytes. Raises StateError."""
        value, _ = decode(data)
        try:
            return cls(
                int(value["tid"]),
                Laws(**value["laws"]),
                int(value["row_systems"]),
                [RosterRow(*row) for row in value["strategies"]],
                Limits(**value["limits"]),
                str(value["modules"]),
                str(value["codes"]),
            )
        except (TypeError, KeyError, ValueError) as error:
            raise StateError(
                f"a turn's task cannot be read: {error!r}: run one version of Wasmverse"
            ) from None


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def encode_summaries(summaries: Sequence[Summary]) -> bytes:
    """Summaries of at least one block."""
    arrays = {
        name: np.array([getattr(summary, name) for summary in summaries])
        for name in (
            "first_sid", "counts", "tally", "has_faulted", "fuel", "seconds", "made_seconds", "phase_seconds",
        )
    }  # fmt: skip
    reasons = [list(summary.reasons.items()) for summary in summaries]
    return encode(reasons, arrays)


def decode_summaries(data: bytes) -> list[Summary]:
    """What `encode_summaries` was given. Raises StateError."""
    reasons, arrays = decode(data)
    return [
        Summary(
            int(arrays["first_sid"][number]),
            arrays["counts"][number],
            arrays["tally"][number],
            arrays["has_faulted"][number],
            {int(slot): str(reason) for slot, reason in reasons[number]},
            arrays["fuel"][number],
            arrays["seconds"][number],
            arrays["made_seconds"][number],
            tuple(arrays["phase_seconds"][number].tolist()),
        )
        for number in range(len(reasons))
    ]


def encode_decisions(tid: int, decisions: Mapping[int, Decision]) -> bytes:
    """Decisions of at least one block of a turn, by what its rows have as their block."""
    keys, decided = list(decisions), list(decisions.values())
    arrays = {
        "keys": np.array(keys, np.int64),
        "first_ship_eid": np.array([decision.first_ship_eid for decision in decided], np.int64),
        "first_node_eid": np.array([decision.first_node_eid for decision in decided], np.int64),
        "tells_fault": np.array([decision.tells_fault for decision in decided]),
        "slots": np.concatenate([decision.slots for decision in decided]),
        "lengths": _lengths(decision.slots for decision in decided),
    }
    return encode(tid, arrays)


def decode_decisions(data: bytes) -> tuple[int, dict[int, Decision]]:
    """What `encode_decisions` was given. Raises StateError."""
    tid, arrays = decode(data)
    slots = _parted(arrays["slots"], arrays["lengths"])
    return int(tid), {
        int(key): Decision(
            int(arrays["first_ship_eid"][number]),
            int(arrays["first_node_eid"][number]),
            slots[number],
            arrays["tells_fault"][number],
        )
        for number, key in enumerate(arrays["keys"])
    }


_SHIPS = "ship_"
"""Begins the names of the columns of notable ships."""

GROUPS = 4
"""So many groups of events has a `BlockAccount`."""


def encode_accounts(accounts: Sequence[BlockAccount]) -> bytes:
    """Accounts of at least one block: all events one after the other, and how many each group of each block has; so ships."""
    groups = [
        events
        for account in accounts
        for events in (account.seen, account.faults, account.ships_spawned, account.nodes_spawned)
    ]
    arrays: dict[str, Array] = {
        name: np.concatenate(parts)
        for name, parts in zip(Events._fields, zip(*groups, strict=True), strict=True)
    }
    arrays["lengths"] = _lengths(events.sid for events in groups)
    ships = zip(*(account.notable for account in accounts), strict=True)
    arrays |= {_SHIPS + name: np.concatenate(parts) for name, parts in zip(Ships._fields, ships, strict=True)}
    arrays["notable"] = _lengths(account.notable.sid for account in accounts)
    printed = [
        [[slot, of.eids, of.lines, of.dropped] for slot, of in account.printed.items()]
        for account in accounts
    ]
    inputs = [
        [[slot, *_without_bytes(fault)] for slot, fault in account.inputs.items()] for account in accounts
    ]
    blobs = [
        np.frombuffer(blob, np.uint8)
        for account in accounts
        for fault in account.inputs.values()
        for blob in (fault.asked.seen, fault.calls)
    ]
    arrays["blobs"] = np.concatenate([np.zeros(0, np.uint8), *blobs])
    arrays["blob_lengths"] = _lengths(blobs)
    return encode([printed, inputs], arrays)


def decode_accounts(data: bytes) -> list[BlockAccount]:
    """What `encode_accounts` was given. Raises StateError."""
    (printed, inputs), arrays = decode(data)
    blobs = iter(_parted(arrays["blobs"], arrays["blob_lengths"]) if len(arrays["blob_lengths"]) else [])
    columns = [_parted(arrays[name], arrays["lengths"]) for name in Events._fields]
    groups = [Events._make(parts) for parts in zip(*columns, strict=True)]
    of_ships = [_parted(arrays[_SHIPS + name], arrays["notable"]) for name in Ships._fields]
    accounts = []
    for number, of in enumerate(printed):
        seen, faults, ships_spawned, nodes_spawned = groups[GROUPS * number : GROUPS * (number + 1)]
        lines = {int(slot): Printed(eids, texts, dropped) for slot, eids, texts, dropped in of}
        notable = Ships._make(column[number] for column in of_ships)
        asked = {
            int(slot): _with_bytes(values, next(blobs).tobytes(), next(blobs).tobytes())
            for slot, *values in inputs[number]
        }
        accounts.append(BlockAccount(seen, faults, ships_spawned, nodes_spawned, lines, notable, asked))
    return accounts


def _without_bytes(fault: Fault) -> list[Any]:
    return list(fault._replace(asked=list(fault.asked[:-1]), calls=None))  # type: ignore[arg-type]


def _with_bytes(values: list[Any], seen: bytes, calls: bytes) -> Fault:
    fault = Fault(*values)
    return fault._replace(asked=Call._make((*fault.asked, seen)), calls=calls)


def _lengths(parts: Iterable[Array]) -> NDArray[np.int64]:
    return np.array([len(part) for part in parts], np.int64)


def _parted(joined: Array, lengths: Array) -> list[Array]:
    """Arrays that were joined one after the other."""
    if len(lengths) == 0 or lengths.min() < 0 or lengths.sum() != len(joined):
        raise StateError(
            f"{len(joined):,} values are not the parts of {lengths.tolist()} values: run one version of Wasmverse"
        )
    ends = [0, *np.cumsum(lengths).tolist()]
    return [joined[begin:end] for begin, end in pairwise(ends)]
