"""Both clients against a real gateway over real readers; only the universe is scripted."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from contextlib import aclosing
from datetime import datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pyarrow as pa
import pytest

from tests.api.conftest import RunningGateway
from tests.api.test_strategies import HOLD, ROW
from wasmverse.client import (
    AsyncUniverse,
    Done,
    Removed,
    RolledBack,
    ServerBusy,
    ServerDenied,
    ServerFailed,
    ServerRefused,
    ServerUnreachable,
    Strategy,
    Universe,
    requests,
)
from wasmverse.commands import CheckUpload, FindVersion, RemoveStrategies, Transmit, UploadStrategy
from wasmverse.errors import SettingsError, UniverseSilent

EXACT = 2**60 + 1
SQL = f"select {EXACT} as big, 1.5::decimal(4, 1) as part, timestamp '2030-01-02' as at, null::int as none"


@pytest.fixture
def universe(gateway: RunningGateway) -> Iterator[Universe]:
    with Universe(gateway.url) as universe:
        yield universe


def test_rows_have_the_types_of_python(gateway: RunningGateway, universe: Universe) -> None:
    answer = universe.query(SQL)
    row = {"big": EXACT, "part": Decimal("1.5"), "at": datetime(2030, 1, 2), "none": None}
    assert answer.rows() == list(answer) == [row]
    assert answer.tuples() == [tuple(row.values())]
    assert (answer.turn, answer.truncated, len(answer), answer.value()) == (
        gateway.universe.last.tid, None, 1, EXACT,
    )  # fmt: skip
    assert answer.columns == list(row)
    assert repr(answer) == f"<Answer of turn {answer.turn}: 1 rows of big, part, at, none>"
    nothing = universe.query("select 1 as one where false")
    assert (nothing.rows(), nothing.tuples(), nothing.value()) == ([], [], None)


def test_frames_keep_every_integer(universe: Universe) -> None:
    answer = universe.query(f"select * from (values ({EXACT}), (null)) as it(big) order by big")
    assert isinstance(answer.arrow(), pa.Table)
    assert answer.polars()["big"].to_list() == [EXACT, None]
    frame = answer.pandas()
    assert int(frame["big"][0]) == EXACT and frame["big"].isna().tolist() == [False, True]
    assert str(universe.query("select 1 as one").pandas()["one"].dtype) == "int32"


def test_frames_can_be_reckoned_with(universe: Universe) -> None:
    frame = universe.query(
        "select 1::utinyint a, 2::usmallint b, 3::uinteger c, 2::ubigint d, sum(7) e"
    ).pandas()
    assert list(map(str, frame.dtypes)) == ["int64", "int64", "int64", "uint64", "int64"]
    assert (frame["a"] - frame["c"]).tolist() == [-2]
    sums = universe.query(
        f"select sum(x), sum({2**62}) from (values (5), (null), (null)) as it(x) group by x order by 1"
    )
    assert [str(dtype) for dtype in sums.pandas().dtypes] == ["Int64", "object"]
    assert sums.pandas().iloc[1, 1] == Decimal(2**63)
    assert universe.query("select 1.5::decimal(38, 1) as part").pandas()["part"][0] == Decimal("1.5")
    twice = universe.query("select 1::utinyint as a, 2::utinyint as a").pandas()
    assert twice.to_numpy().tolist() == [[1, 2]]


def test_arguments_turns_and_formats(gateway: RunningGateway, universe: Universe) -> None:
    last = gateway.turn()
    assert universe.query("select ? + ? as sum", [3, 4]).value() == 7
    assert universe.query("select max(tid) from turns", turn=last - 1).turn == last - 1
    raw = universe.query_raw("select 1 as one", format="csv")
    assert (raw.content, raw.turn) == (b'"one"\n1\n', last)
    assert universe.query_raw("select 1 as one").json()["rows"] == [{"one": 1}]
    tuples = universe.query_raw("select 1 as one", format="tuples").json()
    assert (tuples["rows"], tuples["columns"][0]["name"]) == ([[1]], "one")
    most = gateway.settings.query_rows_max
    cut = universe.query("select (range % 2)::utinyint as bit from range(?)", [most + 1])
    assert (cut.truncated, len(cut)) == ("rows", most)


def test_a_call_is_no_query_of_a_client(gateway: RunningGateway, universe: Universe) -> None:
    before = len(gateway.universe.commands)
    for ask, words in (
        (lambda: universe.query("call transmit('x')"), "in JSON, not as arrow; .* use exec"),
        (lambda: universe.query_raw("call transmit('x')", format="csv"), "in JSON, not as csv"),
        (lambda: universe.query_raw("call transmit('x')", turn=1), "not in turn 1; leave 'turn' out"),
    ):
        with pytest.raises(ServerRefused, match=words) as refused:
            ask()
        assert refused.value.code == 1210
    assert len(gateway.universe.commands) == before
    assert universe.query_raw("call transmit('x')").json()["rows"][0]["rowsAffected"] == 1


def test_what_is_no_arrow_is_not_read_as_such() -> None:
    request = requests.query("call transmit('x')", None, None, "arrow")
    answer = httpx.Response(200, json={}, request=httpx.Request("POST", "http://127.0.0.1:1"))
    answer.headers["Wasmverse-Turn"] = "5"
    with pytest.raises(
        ServerFailed, match=r"answered 'application/json' where .*arrow\.stream was asked for"
    ):
        requests.outcome(request, answer)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1:8000", "universe.example"])
def test_what_is_no_address_is_named_whatever_is_asked(url: str) -> None:
    with Universe(url) as nobody:
        for ask in (lambda: nobody.query("select 1"), lambda: next(nobody.live("select 1"))):
            with pytest.raises(
                ServerUnreachable, match=f"^{url} is not the address of a server; give one such"
            ):
                ask()


def test_the_scheme_may_be_in_capitals(gateway: RunningGateway) -> None:
    with Universe(gateway.url.replace("http", "HTTP")) as universe:
        assert universe.query("select 1").value() == next(universe.live("select 1")).value() == 1


def test_wrong_arguments_are_not_sent() -> None:
    with Universe("http://127.0.0.1:1") as nobody:
        with pytest.raises(ValueError, match=r"^format is 'xml'; give one of rows, tuples, csv, arrow$"):
            nobody.query_raw("select 1", format="xml")  # type: ignore[arg-type]
        for args in (7, "7", {"a": 7}):
            for ask in (nobody.query, nobody.exec, lambda *given: next(nobody.live(*given))):
                with pytest.raises(TypeError, match=r"^args is .*; give a list with one value for each '\?'"):
                    ask("select ?", args)  # type: ignore[arg-type]


def test_live_follows_the_turns(gateway: RunningGateway, universe: Universe) -> None:
    answers = universe.live("select max(tid) as tid from turns where tid > ?", [0])
    first = next(answers)
    tid = gateway.turn()
    second = next(answers)
    assert (second.turn, second.value()) == (tid, tid) and first.turn < tid
    answers.close()
    with pytest.raises(ServerRefused, match="nowhere") as refused:
        next(universe.live("select * from nowhere"))
    assert refused.value.code == 1146


def test_commands_and_uploads(gateway: RunningGateway, universe: Universe, tmp_path: Path) -> None:
    gateway.universe.answer = {"eid": 77, "tid": 3}
    assert universe.exec("call transmit(?)", ["hello"]) == Done(77, 1, 3)
    assert isinstance(gateway.universe.commands[-1], Transmit)
    assert universe.exec("begin") == Done(0, 0, gateway.universe.last.tid)
    with pytest.raises(ServerRefused, match="asks for rows, as SHOW does; send it with query"):
        universe.exec("show functions")
    assert universe.query("show functions").columns
    file = tmp_path / "mine.wasm"
    file.write_bytes(HOLD)
    gateway.universe.answer = {"strategies": [ROW], "tid": 5}
    listed = Strategy.of(ROW)
    for module in (HOLD, file, str(file)):
        pushed = universe.push(module, "mine", budget_fuel=50_000)
        assert (pushed.strategies, pushed.turn) == ((listed,), 5)
    command = gateway.universe.commands[-1]
    assert isinstance(command, UploadStrategy) and (command.module, command.budget_fuel) == (HOLD, 50_000)
    found = {"version": 1, "sha256": "ab", "module": HOLD, "budget_fuel": None}
    gateway.universe.answer = {**found, "strategies": [ROW], "tid": 6}
    assert universe.rollback("mine", to="abcd") == RolledBack(listed, 1, 6)
    assert isinstance(gateway.universe.commands[-2], FindVersion)
    gateway.universe.answer = {"names": ["mine"], "tid": 7}
    assert universe.remove("mine") == Removed(("mine",), 7)
    assert isinstance(gateway.universe.commands[-1], RemoveStrategies)
    assert "strategy_blank" in {strategy.name for strategy in universe.strategies()}
    with pytest.raises(SettingsError, match="cannot be read"):
        universe.push(tmp_path / "missing.wasm", "mine")


def test_a_check_stores_nothing(gateway: RunningGateway, universe: Universe) -> None:
    gateway.universe.answer = {"strategies": [ROW], "tid": 5}
    found = universe.check(HOLD, "mine", budget_fuel=50_000)
    (strategy,) = found["strategies"]
    assert (strategy["name"], strategy["export"], found["turn"]) == ("mine", "decide", 5)
    assert strategy["trial"]["fault"] is None and 0 < strategy["trial"]["fuel"] < 1_000
    asked = gateway.universe.commands[-1]
    assert isinstance(asked, CheckUpload) and asked.budget_fuel == 50_000
    with pytest.raises(ServerRefused, match="begins with") as refused:
        universe.check(b"not a module", "mine")
    assert refused.value.status == 422


def test_errors_have_the_servers_words(gateway: RunningGateway, universe: Universe) -> None:
    with pytest.raises(ServerRefused, match="Error 1064: ") as refused:
        universe.query("selec")
    assert (refused.value.code, refused.value.status) == (1064, 400)
    with pytest.raises(ServerDenied) as denied:
        universe.query("select * from duckdb_settings()")
    assert (denied.value.code, denied.value.status) == (1142, 403)
    gateway.universe.answer = UniverseSilent("The universe did not answer")
    with pytest.raises(ServerFailed, match="The universe did not answer"):
        universe.exec("call transmit('x')")
    with pytest.raises(ServerUnreachable, match="nothing answers"):
        Universe("http://127.0.0.1:1").query("select 1")
    with pytest.raises(ServerUnreachable, match="nothing answers"):
        next(Universe("http://127.0.0.1:1").live("select 1"))
    with pytest.raises(ServerUnreachable, match="not the address of a server"):
        Universe("nonsense").query("select 1")


class Stranger(BaseHTTPRequestHandler):
    """A server that is not ours: busy where it is asked in SQL, and a page of HTML elsewhere."""

    def do_POST(self) -> None:
        self.answer(503, "text/plain", b"busy", {"Retry-After": "7"})

    def do_GET(self) -> None:
        self.answer(200, "text/html", b"<html>")

    def answer(self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_busy_server_and_a_foreign_one() -> None:
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        universe = Universe(f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(ServerBusy, match="busy") as busy:
            universe.query("select 1")
        assert busy.value.retry_seconds == 7
        with pytest.raises(ServerFailed, match="not answered as a server of Wasmverse"):
            universe.strategies()
        universe.close()
        server.shutdown()


def test_the_asynchronous_client_does_the_same(gateway: RunningGateway) -> None:
    async def visit() -> None:
        async with AsyncUniverse(gateway.url) as universe:
            assert (await universe.query("select ? as one", [1])).rows() == [{"one": 1}]
            assert (await universe.query_raw("select 1 as one", format="csv")).content == b'"one"\n1\n'
            async with aclosing(universe.live("select max(tid) as tid from turns")) as answers:
                first = await anext(answers)
                tid = await asyncio.to_thread(gateway.turn)
                assert (await anext(answers)).value() == tid > first.turn
            gateway.universe.answer = {"strategies": [ROW], "tid": 5}
            assert (await universe.check(HOLD, "mine"))["strategies"][0]["export"] == "decide"
            assert (await universe.push(HOLD, "mine")).turn == 5
            found = {"version": 1, "sha256": "ab", "module": HOLD, "budget_fuel": None}
            gateway.universe.answer = {**found, "strategies": [ROW], "tid": 6}
            assert (await universe.rollback("mine")).restored_version == 1
            gateway.universe.answer = {"names": ["mine"], "eid": 0, "tid": 7}
            assert (await universe.remove("mine")).turn == 7
            assert (await universe.exec("call transmit('x')")).turn == 7
            assert len(await universe.strategies()) > 1
            with pytest.raises(ServerRefused, match="1064"):
                await universe.query("selec")
            with pytest.raises(ServerRefused, match="nowhere"):
                await anext(universe.live("select * from nowhere"))
            assert (await universe.request("GET", "/ping")).text == "pong"

    asyncio.run(visit())


def test_the_environment_names_a_server_with_its_token(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASMVERSE_URL", f"{gateway.url}/")
    monkeypatch.setenv("WASMVERSE_TOKEN", "wv_secret")
    assert requests.server_of(None, None) == (gateway.url, "wv_secret")
    assert requests.server_of(None, "wv_other") == (gateway.url, "wv_other")
    assert requests.server_of("http://other.example/", None) == ("http://other.example", None)
    with Universe() as universe:
        assert universe.query("select 1").value() == 1


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, Any]:
        return {
            name: list(inspect.signature(value).parameters.values())
            for name, value in vars(kind).items()
            if inspect.isfunction(value) and not name.startswith("_")
        }

    assert methods(Universe) == methods(AsyncUniverse)
    assert len(methods(Universe)) == 12
