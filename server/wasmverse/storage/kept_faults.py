"""The newest faults of each strategy, with what its call was given: few rows, which most turns do not touch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from wasmverse.storage import schema
from wasmverse.storage.arrow import arrow_schema
from wasmverse.storage.rolling_rows import PRUNE_TURNS
from wasmverse.storage.transaction import Transaction
from wasmverse.universe.faulted import Fault
from wasmverse.universe.result import TurnAccount

FAULTS_KEPT = 8
"""Of each strategy."""
FAULTS_MAX = 512
"""Of all strategies together: some megabytes."""
SAME_TURNS = 16
"""Turns for which a fault for the reason of the one before is not kept again: it would push out the others, and every turn of
a strategy that always faults would cost a statement."""

FAULT_TYPE = arrow_schema(schema.strategy_fault)


class KeptFaults:
    """The rows of ``strategy_fault``, oldest first.

    rows : for snapshots; the same table as long as nothing has changed
    last_id : of the newest fault that was ever kept
    """

    def __init__(self) -> None:
        self.rows = FAULT_TYPE.empty_table()
        self.last_id = 0
        self._surplus = 0
        self._newest: dict[str, tuple[int, int, str]] = {}

    def load(self, rows: pa.Table) -> None:
        """Take up what is stored, as far as it is within the bounds."""
        self.rows, self.last_id, self._surplus, self._newest = FAULT_TYPE.empty_table(), 0, 0, {}
        self.add(rows.sort_by("fault_id"))

    def add(self, rows: pa.Table) -> None:
        """Take over rows that are stored, newer than all that are known."""
        if not rows.num_rows:
            return
        joined = pa.concat_tables([self.rows, rows.cast(FAULT_TYPE)]).combine_chunks()
        strategies: list[Any] = joined["strategy"].to_pylist()
        kept = _within_bounds(strategies)
        self._surplus += joined.num_rows - len(kept)
        self.rows = joined if len(kept) == joined.num_rows else joined.take(pa.array(kept))
        self.last_id = self.rows["fault_id"][-1].as_py()
        columns: list[list[Any]] = [
            self.rows[name].to_pylist() for name in ("strategy", "tid", "version", "reason")
        ]
        names, *newest = columns
        self._newest = dict(zip(names, zip(*newest, strict=True), strict=True))

    def append(self, transaction: Transaction, account: TurnAccount, versions: Mapping[str, int]) -> None:
        """Keep the faults of a turn that are new, and now and then delete what was pushed out."""
        faults = {
            name: fault
            for name, fault in account.inputs.items()
            if not self._is_known(account.tid, name, versions[name], fault)
        }
        if not faults:
            return
        rows = pa.Table.from_pylist(
            [
                {
                    "fault_id": self.last_id + number,
                    "tid": account.tid,
                    "strategy": name,
                    "version": versions[name],
                    **_columns(fault),
                }
                for number, (name, fault) in enumerate(faults.items(), 1)
            ],
            FAULT_TYPE,
        )
        transaction.insert_arrow(schema.strategy_fault, rows)
        self.add(rows)
        if self._surplus >= PRUNE_TURNS:
            table = schema.strategy_fault
            transaction.run(table.delete().where(table.c.fault_id.not_in(self.rows["fault_id"].to_pylist())))
            self._surplus = 0

    def _is_known(self, tid: int, name: str, version: int, fault: Fault) -> bool:
        newest = self._newest.get(name)
        if newest is None:
            return False
        of, version_then, reason = newest
        return version == version_then and tid < of + SAME_TURNS and reason.startswith(fault.why)


def _within_bounds(strategies: list[str]) -> list[int]:
    """The places of the newest rows of each strategy, oldest first."""
    counts: dict[str, int] = {}
    kept: list[int] = []
    for place in range(len(strategies) - 1, -1, -1):
        name = strategies[place]
        counts[name] = counts.get(name, 0) + 1
        if counts[name] <= FAULTS_KEPT and len(kept) < FAULTS_MAX:
            kept.append(place)
    return kept[::-1]


def _columns(fault: Fault) -> dict[str, Any]:
    """What a row has of a fault."""
    return {
        "sid": fault.sid,
        "eid": fault.eid,
        "reason": fault.reason,
        "plan": fault.plan,
        **fault.asked._asdict(),
        "block_row": fault.row,
        "world_seed": fault.world_seed,
        "budget_fuel": fault.budget_fuel,
        "calls_before": fault.calls_before,
        "calls": fault.calls,
    }
