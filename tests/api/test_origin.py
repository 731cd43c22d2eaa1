"""Whose name, whose page, through whom: forged Hosts, foreign pages and proxies that nobody named."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import RunningGateway
from wasmverse.api.access import check_access
from wasmverse.api.http.origin import HostRule, Site, is_same_origin, parse_site
from wasmverse.errors import SettingsError
from wasmverse.settings import Settings
from wasmverse.tokens import Role, TokenFile, token_path

SPAWN = json.dumps({"sql": "call spawn_entity(1, 2, 3, 4, null)"}).encode()
SELECT = json.dumps({"sql": "select 1"}).encode()
LOOPBACK = [
    "localhost",
    "LOCALHOST:1",
    "localhost.",
    "127.0.0.1:9000",
    "127.8.8.8",
    "[::1]:80",
    "[::ffff:127.0.0.1]",
]
FORGED = [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "192.168.1.7",
    "0.0.0.0",
    "[::]",
    "[fe80::1]",
    "2130706433",
    "127.1",
    "0177.0.0.1",
]
BROKEN = [
    "user@localhost",
    "localhost:x",
    "localhost:",
    "localhost:0",
    "localhost:99999",
    "[::1",
    "[fe80::1%25lo]",
    "[::1%lo]",
    "http://localhost",
    "localhost/",
    "localhost, evil.example",
    "local host",
    "lоcalhost",
    "localhost..",
    ".",
    "a" * 5_000,
]
ROUTES = [
    ("GET", "/ping", b""),
    ("GET", "/metrics", b""),
    ("GET", "/", b""),
    ("OPTIONS", "/ping", b""),
    ("GET", "/nothing/here", b""),
    ("POST", "/api/v2/query/rows", SELECT),
    ("POST", "/api/v1/exec", SPAWN),
    ("PUT", "/api/v1/strategies/x", b"x"),
    ("DELETE", "/api/v1/strategies/x", b""),
]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A server with tokens and names of its own, that lets pages of one other site read."""
    running = RunningGateway(
        tmp_path_factory.mktemp("town"),
        access="token",
        hosts=("Universe.example", "10.1.2.3"),
        cors_origins=("https://friend.example",),
    )
    yield running
    running.close()


def send(
    gateway: RunningGateway, method: str, path: str, body: bytes, *headers: str, version: str = "1.1"
) -> int:
    """The status of a request with exactly these headers."""
    lines = [f"{method} {path} HTTP/{version}", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    with socket.create_connection(("127.0.0.1", gateway.address[1]), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return int(connection.recv(65_536)[9:12])


def watch(gateway: RunningGateway, *headers: str) -> int:
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    lines = ["GET /api/v1/live HTTP/1.1", *headers, *upgrade, key]
    with socket.create_connection(("127.0.0.1", gateway.address[1]), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        return int(connection.recv(65_536)[9:12])


@pytest.mark.parametrize("host", LOOPBACK)
def test_an_open_server_has_loopback_names(gateway: RunningGateway, host: str) -> None:
    assert send(gateway, "GET", "/ping", b"", f"Host: {host}") == 200
    assert send(gateway, "POST", "/api/v2/query/rows", SELECT, f"Host: {host}") == 200
    assert watch(gateway, f"Host: {host}") == 101


@pytest.mark.parametrize("host", FORGED)
def test_and_no_others_on_any_route(gateway: RunningGateway, host: str) -> None:
    """A name that its owner points to 127.0.0.1 makes its pages those of this server, for the browser."""
    commands = len(gateway.universe.commands)
    for method, path, body in ROUTES:
        assert send(gateway, method, path, body, f"Host: {host}", f"Origin: http://{host}") == 403, (
            method,
            path,
        )
    assert watch(gateway, f"Host: {host}", f"Origin: http://{host}") == 403
    assert len(gateway.universe.commands) == commands


@pytest.mark.parametrize("host", BROKEN)
def test_what_is_no_host(gateway: RunningGateway, host: str) -> None:
    assert send(gateway, "GET", "/ping", b"", f"Host: {host}") == 400
    assert watch(gateway, f"Host: {host}") == 400


def test_one_host_no_more_no_less(gateway: RunningGateway) -> None:
    assert send(gateway, "GET", "/ping", b"") == 400
    assert send(gateway, "GET", "/ping", b"", "Host: localhost", "Host: localhost") == 400
    assert send(gateway, "GET", "/ping", b"", version="1.0") == 400
    for target in ("http://evil.example/ping", "http://localhost/ping", "ping", "*"):
        assert send(gateway, "GET", target, b"", "Host: localhost") in (400, 404), target


def test_a_body_has_one_length(gateway: RunningGateway) -> None:
    """Whoever stands in front must not read another end of the body than this server."""
    smuggled = b"0\r\n\r\nGET /connect HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b"POST /api/v2/query/rows HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.address[1]), timeout=20) as connection:
        connection.sendall(head % len(smuggled) + smuggled)
        received = b""
        while part := connection.recv(65_536):
            received += part
    assert received.startswith(b"HTTP/1.1 400") and received.count(b"HTTP/1.1") == 1


def test_a_forged_host_is_told_what_to_do(gateway: RunningGateway) -> None:
    answer = gateway.http.get("/ping", headers={"Host": "evil.example"})
    assert answer.json()["error"]["code"] == 1130
    assert "'evil.example'" in answer.text and "WASMVERSE_HOSTS" in answer.text
    answer = gateway.http.post("/api/v2/exec", content=SPAWN, headers={"Host": "evil.example"})
    assert answer.text.startswith("Error 1130: ")


def test_a_server_with_tokens_has_configured_names(town: RunningGateway) -> None:
    for host in (*LOOPBACK, "universe.example", "UNIVERSE.example.:8443", "10.1.2.3:80"):
        assert send(town, "GET", "/ping", b"", f"Host: {host}") == 200, host
    for host in (*FORGED, "other.universe.example", "10.1.2.4"):
        assert send(town, "POST", "/api/v2/query/rows", SELECT, f"Host: {host}") == 403, host


def test_names_by_the_settings(tmp_path: Path) -> None:
    def names(is_open: bool, *asked: str, **values: object) -> list[bool]:
        rule = HostRule(Settings(database_path=tmp_path / "none.duckdb", **values), is_open)
        return [rule.has(name) for name in asked]

    asked = ("localhost", "10.0.0.5", "2001:db8::1", "town.example", socket.gethostname().lower())
    assert names(True, *asked, host="0.0.0.0") == [True, False, False, False, False]
    assert names(False, *asked, host="0.0.0.0") == [True, True, True, False, True]
    assert names(False, *asked, host="::") == [True, True, True, False, True]
    assert names(True, *asked[:4], host="10.0.0.5") == [True, True, False, False]
    assert names(False, *asked[:4], host="town.example") == [True, False, False, True]
    assert names(False, *asked[:4], hosts=("*",)) == [True] * 4
    for wrong in ({"hosts": ("*",)}, {"hosts": ("a b",)}, {"hosts": ("a:80",)}, {"proxies": ("10.0.0.1/8",)}):
        with pytest.raises(SettingsError, match=r"hosts|HOSTS|PROXIES"):
            check_access(Settings(**wrong), TokenFile(tmp_path / "none.tokens"))


@pytest.mark.parametrize(
    "headers",
    [
        ("Origin: https://evil.example",),
        ("Origin: null",),
        ("Origin: http://[",),
        ("Origin: http://localhost:99",),
        ("Origin: http://127.0.0.1:{port}",),
        ("Origin: ftp://localhost:{port}",),
        ("Origin: localhost:{port}",),
        ("Origin: http://localhost:{port}@evil.example",),
        ("Origin:",),
        ("Origin: http://localhost:{port}", "Origin: https://evil.example"),
        ("Sec-Fetch-Site: cross-site",),
        ("Sec-Fetch-Site: same-site",),
        ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"),
        ("Sec-Fetch-Site: odd",),
        ("Origin: https://localhost:{port}", "Sec-Fetch-Site: cross-site"),
        ("Origin: http://localhost:{port}", "Sec-Fetch-Site: same-site"),
    ],
)
def test_pages_of_others_may_not_command(
    gateway: RunningGateway, town: RunningGateway, headers: tuple[str, ...]
) -> None:
    for server in (gateway, town):
        port = server.address[1]
        given = [f"Host: localhost:{port}", *(header.format(port=port) for header in headers)]
        for method, path, body in ROUTES[-3:]:
            assert send(server, method, path, body, *given) == 403, (method, path)
    assert send(gateway, "POST", "/api/v2/query/rows", SELECT, *given[:1], *headers) == 200, (
        "by default all may read"
    )


def test_own_pages_and_programs_may(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"eid": 1, "tid": 1}
    port = gateway.address[1]
    for headers in (
        ("Origin: http://localhost:{port}",),
        ("Origin: http://LOCALHOST:{port}", "Sec-Fetch-Site: same-origin"),
        ("Origin: http://localhost:{port}", "Sec-Fetch-Site: none"),
        ("Sec-Fetch-Site: none",),
        ("Sec-Fetch-Site: same-origin",),
        (),
    ):
        given = [f"Host: localhost:{port}", *(header.format(port=port) for header in headers)]
        assert send(gateway, "POST", "/api/v2/exec", SPAWN, *given) == 200, headers


def test_who_may_read_holds_for_every_route_and_the_socket(town: RunningGateway) -> None:
    """A request that the browser would not show to its page is not carried out either."""
    port = town.address[1]
    host = f"Host: localhost:{port}"
    for origin, may in (
        (f"http://localhost:{port}", True),
        ("https://friend.example", True),
        ("https://evil.example", False),
        ("null", False),
        ("http://[", False),
    ):
        for method, path, body in (("POST", "/api/v2/query/rows", SELECT), ("GET", "/connect", b"")):
            assert (send(town, method, path, body, host, f"Origin: {origin}") == 200) is may, (origin, path)
        assert watch(town, host, f"Origin: {origin}") == (101 if may else 403), origin
    assert watch(town, host) == 101, "a program has no origin"
    cross = "Sec-Fetch-Site: cross-site"
    assert send(town, "GET", "/connect", b"", host, cross) == 403
    assert send(town, "GET", "/connect", b"", host, cross, "Sec-Fetch-Mode: navigate") == 200, "a link"
    assert watch(town, host, cross) == 403


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "Via: 1.1 x", "CF-Ray: 1", "X-Real-IP: 1.2.3.4"],
)
def test_behind_an_unknown_proxy_nothing_is_open(
    gateway: RunningGateway, town: RunningGateway, header: str
) -> None:
    for method, path, body in ROUTES:
        assert send(gateway, method, path, body, "Host: localhost", header) == 403, (method, path)
    assert watch(gateway, "Host: localhost", header) == 403
    answer = gateway.http.get("/ping", headers=[tuple(header.split(": "))])
    assert "WASMVERSE_ACCESS=token" in answer.text and "WASMVERSE_PROXIES" in answer.text
    assert send(town, "GET", "/ping", b"", "Host: localhost", header) == 200, "tokens hold behind any proxy"


def test_a_proxy_with_its_defaults_is_known_by_its_version(gateway: RunningGateway) -> None:
    assert send(gateway, "POST", "/api/v2/exec", SPAWN, "Host: 127.0.0.1:8000", version="1.0") == 403


def test_a_named_proxy_tells_for_whom_it_asks(tmp_path: Path) -> None:
    running = RunningGateway(tmp_path, proxies=("127.0.0.0/8",), queries_per_second_max=1)
    try:

        def ask(address: str) -> int:
            header = f"X-Forwarded-For: {address}"
            return send(running, "POST", "/api/v2/query/rows", SELECT, "Host: localhost", header)

        assert [ask("192.0.2.1") for _ in range(3)] == [200, 200, 429]
        assert ask("192.0.2.2") == 200, "each of its clients has a rate of its own"
    finally:
        running.close()


def test_sites_and_origins() -> None:
    assert parse_site("Example.ORG.:80") == Site("example.org", 80)
    assert parse_site("[0:0:0:0:0:0:0:1]") == Site("::1", None)
    assert parse_site("[::ffff:10.0.0.1]:1") == Site("10.0.0.1", 1)
    assert is_same_origin("https://town.example", Site("town.example", None))
    assert is_same_origin("https://town.example", Site("town.example", 443))
    assert is_same_origin("http://town.example:80", Site("town.example", None))
    assert not is_same_origin("http://town.example", Site("town.example", 443))
    assert not is_same_origin("town.example", Site("town.example", None))


def test_metrics_are_for_who_may_read(town: RunningGateway, tmp_path: Path) -> None:
    assert town.http.get("/metrics").status_code == 200, "here everybody may"
    running = RunningGateway(tmp_path, access="token", is_reading_public=False)
    try:
        refused = running.http.get("/metrics")
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, 1045)
        token = TokenFile(token_path(running.settings.database_path)).create("scraper", Role.reader)
        answer = running.http.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert "wasmverse_turn " in answer.text
    finally:
        running.close()
