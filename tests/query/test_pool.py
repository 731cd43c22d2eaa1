"""Queries through real reader processes."""

from __future__ import annotations

import asyncio
import datetime
import os
import signal
import time
from pathlib import Path
from typing import Any

import orjson
import psutil
import pyarrow as pa
import pytest

from tests.query.asking import run_query
from tests.query.builder import BIG_PLAN
from tests.query.conftest import RunningPool
from wasmverse.errors import QueryError, QueryOverload, QueryRefused, QueryTimeout, UniverseUnavailable
from wasmverse.query.worker import Worker

MISSED = 3
"""Times that a reader finds no snapshot, in a test: more than there are readers."""

CROSS_JOIN = "select count(*) from range(1000000) a, range(1000000) b where hash(a.range, b.range) = 3"


def columns(pool: RunningPool, sql: str, **options: object) -> list[tuple[str, str]]:
    [result] = orjson.loads(pool.query(sql, **options).body)["results"]
    return [(column["name"], column["dataType"]) for column in result["columns"]]


@pytest.fixture(autouse=True)
def _all_readers_are_ready(request: pytest.FixtureRequest) -> None:
    """Tests end readers, and new ones take a while: each test begins with all of them."""
    if "pool" not in request.fixturenames:
        return
    running: RunningPool = request.getfixturevalue("pool")
    wanted = running.settings.readers + running.settings.reader_spares
    deadline = time.monotonic() + 60
    while running.pool.idle < wanted:
        assert time.monotonic() < deadline, (
            f"{running.pool.idle} of {wanted} readers are ready after a minute"
        )
        time.sleep(0.02)


def test_one_system(pool: RunningPool) -> None:
    rows = pool.rows("select * from entity where sid = ? order by eid", [1])
    assert rows[0] == [1, 1, 1, "strategy_battle", 0, 2, 102, 100, 2, 2, 2, BIG_PLAN]
    assert rows[-1] == [1, 17, 2, None, 4, 99, 50, 0, 0, 0, 0, 0]
    assert len(rows) == 8
    assert columns(pool, "from entity")[-1] == ("last_plan", "UNSIGNED BIGINT")


def test_snapshots_that_are_made_again_are_waited_for(
    pool: RunningPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn that is named is not: it will not come again."""
    ask, asked = pool.pool._dispatcher.ask, list[int]()

    async def too_early(run: Any) -> Any:
        asked.append(run.turn)
        return ({"turn_missing": True}, b"") if len(asked) <= MISSED else await ask(run)

    monkeypatch.setattr(pool.pool._dispatcher, "ask", too_early)
    assert pool.query("select 'made again'").turn == 2
    assert asked == [2] * (MISSED + 1)
    asked.clear()
    with pytest.raises(QueryRefused, match="There is no snapshot of turn 1: turns 1 to 2 are kept"):
        pool.query("select 'made again'", turn=1)
    assert asked == [1]


def test_an_answer_belongs_to_one_turn_and_says_which(pool: RunningPool) -> None:
    assert pool.query("select 1").turn == 2
    assert pool.query("select 1", turn=1).turn == 1
    for turn in (1, 2, 1):
        assert pool.rows("select tid, (select max(y) from entity where kind = 1) from turns", turn=turn) == [
            [turn, turn]
        ]
    with pytest.raises(QueryRefused, match="turns 1 to 2 are kept") as refusal:
        pool.query("select 1", turn=9)
    assert refusal.value.code == 1105


def test_rows_are_objects(pool: RunningPool) -> None:
    body = pool.query("select kind, count(*) c from entity group by kind order by kind", format="rows").body
    assert orjson.loads(body) == {"results": [{"rows": [{"kind": 1, "c": 12}, {"kind": 2, "c": 20}]}]}
    assert pool.query("select 1 where false", format="rows").body == b'{"results":[{"rows":[]}]}'


@pytest.mark.parametrize(
    ("expression", "type_name", "value"),
    [
        ("18446744073709551615::ubigint", "UNSIGNED BIGINT", 2**64 - 1),
        ("(-9223372036854775808)::bigint", "BIGINT", -(2**63)),
        ("1::tinyint", "TINYINT", 1),
        ("true", "TINYINT", 1),
        ("1.5::double", "DOUBLE", 1.5),
        ("'nan'::double", "DOUBLE", None),
        ("1.50::decimal(10, 2)", "DECIMAL", "1.50"),
        ("(select sum(energy) from entity)", "DECIMAL", "2224"),
        ("170141183460469231731687303715884105727::hugeint", "DECIMAL", str(2**127 - 1)),
        ("'Wort \"ü\"'", "VARCHAR", 'Wort "ü"'),
        ("'ab'::blob", "BLOB", "YWI="),
        ("date '2030-01-02'", "DATE", "2030-01-02"),
        ("time '01:02:03'", "TIME", "01:02:03"),
        ("timestamp '2030-01-02 03:04:05.000006'", "DATETIME", "2030-01-02 03:04:05.000006"),
        ("'2030-01-02 03:04:05+00'::timestamptz", "TIMESTAMP", "2030-01-02 03:04:05.000000"),
        ("'{\"a\": [1, null]}'::json", "JSON", {"a": [1, None]}),
        ("[1, 2]", "JSON", [1, 2]),
        ("{'a': 170141183460469231731687303715884105727::hugeint}", "JSON", {"a": str(2**127 - 1)}),
        ("map {1: 2}", "JSON", {"1": 2}),
        ("null", "NULL", None),
        ("interval 90 minute", "VARCHAR", "1:30:00"),
        ("'00000000-0000-0000-0000-000000000001'::uuid", "VARCHAR", "00000000-0000-0000-0000-000000000001"),
        ("decode_plan(339)", "VARCHAR", "Move(East, 3) Memory[01, 00, 00, 00, 00, 00, 00]"),
        ("decode_plan(130)", "VARCHAR", "Upgrade(Harvesters) Memory[00, 00, 00, 00, 00, 00, 00]"),
        ("decode_plan(131)", "VARCHAR", "Invalid() Memory[00, 00, 00, 00, 00, 00, 00]"),
        ("decode_plan(18446744073709551615)", "VARCHAR", "Invalid() Memory[FF, FF, FF, FF, FF, FF, FF]"),
        ("decode_plan(null)", "VARCHAR", None),
        ("sight_reach()", "INT", 16),
    ],
)
def test_types(pool: RunningPool, expression: str, type_name: str, value: object) -> None:
    sql = f"select {expression} as v"
    assert columns(pool, sql) == [("v", type_name)]
    assert pool.rows(sql) == [[value]]


def test_arguments_of_every_json_type(pool: RunningPool) -> None:
    args = [1, 1.5, "a", None, True, [1, 2], {"b": 1}, 2**63]
    assert pool.rows("select ?, ?, ?, ?, ?, ?, ?, ?", args) == [
        [1, 1.5, "a", None, 1, [1, 2], {"b": 1}, 2**63]
    ]
    with pytest.raises(QueryRefused, match="2 '\\?' and 'args' has 1"):
        pool.query("select ?, ?", [1])
    with pytest.raises(QueryRefused, match="0 '\\?' and 'args' has 1"):
        pool.query("select 1", [1])


def test_big_integers_as_strings(pool: RunningPool) -> None:
    assert pool.rows("select max(last_plan), 7::int from entity", big_as_string=True) == [[str(BIG_PLAN), 7]]


def test_arrow_and_csv(pool: RunningPool) -> None:
    sql = (
        "select eid, strategy, energy::decimal(6,1) d, kind = 1 is_ship, [x] l "
        "from entity where sid = 1 order by eid limit 4"
    )
    table = pa.ipc.open_stream(pool.query(sql, format="arrow").body).read_all()
    assert table["strategy"].to_pylist() == ["strategy_battle", "strategy_blank", "strategy_default", None]
    lines = pool.query(sql, format="csv").body.decode().splitlines()
    assert lines[0] == '"eid","strategy","d","is_ship","l"'
    assert lines[1] == '1,"strategy_battle","102.0","1","[0]"'
    assert lines[4] == '13,,"50.0","0","[0]"'


def test_gzip(pool: RunningPool) -> None:
    import zlib

    packed = pool.query("select * from range(1000)", gzip=True)
    plain = pool.query("select * from range(1000)")
    assert packed.is_gzip and not plain.is_gzip
    assert zlib.decompress(packed.body, 31) == plain.body
    assert not pool.query("select 1", gzip=True).is_gzip


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select `sid` from entity order by eid limit 1", 1),
        ('select count(*) from entity where strategy = "strategy_battle"', 4),
        ("select energy :> char from entity order by eid limit 1", "102"),
        ("select ifnull(null, 4)", 4),
        ("select timestampdiff(microsecond, start_time, end_time) from turns", 1500),
    ],
)
def test_the_other_dialect(pool: RunningPool, sql: str, expected: object) -> None:
    for _ in range(2):
        assert pool.rows(sql) == [[expected]]


@pytest.mark.parametrize(
    ("sql", "code", "part"),
    [
        ("selec 1", 1064, 'near "selec"'),
        ("select", 1064, "syntax"),
        ("select bad from entity", 1054, "Unknown column 'bad'"),
        ("select e.bad from entity e", 1054, "'bad'"),
        ("select * from bad", 1146, "Table 'game.bad' doesn't exist"),
        ("select nope(1)", 1305, "FUNCTION game.nope does not exist"),
        ("select sid from entity a, entity b", 1052, "Ambiguous"),
        ("select sid, count(*) from entity", 1055, "GROUP BY"),
        ("select 'x'::int", 1292, "'x'"),
        ("select 200::tinyint + 100::tinyint", 1292, "200"),
        ("insert into entity values (1)", 1142, "INSERT"),
        ("select `a` from checkpoint()", 1142, "checkpoint"),
        ("insert into `entity` values (1)", 1142, "INSERT"),
    ],
)
def test_errors_have_mysql_numbers(pool: RunningPool, sql: str, code: int, part: str) -> None:
    with pytest.raises(QueryError) as error:
        pool.query(sql)
    assert error.value.code == code
    assert part in error.value.message
    assert "\n" not in error.value.message


def test_rows_and_bytes_are_cut_and_it_is_said(tmp_path: Path) -> None:
    running = RunningPool(
        tmp_path, readers=1, reader_spares=0, query_rows_max=15_000, query_bytes_max=100_000
    )
    running.publish(1)
    running.start()
    try:
        for form, bytes_each in (("tuples", 2), ("arrow", 1)):
            whole = running.query("select 1::tinyint from range(15000)", format=form)
            assert (whole.rows, whole.cut) == (15_000, "")
            cut = running.query("select 1::tinyint from range(15001)", format=form)
            assert (cut.rows, cut.cut) == (15_000, "rows"), form
            endless = running.query("select repeat('x', 1000) from range(1000000000000)", format=form)
            assert endless.cut == "bytes"
            assert 90_000 < len(endless.body) < 110_000 * bytes_each
        body = running.query("select repeat('x', 1000) from range(1000)").body
        answer = orjson.loads(body)
        assert answer["truncated"] == "bytes"
        assert running.query("select repeat('x', 1000000)").rows == 0
        text = running.query("select repeat('x', 1000) from range(1000)", format="csv")
        assert text.cut == "bytes" and 90_000 < len(text.body) < 110_000
    finally:
        running.close()


def test_a_query_past_its_time_is_stopped_and_its_reader_lives(pool: RunningPool) -> None:
    lost = pool.pool.counts.lost.total()
    began = time.monotonic()
    with pytest.raises(QueryTimeout) as error:
        pool.query(CROSS_JOIN)
    assert error.value.code == 3024
    assert time.monotonic() - began < 10
    assert pool.pool.counts.lost.total() == lost


def test_memory_is_limited(pool: RunningPool) -> None:
    for sql in ("select length(repeat('x', 2000000000))", "select list(i) from range(200000000) t(i)"):
        with pytest.raises(QueryError) as error:
            pool.query(sql)
        assert error.value.code == 1041
    assert pool.rows("select 1") == [[1]]


@pytest.mark.parametrize(
    ("signal_number", "code"), [(signal.SIGKILL, 2013), (signal.SIGSEGV, 2013), (signal.SIGABRT, 2013)]
)
def test_a_killed_reader_is_replaced(pool: RunningPool, signal_number: int, code: int) -> None:
    """Native code that is denied memory ends by these too; here there was enough."""

    async def kill_during_query() -> int:
        query = asyncio.create_task(run_query(pool.pool, f"{CROSS_JOIN} or 1 = {signal_number + 1}"))
        while not pool.pool.busy:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        [victim] = pool.pool.busy_pids
        os.kill(victim, signal_number)
        if signal_number == signal.SIGSEGV:
            # WebAssembly's handler lets a fault that is not its own happen again, as a real one does by itself.
            await asyncio.sleep(0.1)
            os.kill(victim, signal_number)
        with pytest.raises(QueryError) as error:
            await query
        assert error.value.code == code
        assert (await run_query(pool.pool, "select 2")).rows == 1
        while len(pool.pool.pids) < 3:
            await asyncio.sleep(0.05)
        return victim

    assert pool.threads.run(kill_during_query()) not in pool.pool.pids


def test_a_reader_that_heeds_nothing_is_ended(pool: RunningPool) -> None:
    """A stopped process stands for native code that does not listen to interruptions."""

    async def stop_and_ask() -> None:
        lost = pool.pool.counts.lost["time"]
        stopped = list(pool.pool.pids)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(QueryTimeout, match="ran longer than 2 s"):
            await run_query(pool.pool, "select 'stopped'")
        assert pool.pool.counts.lost["time"] == lost + 1
        for pid in stopped:
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGCONT)
        result = await run_query(pool.pool, "select 3")
        assert result.rows == 1

    pool.threads.run(stop_and_ask())


def test_the_same_query_of_the_same_turn_runs_once(pool: RunningPool) -> None:
    sql = "select count(*) from entity where sid = 3 -- once"

    async def ask(text: str, times: int) -> list[bytes]:
        return [
            result.body
            for result in await asyncio.gather(*(run_query(pool.pool, text) for _ in range(times)))
        ]

    cached = pool.pool.counts.cached
    assert len(set(pool.threads.run(ask(sql, 20)))) == 1
    pool.query(sql)
    assert pool.pool.counts.cached == cached + 1
    assert len({pool.query("select uuid() -- not kept").body for _ in range(3)}) == 3


def test_the_queue_is_bounded_and_waiting_too(tmp_path: Path) -> None:
    running = RunningPool(
        tmp_path,
        readers=1,
        reader_spares=1,
        query_seconds_max=3,
        query_queue_max=2,
        query_wait_seconds_max=0.5,
    )
    with pytest.raises(UniverseUnavailable):
        running.query("select 1")
    running.publish(1)
    running.start()

    async def crowd() -> list[object]:
        runs = [asyncio.create_task(run_query(running.pool, f"{CROSS_JOIN} -- {i}")) for i in range(5)]
        return await asyncio.gather(*runs, return_exceptions=True)

    try:
        outcomes = running.threads.run(crowd())
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds.count(QueryTimeout) == 1
        assert kinds.count(QueryOverload) == 4
        texts = [str(outcome) for outcome in outcomes if isinstance(outcome, QueryOverload)]
        assert sum("wait for a reader already" in text for text in texts) == 2
        assert sum("No reader was free in 0.5 s" in text for text in texts) == 2
        assert running.rows("select 1") == [[1]]
    finally:
        running.close()


def test_readers_end_with_the_pool_and_hold_nothing(pool: RunningPool, tmp_path: Path) -> None:
    running = RunningPool(tmp_path, readers=1, reader_spares=0)
    running.publish(1)
    running.start()
    [pid] = running.pool.pids
    process = psutil.Process(pid)
    environment = process.environ()
    assert not [name for name in environment if name.startswith("WASMVERSE")]
    limits = {
        psutil.RLIMIT_CORE: (0, 0),
        psutil.RLIMIT_FSIZE: (running.settings.component_memory_bytes_max,) * 2,
        psutil.RLIMIT_NOFILE: (128, 128),
    }
    for kind, limit in limits.items():
        assert process.rlimit(kind) == limit
    own, _ = process.rlimit(psutil.RLIMIT_DATA)
    assert 1 << 30 < own < 3 << 29
    status = Path(f"/proc/{pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    running.close()
    assert not psutil.pid_exists(pid)


def test_time_is_the_engines_not_the_snapshots(pool: RunningPool) -> None:
    [[now]] = pool.rows("select now()")
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(now).replace(
        tzinfo=datetime.UTC
    )
    assert abs(age.total_seconds()) < 60


def test_one_after_the_other_is_answered_by_the_same_reader(
    pool: RunningPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the turn mapped; the others need not map it for nothing."""
    lend, pids = pool.pool.readers.lend, []

    def noted(worker: Worker, *, is_quick: bool, is_slow: bool) -> None:
        pids.append(worker.pid)
        lend(worker, is_quick=is_quick, is_slow=is_slow)

    monkeypatch.setattr(pool.pool.readers, "lend", noted)
    for number in range(4):
        pool.query(f"select {number} -- the same reader")
    assert len(pids) == 4
    assert len(set(pids)) == 1
