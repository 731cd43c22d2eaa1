"""A file that others wrote to is refused at the start, with the row and the remedy; what they may change is not."""

import hashlib
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tests.functions.builder import function_command
from tests.storage.builder import RECORD, fill, random_result, read
from tests.storage.by_hand import change_by_hand
from wasmverse.commands import Author
from wasmverse.errors import StateError
from wasmverse.storage import function_store, strategy_store, version_store
from wasmverse.storage.audit import CHECKS, audit, audit_state
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.history import History
from wasmverse.storage.duckdb.position import settle_position, write_position
from wasmverse.storage.records import TurnRows

MODULE = b"\0asm\1\0\0\0"
OLDER = MODULE + b"\0\2\1x"


@pytest.fixture
def path(tmp_path: Path, untouched: Path) -> Path:
    """A file for each test to change."""
    return Path(shutil.copy(untouched, tmp_path / "universe.duckdb"))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a universe at turn 1, of 3 systems with 4 ships and 6 nodes each: eids 1..30, next 31."""
    path = tmp_path_factory.mktemp("audit") / "universe.duckdb"
    database = Database.open(path)
    fill(database)
    with database.transaction() as transaction:
        for name, module in (("strategy_one", MODULE), ("mine", OLDER), ("mine", MODULE)):
            digest = hashlib.sha256(module).hexdigest()
            version_store.keep_replaced(transaction, [name], digest, 0)
            strategy_store.store_strategies(
                transaction,
                module,
                {name: "decide"},
                sha256=digest,
                language="C",
                author=Author.named("ada"),
                now=1.0,
            )
        function_store.store_function(transaction, function_command("gain"), 1.0, 8)
        result = random_result(np.random.default_rng(1), 1, read(transaction), events=2)
        History(9, 9, 9, 9).append(transaction, result, RECORD, TurnRows.of(result))
        write_position(transaction, 1, 31)
    database.close()
    return path


def change(path: Path, statements: str) -> None:
    with duckdb.connect(str(path)) as connection:
        change_by_hand(connection, *statements.split("; "))


def opened(path: Path) -> None:
    database = Database.open(path)
    try:
        with database.transaction() as transaction:
            settle_position(transaction)
            audit(transaction)
            stored = read(transaction)
            ids = [row.strategy_id for row in strategy_store.read_strategies(transaction)]
            audit_state(stored.state, stored.next_eid, ids)
    finally:
        database.close()


def test_a_universe_that_nobody_touched_is_fine(path: Path) -> None:
    opened(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ships SET x = 42, energy = 65535 WHERE eid = 1",
        "DELETE FROM nodes",
        "DELETE FROM ships",
        "UPDATE universe SET next_eid = 1000000",
        "INSERT INTO nodes VALUES (3, 999999, 1, 1, 5); UPDATE universe SET next_eid = 1000000",
        "DELETE FROM turn_record; DELETE FROM event_batch",
        "UPDATE turn_record SET strategies = NULL",
        "UPDATE strategy SET status = 'removed', is_enabled = false",
    ],
)
def test_what_others_may_change_is_taken_as_it_is(path: Path, statement: str) -> None:
    change(path, statement)
    opened(path)


NOBODY = "list_transform(strategies, lambda of: struct_update(of, strategy := 'nobody'))"
TURN_2_TWICE = "INSERT INTO turn_record SELECT t.* REPLACE (2 AS tid) FROM turn_record AS t, range(2)"
NO_FUEL = "list_transform(strategies, lambda of: struct_update(of, fuel := NULL::BIGINT))"

BROKEN = [
    ("INSERT INTO universe SELECT * FROM universe", "universe has 2 rows; it has one"),
    ("UPDATE universe SET systems = 0", "universe has systems 0; allowed is 1..250000: correct the row"),
    ("UPDATE universe SET block_systems = 0", "universe has block_systems 0; allowed is 1..250000"),
    ("UPDATE turn_record SET next_eid = NULL; UPDATE universe SET tid = -1", "universe has tid -1; allowed is 0.."),
    ("UPDATE solar_system SET sid = 9 WHERE sid = 3", "solar_system 9 lies at "),
    ("UPDATE solar_system SET x = 500 WHERE sid = 2", "solar_system 2 lies at (500, "),
    ("INSERT INTO solar_system VALUES (2, 1, 1)", "solar_system 2 is there 2 times"),
    ("DELETE FROM solar_system WHERE sid = 2", "solar_system has 2 rows, but the universe has 3 systems"),
    ("UPDATE ships SET energy = 0 WHERE eid = 12",
     "the ships of system 2 cannot be read: ship 12 has energy 0; allowed is 1..65535; restore a copy"),
    ("UPDATE nodes SET eid = 31 WHERE eid = 6", "node 31 has an eid that was never given; the next is 31"),
    ("UPDATE ships SET eid = 0 WHERE eid = 1",
     "the ships of system 1 cannot be read: ship 0 comes after 0; eids ascend from 1 to "),
    ("UPDATE universe SET next_eid = 12", "ship 12 has an eid that was never given; the next is 12"),
    ("UPDATE ships SET eid = 13 WHERE eid = 12",
     "the ships of system 2 cannot be read: ship 13 comes after 13; eids ascend from 1 to "),
    ("UPDATE ships SET eid = 2 WHERE eid = 12", "eid 2 is there 2 times (ship in system 1, ship in system 2)"),
    ("UPDATE nodes SET eid = 13 WHERE eid = 6", "eid 13 is there 2 times (ship in system 2, node in system 1)"),
    ("INSERT INTO ships SELECT * REPLACE (3 AS sid) FROM ships WHERE eid = 1", "eid 1 is there 2 times"),
    ("UPDATE strategy SET strategy_id = 65000 WHERE name = 'mine'", "strategy 'mine' has strategy_id 65000"),
    ("UPDATE strategy SET strategy_id = 1", "strategy_id 1 is there 2 times"),
    ("UPDATE strategy SET name = 'mine'", "strategy 'mine' is there 2 times"),
    ("UPDATE strategy SET name = 'My own' WHERE name = 'mine'", "strategy 'My own' has a name that none can have"),
    ("UPDATE strategy SET status = 'lost' WHERE name = 'mine'", "strategy 'mine' has status 'lost'"),
    ("DELETE FROM strategy_module", "strategy 'mine' has 0 modules with sha256 93a44bbb"),
    ("INSERT INTO strategy_module SELECT * FROM strategy_module", "strategy 'mine' has 2 modules"),
    ("UPDATE strategy_module SET module = 'x'::blob", "the module 93a44bbb"),
    ("UPDATE strategy_version SET version = 9", "strategy_version has version 9 of 'mine', which no strategy is a later"),
    ("INSERT INTO strategy_version SELECT * FROM strategy_version", "strategy_version has version 1 of 'mine' 2 times"),
    ("DELETE FROM strategy_version_module", "version 1 of strategy 'mine' has 0 modules with sha256 "),
    ("UPDATE strategy_version_module SET module = 'x'::blob", "the module "),
    ("UPDATE strategy_version SET replaced_tid = 2", "strategy_version has a row with replaced_tid 2; the last turn is 1"),
    ("UPDATE ships SET strategy_id = 7 WHERE eid = 3", "ship 3 has strategy_id 7, which no strategy has"),
    ("UPDATE wasm_function SET name = 'No'", "wasm_function 'No' has a name that none can have"),
    ("UPDATE wasm_function SET version = 0", "wasm_function gain(DOUBLE, DOUBLE) has version 0 1 times"),
    ("UPDATE wasm_function SET is_current = false", "wasm_function gain(DOUBLE, DOUBLE) has 0 current versions"),
    ("INSERT INTO wasm_function SELECT * REPLACE ('eve' AS owner, 'X' AS parameters) FROM wasm_function",
     "wasm_function 'gain' has 1 kinds and 2 owners"),
    ("DELETE FROM wasm_function_module", "wasm_function 'gain' has 0 modules with sha256 "),
    ("UPDATE wasm_function_module SET module = 'x'::blob", "the module "),
    ("UPDATE turn_record SET tid = 2, next_eid = NULL", "turn_record has a row of turn 2; the last one is 1: remove the row"),
    ("INSERT INTO event_batch SELECT 5, names, events FROM turn_record", "event_batch has a row of turn 5; the last one is 1"),
    (
        "INSERT INTO strategy_log VALUES (7, 'strategy_flee', 1, 'later', 0)",
        "strategy_log has a row of turn 7; the last one is 1",
    ),
    (
        "INSERT INTO strategy_fault VALUES (1, 7, 'strategy_flee', 1, 1, 1, 'x', NULL, 1, 1, 1, 1, 1, 1, 1, 1, ''::blob, 1, "
        "1, 1, 0, ''::blob)",
        "strategy_fault has a row of turn 7; the last one is 1",
    ),
    ("INSERT INTO message VALUES (7, 'ada', 'later')", "message has a row of turn 7; the last one is 1"),
    ("INSERT INTO turn_record SELECT * FROM turn_record", "turn_record has turn 1 2 times"),
    (f"UPDATE universe SET tid = 2; {TURN_2_TWICE}", "turn_record has turn 2 2 times"),
    ("UPDATE turn_record SET strategies = list_append(strategies, NULL)", "turn_record has a NULL within strategies in turn 1"),
    (f"UPDATE turn_record SET strategies = {NO_FUEL}", "turn_record has a NULL within strategies in turn 1"),
    ("UPDATE turn_record SET strategies = strategies || strategies", "turn_record has 'mine' 2 times within strategies in"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "message"), BROKEN, ids=[statement for statement, _ in BROKEN])
def test_a_row_that_others_broke_is_named(path: Path, statement: str, message: str) -> None:
    change(path, statement)
    before = path.read_bytes()
    with pytest.raises(StateError) as error:
        opened(path)
    assert error.value.message.startswith(message)
    assert ": " in error.value.message
    assert "\n" not in error.value.message
    assert path.read_bytes() == before


def test_every_check_has_been_seen_to_refuse(path: Path) -> None:
    """Each of them finds what another one does not."""
    seen = set()
    for statement, _ in BROKEN:
        copy = path.with_name("copy.duckdb")
        copy.write_bytes(path.read_bytes())
        change(copy, statement)
        database = Database.open(copy)
        with database.transaction() as transaction:
            seen |= {next((check for check in CHECKS if transaction.run_text(check.query)), None)}
        database.close()
    assert seen == {*CHECKS, None}
