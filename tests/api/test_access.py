"""Tokens, roles, other sites' pages and rates."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from typer.testing import CliRunner
from websockets.sync.client import connect

from tests.api.conftest import RunningGateway
from tests.api.test_strategies import HOLD, ROW
from wasmverse.api.access import Access, check_access, is_loopback, make_ready_token
from wasmverse.api.errors import HttpError
from wasmverse.api.rate import RateLimit
from wasmverse.cli.token import app
from wasmverse.commands import Author, UploadStrategy
from wasmverse.errors import SettingsError
from wasmverse.settings import Settings
from wasmverse.tokens import Role, TokenFile, token_path

SPAWN = {"sql": "call spawn_entity(1, 2, 3, 4, null)"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A server that wants tokens, for reading too."""
    running = RunningGateway(tmp_path_factory.mktemp("guarded"), access="token", is_reading_public=False)
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def tokens(guarded: RunningGateway) -> dict[str, str]:
    file = TokenFile(token_path(guarded.settings.database_path))
    return {role.name: file.create(f"the {role.name}", role) for role in Role}


def ask(guarded: RunningGateway, token: str | None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return guarded.http.post("/api/v2/query/rows", json={"sql": "select 1"}, headers=headers)


def spawn(guarded: RunningGateway, token: str | None, **headers: str) -> httpx.Response:
    guarded.universe.answer = {"eid": 1, "tid": 1}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return guarded.http.post("/api/v2/exec", json=SPAWN, headers=headers)


def test_each_role_may_do_its_own_and_less(guarded: RunningGateway, tokens: dict[str, str]) -> None:
    assert [ask(guarded, tokens[role.name]).status_code for role in Role] == [200, 200, 200]
    assert [spawn(guarded, tokens[role.name]).status_code for role in Role] == [403, 200, 200]
    assert "the reader is a reader; this needs a pilot's token" in spawn(guarded, tokens["reader"]).text


def test_without_a_token_or_with_a_wrong_one(guarded: RunningGateway, tokens: dict[str, str]) -> None:
    for token in (None, "wv_wrong", tokens["admin"] + "x"):
        for answer in (ask(guarded, token), spawn(guarded, token)):
            assert answer.status_code == 401
            assert answer.text.startswith("Error 1045: ")
            assert "www-authenticate" in answer.headers
            assert token is None or token not in answer.text
    assert guarded.http.get("/api/v1/strategies").status_code == 401
    assert guarded.http.put("/api/v1/strategies/mine", content=HOLD).json()["error"]["code"] == 1045
    assert guarded.http.get("/ping").status_code == 200


@pytest.mark.parametrize(
    "value", ["Basic =", "Basic /w==", "Basic AAAA\xffAAA=", "Basic \xe9", "Bearer \xff", "Basic", "\xff"]
)
def test_credentials_that_cannot_be_read(guarded: RunningGateway, value: str) -> None:
    answer = guarded.http.post(
        "/api/v2/query/rows", json={"sql": "select 1"}, headers=[(b"Authorization", value.encode("latin-1"))]
    )
    assert (answer.status_code, answer.text[:12]) == (401, "Error 1045: ")


def test_a_password_is_a_token_too(guarded: RunningGateway, tokens: dict[str, str]) -> None:
    answer = guarded.http.post(
        "/api/v2/query/rows", json={"sql": "select 1"}, auth=("anybody", tokens["reader"])
    )
    assert answer.status_code == 200


def test_live_queries_need_one_as_well(guarded: RunningGateway, tokens: dict[str, str]) -> None:
    url = f"ws://127.0.0.1:{guarded.address[1]}/api/v1/live"
    with connect(url) as client:
        assert "1045" in client.recv(timeout=20)
    with connect(url, additional_headers={"Authorization": f"Bearer {tokens['reader']}"}) as client:
        client.send('{"id":1,"sql":"select 1"}')
        assert '"rows":[[1]]' in client.recv(timeout=20)


def test_a_strategy_belongs_to_the_tokens_name(guarded: RunningGateway, tokens: dict[str, str]) -> None:
    guarded.universe.answer = {"strategies": [ROW], "tid": 5}

    def push(name: str, role: str) -> Author:
        headers = {"Authorization": f"Bearer {tokens[role]}"}
        assert (
            guarded.http.put(f"/api/v1/strategies/{name}", content=HOLD, headers=headers).status_code == 201
        )
        command = guarded.universe.commands[-1]
        assert isinstance(command, UploadStrategy)
        return command.author

    pilot, admin = push("mine", "pilot"), push("mine", "admin")
    assert (pilot.name, pilot.is_admin) == ("the pilot", False)
    assert (admin.name, admin.is_admin) == ("the admin", True)
    assert pilot.owner.startswith("token:") and admin.owner.startswith("token:")
    assert pilot.owner != admin.owner


def test_a_revoked_token_is_worthless_at_once(guarded: RunningGateway) -> None:
    database = str(guarded.settings.database_path)
    made = CliRunner().invoke(app, ["create", "guest", "--role", "reader", "--db", database])
    token = made.stdout.strip()
    assert ask(guarded, token).status_code == 200
    assert "guest" in CliRunner().invoke(app, ["list", "--db", database]).stdout
    assert CliRunner().invoke(app, ["revoke", "guest", "--db", database]).exit_code == 0
    assert ask(guarded, token).status_code == 401
    again = CliRunner().invoke(app, ["revoke", "guest", "--db", database])
    assert again.exit_code == 1 and "no token named 'guest'" in again.stderr


def test_tokens_are_stored_hashed_for_their_owner_only(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "tokens")
    token = file.create("ada", Role.pilot)
    assert token not in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    with pytest.raises(SettingsError, match="already"):
        file.create("ada", Role.admin)
    with pytest.raises(SettingsError, match="cannot be a token's name"):
        file.create("a\nb", Role.admin)
    file.path.write_text('[{"name":"ada"}]')
    with pytest.raises(SettingsError, match="not a file of tokens"):
        file.find(token)


def test_beyond_loopback_there_must_be_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "universe.duckdb"
    check_access(Settings(host="127.0.0.1"), TokenFile(token_path(path)))
    check_access(Settings(host="0.0.0.0", access="open"), TokenFile(token_path(path)))
    with pytest.raises(SettingsError, match=r"0\.0\.0\.0 can be reached from other machines"):
        check_access(Settings(host="0.0.0.0"), TokenFile(token_path(path)))
    TokenFile(token_path(path)).create("ada", Role.admin)
    check_access(Settings(host="0.0.0.0"), TokenFile(token_path(path)))
    assert [
        is_loopback(host) for host in ("127.0.0.9", "::1", "localhost", "10.0.0.1", "::", "example.org")
    ] == [
        *[True] * 3,
        *[False] * 3,
    ]


def test_a_page_of_another_site_may_read_but_not_command(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"eid": 1, "tid": 1}
    for origin, status in (("https://elsewhere.example", 403), (gateway.url, 200), ("null", 403)):
        answer = gateway.http.post("/api/v2/exec", json=SPAWN, headers={"Origin": origin})
        assert answer.status_code == status
        assert gateway.http.put(
            "/api/v1/strategies/x", content=b"", headers={"Origin": origin}
        ).status_code in (400, 403)
    other = {"Origin": "https://elsewhere.example"}
    assert gateway.http.post("/api/v2/query/rows", json={"sql": "select 1"}, headers=other).status_code == 200


def test_a_bucket_fills_at_its_rate() -> None:
    limit = RateLimit(10)
    assert [limit.take("a", 0.0) for _ in range(20)] == [0.0] * 20
    assert limit.take("a", 0.0) == pytest.approx(0.1)
    assert limit.take("b", 0.0) == 0
    assert limit.take("a", 0.05) == pytest.approx(0.05)
    assert limit.take("a", 0.1) == 0
    assert limit.take("a", 0.1) > 0


def test_too_many_requests(tmp_path: Path) -> None:
    running = RunningGateway(tmp_path, commands_per_second_max=0.5, queries_per_second_max=0)
    try:
        assert spawn(running, None).status_code == 200
        answer = spawn(running, None)
        assert (answer.status_code, answer.text[:12]) == (429, "Error 1226: ")
        # The next token is there in 1.9 s or so: nobody is sent away for too short, and both say the same.
        assert answer.headers["retry-after"] == "2"
        assert answer.text.endswith("; ask again in 2 s")
        assert {ask(running, None).status_code for _ in range(30)} == {200}
    finally:
        running.close()


def test_a_restricted_server_on_loopback_has_a_ready_token(tmp_path: Path) -> None:
    path = tmp_path / "none.duckdb"
    restricted = Settings(access="token")
    check_access(
        restricted, TokenFile(token_path(path))
    )  # nobody else reaches it, so it may start without a token in the file
    token = make_ready_token(restricted)
    assert token is not None and token != make_ready_token(restricted)
    access = Access(restricted, TokenFile(token_path(path)), token)
    request = Request({"type": "http", "headers": [(b"authorization", f"Bearer {token}".encode())]})
    assert access.require(request, Role.admin).role is Role.admin
    assert not access.tokens.path.exists(), "it lives in the server alone"
    with pytest.raises(HttpError):
        Access(restricted, TokenFile(token_path(path)), make_ready_token(restricted)).require(
            request, Role.pilot
        )
    with pytest.raises(HttpError):
        Access(restricted, TokenFile(token_path(path))).require(request, Role.pilot)
    assert make_ready_token(Settings()) is None, "an open server needs none"
    assert make_ready_token(Settings(access="token", host="0.0.0.0")) is None, "others may see the link"
