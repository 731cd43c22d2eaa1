"""What a universe must hold before it is played on: others may have written to its file or database meanwhile.

Once at every start: ships and nodes as they have been unpacked, all else in SQL that every engine understands. What every turn
needs (types, grid, shield) is checked where every turn reads: `universe.unpacked`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

import numpy as np

from wasmverse.errors import StateError
from wasmverse.functions.names import NAME_PATTERN as FUNCTION_NAME
from wasmverse.sizes import ENTITIES_MAX_PER_SYSTEM, MAP_SIDE, SYSTEMS_MAX, UPKEEP_MAX
from wasmverse.storage import schema
from wasmverse.storage.event_batch import unpack_events
from wasmverse.storage.unpack_sql import PACKED_EVENTS
from wasmverse.strategies.names import NAME_PATTERN, STRATEGIES_MAX
from wasmverse.universe.state import State

MODULE_HASH = "sha256(module)"
"""In DuckDB's SQL, the SHA-256 of the bytes in ``module`` in hexadecimal digits."""


class Check(NamedTuple):
    """A query for the first row that breaks a rule, and what to say of it: ``{0}``, ``{1}``, ... are its columns."""

    query: str
    message: str


_ANY_IS_NULL = " OR ".join(f"{column.name} IS NULL" for column in schema.STRATEGY_COLUMNS)

CHECKS = (
    Check(
        "SELECT count(*) FROM universe HAVING count(*) <> 1",
        "universe has {0} rows; it has one: remove those that were added",
    ),
    Check(
        f"""SELECT name, value, least, most FROM universe CROSS JOIN LATERAL (VALUES
            ('systems', systems, 1, {SYSTEMS_MAX}), ('ships_min', ships_min, 0, {ENTITIES_MAX_PER_SYSTEM}),
            ('nodes_min', nodes_min, 0, {ENTITIES_MAX_PER_SYSTEM}), ('block_systems', block_systems, 1, {SYSTEMS_MAX}),
            ('upkeep', upkeep, 0, {UPKEEP_MAX}),
            ('seed', seed, 0, {2**63 - 1}), ('tid', tid, 0, {2**62}), ('next_eid', next_eid, 1, {2**62})
            ) AS given(name, value, least, most) WHERE NOT value BETWEEN least AND most""",
        "universe has {0} {1}; allowed is {2}..{3}: correct the row",
    ),
    Check(
        f"""SELECT sid, systems, x, y FROM solar_system, universe
            WHERE NOT sid BETWEEN 1 AND systems OR x >= {MAP_SIDE} OR y >= {MAP_SIDE} ORDER BY sid LIMIT 1""",
        f"solar_system {{0}} lies at ({{2}}, {{3}}); allowed are sid 1..{{1}} and places 0..{MAP_SIDE - 1}: correct the row",
    ),
    Check(
        "SELECT sid, count(*) FROM solar_system GROUP BY sid HAVING count(*) > 1 ORDER BY sid LIMIT 1",
        "solar_system {0} is there {1} times; a system has one place: remove the others",
    ),
    Check(
        "SELECT (SELECT count(*) FROM solar_system), systems FROM universe WHERE systems <> (SELECT count(*) FROM solar_system)",
        "solar_system has {0} rows, but the universe has {1} systems: put back those that are missing",
    ),
    Check(
        f"""SELECT name, strategy_id FROM strategy WHERE NOT strategy_id BETWEEN 1 AND {STRATEGIES_MAX}
            ORDER BY strategy_id LIMIT 1""",
        f"strategy {{0!r}} has strategy_id {{1}}; allowed is 1..{STRATEGIES_MAX}: correct the row",
    ),
    Check(
        "SELECT strategy_id, count(*) FROM strategy GROUP BY strategy_id HAVING count(*) > 1 ORDER BY 1 LIMIT 1",
        "strategy_id {0} is there {1} times; it is unique: remove the other rows",
    ),
    Check(
        "SELECT name, count(*) FROM strategy GROUP BY name HAVING count(*) > 1 ORDER BY name LIMIT 1",
        "strategy {0!r} is there {1} times; a name is unique: remove the other rows",
    ),
    Check(
        f"SELECT name FROM strategy WHERE NOT name ~ '^({NAME_PATTERN})$' ORDER BY name LIMIT 1",
        "strategy {0!r} has a name that none can have; allowed are a lower-case letter, then up to 62 lower-case letters, "
        "digits and '_': correct the row",
    ),
    Check(
        "SELECT name, status FROM strategy WHERE status NOT IN ('flying', 'grounded', 'removed') ORDER BY name LIMIT 1",
        "strategy {0!r} has status {1!r}; allowed is flying, grounded or removed: correct the row",
    ),
    Check(
        """SELECT name, s.sha256, count(m.sha256) FROM strategy s LEFT JOIN strategy_module m ON m.sha256 = s.sha256
            WHERE s.status <> 'removed' GROUP BY name, s.sha256 HAVING count(m.sha256) <> 1 ORDER BY name LIMIT 1""",
        "strategy {0!r} has {2} modules with sha256 {1}; it has one: put back its row in strategy_module",
    ),
    Check(
        "SELECT sha256, sha256(module) FROM strategy_module WHERE sha256 <> sha256(module) ORDER BY sha256 LIMIT 1",
        "the module {0} was changed, its sha256 is {1}: put back the module that was uploaded",
    ),
    Check(
        """SELECT v.strategy, v.version FROM strategy_version v
            LEFT JOIN strategy s ON s.name = v.strategy AND v.version < s.version
            WHERE s.name IS NULL ORDER BY v.strategy, v.version LIMIT 1""",
        "strategy_version has version {1} of {0!r}, which no strategy is a later version of: remove the row",
    ),
    Check(
        """SELECT strategy, version, count(*) FROM strategy_version GROUP BY strategy, version
            HAVING count(*) > 1 ORDER BY strategy LIMIT 1""",
        "strategy_version has version {1} of {0!r} {2} times; each is there once: remove the other rows",
    ),
    Check(
        """SELECT v.strategy, v.sha256, count(m.sha256), v.version FROM strategy_version v
            LEFT JOIN strategy_version_module m ON m.sha256 = v.sha256
            GROUP BY v.strategy, v.version, v.sha256 HAVING count(m.sha256) <> 1 ORDER BY v.strategy LIMIT 1""",
        "version {3} of strategy {0!r} has {2} modules with sha256 {1}; it has one: put back its row in strategy_version_module, "
        "or remove the row in strategy_version",
    ),
    Check(
        "SELECT sha256, sha256(module) FROM strategy_version_module WHERE sha256 <> sha256(module) ORDER BY sha256 LIMIT 1",
        "the module {0} was changed, its sha256 is {1}: put back the module that was uploaded",
    ),
    Check(
        """SELECT replaced_tid, universe.tid FROM strategy_version, universe
            WHERE NOT replaced_tid BETWEEN 0 AND universe.tid ORDER BY replaced_tid DESC LIMIT 1""",
        "strategy_version has a row with replaced_tid {0}; the last turn is {1}: remove the row",
    ),
    Check(
        f"SELECT name FROM wasm_function WHERE NOT name ~ '^({FUNCTION_NAME})$' ORDER BY name LIMIT 1",
        "wasm_function {0!r} has a name that none can have; allowed are a lower-case letter, then up to 62 lower-case letters, "
        "digits and '_': correct the row",
    ),
    Check(
        """SELECT name, parameters, version, count(*) FROM wasm_function GROUP BY name, parameters, version
            HAVING count(*) > 1 OR version < 1 ORDER BY name LIMIT 1""",
        "wasm_function {0}({1}) has version {2} {3} times; versions count from 1, each once: correct the rows",
    ),
    Check(
        """SELECT name, parameters, count(*) FILTER (WHERE is_current) FROM wasm_function GROUP BY name, parameters
            HAVING count(*) FILTER (WHERE is_current) <> 1 ORDER BY name LIMIT 1""",
        "wasm_function {0}({1}) has {2} current versions; it has one: correct the rows",
    ),
    Check(
        """SELECT name, count(DISTINCT kind), count(DISTINCT owner) FROM wasm_function GROUP BY name
            HAVING count(DISTINCT kind) > 1 OR count(DISTINCT owner) > 1 ORDER BY name LIMIT 1""",
        "wasm_function {0!r} has {1} kinds and {2} owners; all functions of a name have one of each: correct the rows",
    ),
    Check(
        """SELECT name, f.sha256, count(m.sha256) FROM wasm_function f LEFT JOIN wasm_function_module m ON m.sha256 = f.sha256
            GROUP BY name, version, parameters, f.sha256 HAVING count(m.sha256) <> 1 ORDER BY name LIMIT 1""",
        "wasm_function {0!r} has {2} modules with sha256 {1}; it has one: put back its row in wasm_function_module",
    ),
    Check(
        "SELECT sha256, sha256(module) FROM wasm_function_module WHERE sha256 <> sha256(module) ORDER BY sha256 LIMIT 1",
        "the module {0} was changed, its sha256 is {1}: put back the module that was sent",
    ),
    *(
        Check(
            f"""SELECT given.tid, universe.tid FROM {table} AS given, universe
                WHERE NOT given.tid BETWEEN {first} AND universe.tid ORDER BY given.tid DESC LIMIT 1""",
            f"{table} has a row of turn {{0}}; the last one is {{1}}: remove the row",
        )
        for table, first in (("turn_record", 1), ("event_batch", 0), ("strategy_log", 1), ("strategy_fault", 1), ("message", 0))
    ),
    Check(
        "SELECT tid, count(*) FROM turn_record GROUP BY tid HAVING count(*) > 1 ORDER BY tid LIMIT 1",
        "turn_record has turn {0} {1} times; each is there once: remove the other rows",
    ),
    Check(
        f"SELECT tid FROM strategy_turn WHERE {_ANY_IS_NULL} ORDER BY tid LIMIT 1",
        "turn_record has a NULL within strategies in turn {0}; a value must stand there: correct the element, or remove it",
    ),
    Check(
        """SELECT tid, strategy, count(*) FROM strategy_turn GROUP BY tid, strategy
            HAVING count(*) > 1 ORDER BY tid LIMIT 1""",
        "turn_record has {1!r} {2} times within strategies in turn {0}; a strategy has one element: remove what is too much",
    ),
)  # fmt: skip


class Transaction(Protocol):
    """What is needed of one of any engine."""

    def run_text(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""


def audit(transaction: Transaction, module_hash: str = MODULE_HASH) -> None:
    """Refuse a universe that others have broken.

    Parameters
    ----------
    module_hash : `MODULE_HASH` in the engine's own SQL.

    Raises
    ------
    StateError : naming the first row that breaks a rule, the rule and the remedy.
    """
    for check in CHECKS:
        found = transaction.run_text(check.query.replace(MODULE_HASH, module_hash))
        if found:
            raise StateError(check.message.format(*found[0]))
    for tid, names, batch in transaction.run_text(PACKED_EVENTS):
        unpack_events(tid, names or "", bytes(batch))


def audit_state(state: State, next_eid: int, strategy_ids: Collection[int]) -> None:
    """Refuse ships and nodes that others have broken: each has an eid of its own that was given, each ship a strategy.

    Raises
    ------
    StateError : naming the entity with the lowest eid that breaks a rule, the rule and the remedy.
    """
    eids = np.concatenate((state.ships.eid, state.nodes.eid))
    order = np.argsort(eids, kind="stable")
    eids = eids[order]
    wrong = np.flatnonzero((eids < 1) | (eids >= next_eid))[:1]
    for row in wrong:
        kind = "ship" if order[row] < len(state.ships.eid) else "node"
        raise StateError(
            f"{kind} {eids[row]} has an eid that was never given; the next is {next_eid}: give it a lower one that is free, "
            "or raise universe.next_eid above it"
        )
    for row in np.flatnonzero(eids[1:] == eids[:-1])[:1]:
        eid = eids[row]
        found = [
            f"{kind} in system {sid}"
            for kind, columns in (("ship", state.ships), ("node", state.nodes))
            for sid in columns.sid[columns.eid == eid]
        ]
        raise StateError(
            f"eid {eid} is there {len(found)} times ({', '.join(found)}); an eid is unique: remove the other rows, or give them "
            "eids that are free"
        )
    known = np.zeros(2**16, np.bool_)
    known[np.array(list(strategy_ids), np.int64)] = True
    unknown = np.flatnonzero(~known[state.ships.strategy_id])
    for row in unknown[np.argsort(state.ships.eid[unknown])][:1]:
        raise StateError(
            f"ship {state.ships.eid[row]} has strategy_id {state.ships.strategy_id[row]}, which no strategy has: correct the "
            "row, or remove it"
        )
