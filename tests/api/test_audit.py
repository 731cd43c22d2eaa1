"""What happens is logged as events, and commands are written into the audit: who, when, what, and how it ended."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import RunningGateway
from tests.api.test_functions import MODULE
from tests.api.test_strategies import HOLD, ROW
from tests.waiting import wait_until
from wasmverse.api.audit import Audit, audit_of
from wasmverse.api.gateway import LEFT
from wasmverse.commands import Author, Command, RemoveStrategy
from wasmverse.errors import StrategyTaken
from wasmverse.processes.logs import JsonFormatter
from wasmverse.settings import Settings
from wasmverse.tokens import Role

ADA = Author("token:1", "ada")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    running = RunningGateway(
        tmp_path_factory.mktemp("audited"),
        access="token",
        is_reading_public=False,
        access_log=True,
        readers=1,
        reader_spares=0,
        queries_per_second_max=1,
        commands_per_second_max=0,
    )
    running.app.state.gateway.audit = audit_of(running.settings, running.settings.database_path)
    yield running
    running.close()


@pytest.fixture
def token(guarded: RunningGateway, request: pytest.FixtureRequest) -> str:
    return guarded.app.state.gateway.access.tokens.create(request.node.name[:60], Role.pilot)


@pytest.fixture
def events() -> Iterator[list[logging.LogRecord]]:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    ours = logging.getLogger("wasmverse")
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    yield records
    ours.removeHandler(handler)
    ours.setLevel(level)


def named(records: list[logging.LogRecord], event: str) -> list[str]:
    return [record.getMessage() for record in records if getattr(record, "event", None) == event]


def logged(records: list[logging.LogRecord], event: str, count: int) -> list[str]:
    """The messages of an event that is logged when the client has its answer already."""
    return wait_until(lambda: found if len(found := named(records, event)) >= count else [])


def lines(running: RunningGateway) -> list[dict[str, object]]:
    path = running.settings.database_path.with_name("none.duckdb.audit")
    if not path.exists():
        return []
    assert path.stat().st_mode & 0o777 == 0o600
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_upload_is_logged_and_audited(
    guarded: RunningGateway, token: str, events: list[logging.LogRecord]
) -> None:
    guarded.universe.answer = {"strategies": [ROW], "tid": 1}
    headers = {"Authorization": f"Bearer {token}"}
    answer = guarded.http.put("/api/v1/strategies/mine?budget_fuel=50000", content=HOLD, headers=headers)
    assert answer.status_code == 201, answer.text
    [message] = named(events, "upload")
    assert message.startswith(
        "test_an_upload_is_logged_and_audited from 127.0.0.1: upload_strategy name=mine"
    )
    [access] = logged(events, "access", 1)
    assert access.startswith("127.0.0.1 PUT /api/v1/strategies/mine 201 ")
    last = lines(guarded)[-1]
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT[\d:]{8}\.\d{3}Z", str(last.pop("time")))
    assert len(str(last.pop("sha256"))) == 64
    assert last == {
        "who": "test_an_upload_is_logged_and_audited",
        "owner": last["owner"],
        "from": "127.0.0.1",
        "command": "UploadStrategy",
        "procedure": "upload_strategy",
        "name": "mine",
        "budget_fuel": 50_000,
        "bytes": len(HOLD),
        "outcome": "done",
    }
    assert str(last["owner"]).startswith("token:")
    whole = json.dumps(lines(guarded)) + "".join(str(vars(record)) for record in events)
    assert token not in whole


def test_a_refused_command_is_audited_with_the_reason(
    guarded: RunningGateway, token: str, events: list[logging.LogRecord]
) -> None:
    guarded.universe.answer = StrategyTaken("'mine' belongs to bob")
    headers = {"Authorization": f"Bearer {token}"}
    assert guarded.http.delete("/api/v1/strategies/mine", headers=headers).status_code == 409
    assert (lines(guarded)[-1]["command"], lines(guarded)[-1]["outcome"]) == (
        "RemoveStrategy",
        "'mine' belongs to bob",
    )
    [message] = named(events, "refusal")
    assert message == "DELETE /api/v1/strategies/mine from 127.0.0.1: 409 'mine' belongs to bob"
    assert not named(events, "command")
    [record] = [record for record in events if getattr(record, "event", None) == "refusal"]
    told = json.loads(JsonFormatter().format(record))
    assert (told["method"], told["reason"]) == ("DELETE", "'mine' belongs to bob")
    assert (told["status"], told["code"]) == (409, StrategyTaken("").code)


def test_a_command_whose_client_leaves_is_logged_and_audited(
    guarded: RunningGateway, token: str, events: list[logging.LogRecord]
) -> None:
    """It was sent to the universe, which may carry it out."""
    guarded.universe.answer = None
    commands, before = len(guarded.universe.commands), len(lines(guarded))
    with socket.create_connection(guarded.address, timeout=20) as client:
        head = f"PUT /api/v1/strategies/mine HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        client.sendall(f"{head}Content-Length: {len(HOLD)}\r\n\r\n".encode() + HOLD)
        wait_until(lambda: len(guarded.universe.commands) > commands)
        assert len(lines(guarded)) == before
    [line] = wait_until(lambda: lines(guarded)[before:])
    assert (line["command"], line["name"], line["outcome"]) == ("UploadStrategy", "mine", LEFT)
    [message] = logged(events, "upload", 1)
    assert message.endswith(f"bytes={len(HOLD)} ({LEFT})")


REQUESTS: dict[str, tuple[str, str, typing.Any]] = {
    "SpawnEntity": ("POST", "/api/v2/exec", {"sql": "call spawn_entity(1, 2, 3, 4, null)"}),
    "Transmit": ("POST", "/api/v2/query/rows", {"sql": "call transmit('hi')"}),
    "UploadStrategy": ("PUT", "/api/v1/strategies/mine", HOLD),
    "RemoveStrategy": ("DELETE", "/api/v1/strategies/mine", b""),
    "RemoveStrategies": ("DELETE", "/api/v1/strategies?name=mine&name=yours", b""),
    "EnableStrategy": ("POST", "/api/v1/strategies/mine/disable", b""),
    "CreateFunction": ("PUT", "/api/v1/functions/gain", MODULE),
    "DropFunction": ("POST", "/api/v2/exec", {"sql": "drop function gain"}),
    "RollbackFunction": ("POST", "/api/v2/exec", {"sql": "call rollback_function('gain')"}),
}


def test_every_command_is_audited_also_when_it_is_refused(guarded: RunningGateway, token: str) -> None:
    assert {command.__name__ for command in typing.get_args(Command)} == set(REQUESTS)
    guarded.universe.answer = StrategyTaken("it belongs to bob")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for command, (method, path, body) in REQUESTS.items():
        content = body if isinstance(body, bytes) else json.dumps(body)
        before = len(lines(guarded))
        answer = guarded.http.request(method, path, content=content, headers=headers)
        assert answer.status_code == 409, answer.text
        [line] = lines(guarded)[before:]
        assert (line["command"], line["outcome"]) == (command, "it belongs to bob")


def test_several_names_are_a_list(
    guarded: RunningGateway, token: str, events: list[logging.LogRecord]
) -> None:
    guarded.universe.answer = {"names": ["mine", "yours"], "tid": 7}
    headers = {"Authorization": f"Bearer {token}"}
    answer = guarded.http.delete("/api/v1/strategies?name=mine&name=yours", headers=headers)
    assert answer.status_code == 200, answer.text
    last = lines(guarded)[-1]
    assert (last["procedure"], last["names"]) == ("remove_strategy", ["mine", "yours"])
    [message] = named(events, "command")
    assert message.endswith(" remove_strategy names=mine,yours")
    [record] = [record for record in events if getattr(record, "event", None) == "command"]
    assert json.loads(JsonFormatter().format(record))["arguments"] == {"names": ["mine", "yours"]}


def test_who_is_not_known_or_asks_too_often_is_logged(
    guarded: RunningGateway, token: str, events: list[logging.LogRecord]
) -> None:
    before = len(lines(guarded))
    secret = {"Authorization": "Bearer wv_wrongwrongwrongwrong"}
    assert guarded.http.delete("/api/v1/strategies/mine?x=secret", headers=secret).status_code == 401
    assert len(named(events, "unauthorized")) == 1
    headers = {"Authorization": f"Bearer {token}"}
    body = {"sql": "select 'secret'"}
    statuses = [
        guarded.http.post("/api/v2/query/rows", json=body, headers=headers).status_code for _ in range(4)
    ]
    assert statuses.count(429) == len(named(events, "rate limit")) >= 1
    assert not named(events, "refusal"), "a query is no command"
    assert guarded.http.get("/ping", headers={"Host": "evil.example"}).status_code == 403
    assert len(named(events, "refusal")) == 1
    assert len(logged(events, "access", 6)) == 6
    assert "secret" not in "".join(record.getMessage() for record in events)
    assert "wrongwrong" not in "".join(str(vars(record)) for record in events)
    assert len(lines(guarded)) == before, "nothing was commanded"


def test_an_audit_is_bounded_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "audit"
    for _ in range(3):  # as after restarts
        audit = Audit(path, 2_000)
        for number in range(10):
            audit.note(
                RemoveStrategy(f"s{number}\n", ADA), "remove_strategy", "ada", ADA.owner, "::1", "done"
            )
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["audit", "audit.1"]
    assert all(0 < file.stat().st_size < 2_300 for file in files)
    newest = [json.loads(line) for file in files[::-1] for line in file.read_text().splitlines()]
    assert newest[-1]["name"] == "s9\\n"
    assert len(newest) >= 10


def test_an_audit_that_cannot_be_written_is_said_once(
    tmp_path: Path, events: list[logging.LogRecord]
) -> None:
    audit = Audit(tmp_path / "none" / "audit", 2_000)
    for _ in range(3):
        audit.note(RemoveStrategy("a", ADA), "remove_strategy", "ada", ADA.owner, "::1", "done")
    assert [record.levelname for record in events] == ["ERROR"]


def test_a_line_that_is_cut_on_a_full_disk_hurts_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: list[logging.LogRecord]
) -> None:
    write, audit = os.write, Audit(tmp_path / "audit", 2_000)
    for most in (500, 20, 500):
        monkeypatch.setattr(os, "write", lambda file, line, most=most: write(file, line[:most]))
        audit.note(RemoveStrategy(f"s{most}", ADA), "remove_strategy", "ada", ADA.owner, "::1", "done")
    first, cut, last = (tmp_path / "audit").read_text().splitlines()
    assert (json.loads(first)["name"], json.loads(last)["name"], len(cut)) == ("s500", "s500", 20)
    [told] = [record.getMessage() for record in events]
    assert told.endswith("cannot be written: No space left on device")


def test_where_an_audit_is(tmp_path: Path) -> None:
    url = "postgresql://h/sky"
    assert audit_of(Settings(), tmp_path / "u.duckdb").path == tmp_path / "u.duckdb.audit"
    assert audit_of(Settings(database_path=url), Settings(database_path=url).database_path).path is None
    named = Settings(audit_path=tmp_path / "a")
    assert audit_of(named, Settings(database_path=url).database_path).path == tmp_path / "a"
    assert audit_of(Settings(audit_bytes_max=0), tmp_path / "u.duckdb").path is None
