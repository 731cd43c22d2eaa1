"""Live queries over real WebSockets."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.api.conftest import RunningGateway
from wasmverse.api.live.messages import ARROW_HEAD
from wasmverse.query.query import Query
from wasmverse.tokens import Role

QUIET_SECONDS = 0.4


@contextmanager
def watcher(gateway: RunningGateway, **options: Any) -> Iterator[ClientConnection]:
    with connect(f"ws://127.0.0.1:{gateway.address[1]}/api/v1/live", max_size=None, **options) as client:
        yield client


def ask(client: ClientConnection, **message: Any) -> None:
    client.send(json.dumps(message))


def receive(client: ClientConnection) -> Any:
    return json.loads(client.recv(timeout=20))


def is_quiet(client: ClientConnection) -> bool:
    try:
        client.recv(timeout=QUIET_SECONDS)
    except TimeoutError:
        return True
    return False


def wait_for_watchers(gateway: RunningGateway, number: int) -> None:
    deadline = time.monotonic() + 20
    while gateway.app.state.gateway.metrics.watchers._value.get() != number:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_results_come_now_and_when_they_change(gateway: RunningGateway) -> None:
    with watcher(gateway) as client:
        ask(client, id=1, sql="select tid from turns where tid >= ?", args=[0])
        first = receive(client)
        turn = gateway.universe.last.tid
        assert first == {
            "id": 1,
            "turn": turn,
            "columns": [{"name": "tid", "dataType": "BIGINT", "nullable": True}],
            "rows": [[turn]],
        }
        assert gateway.turn() == turn + 1
        assert receive(client)["rows"] == [[turn + 1]]
        ask(client, id=2, sql="select count(*) from entity where kind = 2", args=None)
        assert receive(client)["rows"] == [[20]]
        ask(client, id=1, unsubscribe=True)
        gateway.turn()
        assert is_quiet(client), "what did not change is not sent, what was unsubscribed neither"
        ask(client, id=1, unsubscribe=True)
        assert receive(client)["error"]["code"] == 1243


def test_an_id_can_be_given_another_query(gateway: RunningGateway) -> None:
    with watcher(gateway) as client:
        ask(client, id=1, sql="select tid, 1 from turns")
        receive(client)
        ask(client, id=1, sql="select tid, 2 from turns")
        assert receive(client)["rows"][0][1] == 2
        gateway.turn()
        assert receive(client)["rows"][0][1] == 2
        assert is_quiet(client)


def test_arrow_frames(gateway: RunningGateway) -> None:
    with watcher(gateway) as client:
        ask(client, id=7, sql="select eid from entity where sid = 1 order by eid", format="arrow")
        frame = client.recv(timeout=20)
        assert isinstance(frame, bytes)
        identity, turn = ARROW_HEAD.unpack_from(frame)
        assert (identity, turn) == (7, gateway.universe.last.tid)
        table = pa.ipc.open_stream(frame[ARROW_HEAD.size :]).read_all()
        assert table["eid"].to_pylist()[:3] == [1, 2, 3]


@pytest.mark.parametrize(
    ("message", "code", "part"),
    [
        ("no json", 1064, "not JSON"),
        ("[1]", 1064, "'id'"),
        ('{"id":"a","sql":"select 1"}', 1064, "'id'"),
        ('{"id":-1,"sql":"select 1"}', 1064, "'id'"),
        ('{"id":1}', 1064, "'sql'"),
        ('{"id":1,"sql":"select * from bad"}', 1146, "game.bad"),
        ('{"id":1,"sql":"drop table entity"}', 1142, "DROP"),
        ('{"id":1,"sql":"select 1","turn":1}', 1210, "'turn'"),
        ('{"id":1,"sql":"select 1","format":"xml"}', 1210, "'format'"),
        ('{"id":1,"sql":"select ?"}', 1210, "'args'"),
        ('{"id":1,"sql":"select repeat(\'x\', 5000000)"}', 1153, "5,000,"),
        (b"\xff\xfe", 1064, "not JSON"),
    ],
)
def test_errors_are_messages_and_the_connection_lives(
    gateway: RunningGateway, message: str | bytes, code: int, part: str
) -> None:
    with watcher(gateway) as client:
        client.send(message)
        error = receive(client)["error"]
        assert error["code"] == code
        assert part in error["message"]
        ask(client, id=5, sql="select 5")
        assert receive(client)["rows"] == [[5]]


def test_a_query_that_is_refused_is_not_asked_again(gateway: RunningGateway) -> None:
    with watcher(gateway) as client:
        ask(client, id=1, sql="select * from bad -- once")
        assert "error" in receive(client)
        refused = gateway.pool.counts.queries["QueryRefused"]
        gateway.turn()
        assert is_quiet(client)
        assert gateway.pool.counts.queries["QueryRefused"] == refused


def test_many_watchers_cost_one_query_a_turn(gateway: RunningGateway) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(watcher(gateway)) for _ in range(50)]
        for client in clients:
            ask(client, id=1, sql="select tid, 'many' from turns")
        for client in clients:
            receive(client)
        before = gateway.pool.counts.queries.total()
        turn = gateway.turn()
        assert {receive(client)["rows"][0][0] for client in clients} == {turn}
        assert gateway.pool.counts.queries.total() == before + 1
    wait_for_watchers(gateway, 0)
    assert not gateway.app.state.live._watches


def test_limits_per_connection_and_per_address(tmp_path: Path) -> None:
    running = RunningGateway(tmp_path, watches_max=2, watchers_max_per_address=2)
    try:
        with watcher(running) as first, watcher(running) as second:
            for number in (1, 2, 3):
                ask(first, id=number, sql=f"select {number}")
            messages = [receive(first) for _ in range(3)]
            messages.sort(key=lambda message: message["id"])
            assert [message["id"] for message in messages] == [1, 2, 3]
            assert messages[2]["error"]["code"] == 1226
            ask(second, id=1, sql="select 1")
            receive(second)
            with watcher(running) as third:
                assert "2 live connections" in receive(third)["error"]["message"]
                with pytest.raises(ConnectionClosed) as closed:
                    third.recv(timeout=20)
                assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013
        wait_for_watchers(running, 0)
        with watcher(running) as again:
            ask(again, id=1, sql="select 4")
            assert receive(again)["rows"] == [[4]]
    finally:
        running.close()


def test_the_texts_of_a_connections_live_queries_are_bounded(gateway: RunningGateway) -> None:
    """They are kept for as long as somebody watches: sixteen of a megabyte on each of thousands of connections before."""
    room = gateway.settings.watch_bytes_max
    half = f"select 1 /* {'ü' * (room // 4)} */"
    with watcher(gateway) as live:
        ask(live, id=1, sql=half)
        assert receive(live)["rows"] == [[1]]
        ask(live, id=1, sql=f"{half} as a")  # in the place of the one before
        assert receive(live)["rows"] == [[1]]
        for sql, args in ((half, []), ("select ?", ["x" * room])):
            ask(live, id=2, sql=sql, args=args)
            refusal = receive(live)
            assert (refusal["id"], refusal["error"]["code"]) == (2, 1153)
        live.send(json.dumps({"id": 1, "unsubscribe": True}))
        ask(live, id=2, sql=half)
        assert receive(live)["rows"] == [[1]]


def wait_for_turn(running: RunningGateway, turn: int) -> None:
    """Until every live query has its result of a turn, or nobody any more who watches it."""
    deadline = time.monotonic() + 20
    while any(watch.turn < turn for watch in running.app.state.live._watches.values()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_watcher_that_never_reads_costs_nobody_anything(tmp_path: Path) -> None:
    """Its place holds one result, the others get every turn, and in the end its connection is closed."""
    running = RunningGateway(tmp_path, send_seconds_max=1.5)
    metrics = running.app.state.gateway.metrics
    try:
        with socket.create_connection(("127.0.0.1", running.address[1])) as deaf, watcher(running) as client:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(
                b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            deaf.recv(100)
            text = json.dumps({"id": 1, "sql": "select tid, repeat('x', 3000000) from turns"}).encode()
            deaf.sendall(b"\x81\xfe" + len(text).to_bytes(2, "big") + b"\0\0\0\0" + text)
            ask(client, id=1, sql="select tid from turns")
            receive(client)
            for _ in range(6):
                turn = running.turn()
                assert receive(client)["turn"] == turn
                wait_for_turn(running, turn)
            wait_for_watchers(running, 1)
            assert metrics.live_skipped._value.get() >= 1
    finally:
        running.close()


def test_watchers_survive_a_dead_universe_and_a_new_one(gateway: RunningGateway) -> None:
    with watcher(gateway) as client:
        ask(client, id=1, sql="select tid from turns")
        receive(client)

        async def die() -> None:
            gateway.universe.die()

        gateway.threads.run(die())
        assert is_quiet(client)
        gateway.universe.is_alive = True
        turn = gateway.turn()
        assert receive(client)["rows"] == [[turn]]


def test_a_client_that_reconnects_after_a_restart_goes_on(tmp_path: Path) -> None:
    first = RunningGateway(tmp_path / "one")
    with watcher(first) as client:
        ask(client, id=1, sql="select 1")
        receive(client)
        first.close()
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=20)
        assert closed.value.rcvd is not None and closed.value.rcvd.code in (1001, 1012)
    second = RunningGateway(tmp_path / "two")
    try:
        with watcher(second) as client:
            ask(client, id=1, sql="select tid from turns")
            assert receive(client)["rows"] == [[1]]
    finally:
        second.close()


def test_what_most_watch_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = RunningGateway(tmp_path, readers=1, query_cache_bytes_max=0)
    asked: list[str] = []
    query = running.pool.query

    async def noted(asked_for: Query, **options: Any) -> Any:
        asked.append(asked_for.sql)
        return await query(asked_for, **options)

    try:
        with ExitStack() as stack:
            clients = [stack.enter_context(watcher(running)) for _ in range(4)]
            for client, word in zip(clients, ("a", "b", "b", "c"), strict=True):
                ask(client, id=1, sql=f"select '{word}', max(tid) from turns")
                receive(client)
            monkeypatch.setattr(running.pool, "query", noted)
            running.turn()
            for client in clients:
                receive(client)
        assert [sql[8] for sql in asked] == ["b", "a", "c"]
    finally:
        running.close()


def test_a_token_may_be_the_first_message(tmp_path: Path) -> None:
    """A page cannot set headers on a WebSocket."""
    running = RunningGateway(tmp_path, access="token", is_reading_public=False, body_seconds_max=0.5)
    token = running.app.state.gateway.access.tokens.create("ada", Role.reader)
    query = {"id": 1, "sql": "select 1"}
    try:
        with watcher(running) as client:
            ask(client, token=token)
            ask(client, **query)
            assert receive(client)["rows"] == [[1]]
        with watcher(running, additional_headers={"Authorization": f"Bearer {token}"}) as client:
            ask(client, **query)
            assert receive(client)["rows"] == [[1]]
        for first in ({"token": "wv_guessed"}, {"token": 7}, query, None):
            with watcher(running) as client:
                if first is not None:
                    ask(client, **first)
                assert receive(client)["error"]["code"] == 1045
                with pytest.raises(ConnectionClosed):
                    client.recv(timeout=20)
    finally:
        running.close()


def test_a_token_that_is_not_needed_is_passed_over(gateway: RunningGateway) -> None:
    with watcher(gateway) as client:
        ask(client, token="wv_of_another_server")
        ask(client, id=1, sql="select 1")
        assert receive(client)["rows"] == [[1]]
