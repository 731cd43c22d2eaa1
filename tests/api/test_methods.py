"""Wrong methods, HEAD and OPTIONS, with the page and without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import RunningGateway


@pytest.fixture(scope="module")
def paged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A server whose page is built: its files are at every path that is no other route's."""
    folder = tmp_path_factory.mktemp("paged")
    (folder / "page").mkdir()
    (folder / "page" / "index.html").write_text("<!doctype html><title>x</title>")
    running = RunningGateway(folder, folder / "page")
    yield running
    running.close()


@pytest.fixture(params=["gateway", "paged"])
def server(request: pytest.FixtureRequest) -> RunningGateway:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api/v2/query/tuples", "POST"),
        ("GET", "/api/v1/exec", "POST"),
        ("HEAD", "/api/v1/exec", "POST"),
        ("DELETE", "/api/v1/query/rows", "POST"),
        ("PATCH", "/api/v1/strategies/x", "DELETE, GET, HEAD, PUT"),
        ("POST", "/api/v1/strategies/x", "DELETE, GET, HEAD, PUT"),
        ("POST", "/api/v1/strategies", "DELETE, GET, HEAD"),
        ("PUT", "/ping", "GET, HEAD"),
        ("BREW", "/ping", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("POST", "/api/v1/query", "GET, HEAD"),
        ("POST", "/api/v1/live", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    server: RunningGateway, method: str, path: str, allow: str
) -> None:
    answer = server.http.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    if method == "HEAD":
        assert answer.content == b""
    elif path.endswith(("/exec", "/rows", "/tuples", "/query")):
        assert answer.text.startswith("Error 1105: ") and allow in answer.text
    else:
        assert answer.json()["error"]["message"].endswith(f"send {allow}")


def test_what_is_nowhere_is_404(server: RunningGateway) -> None:
    for method, path in (
        ("GET", "/nothing"),
        ("GET", "/api/v1/nothing"),
        ("GET", "/ping/"),
        ("POST", "/nothing"),
        ("PUT", "/api/v1/nothing"),
        ("HEAD", "/nothing"),
        ("BREW", "/assets"),
        ("BREW", "/" + "a" * 300),  # longer than a file's name can be
        ("PUT", "/x%00y"),
    ):
        assert server.http.request(method, path).status_code == 404, (method, path)


@pytest.mark.parametrize(
    "path", ["/ping", "/connect", "/health", "/metrics", "/api/v1/strategies", "/api/v2/spec", "/"]
)
def test_head_is_get_without_the_body(server: RunningGateway, path: str) -> None:
    server.turn()
    whole, head = server.http.get(path), server.http.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert int(head.headers["content-length"]) > 0
    assert server.http.get("/ping").text == "pong", "the connection goes on"


def test_a_preflight_is_answered(server: RunningGateway) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = server.http.options("/api/v2/query/rows", headers=asked)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert "PUT" not in answer.headers["access-control-allow-methods"]


def test_a_socket_where_none_is(server: RunningGateway) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    for path in ("/", "/nothing", "/ping"):
        assert server.http.get(path, headers=upgrade | key).status_code == 403, path


def test_what_is_a_socket_says_so(server: RunningGateway) -> None:
    answer = server.http.get("/api/v1/live")
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
    assert "WebSocket" in answer.json()["error"]["message"]


def test_errors_show_paths_on_one_line(gateway: RunningGateway, tmp_path: Path) -> None:
    answer = gateway.http.get("/api/v1/query/x%0d%0aSet-Cookie:%1b[31m" + "y" * 5_000)
    assert answer.status_code == 404
    assert "\n" not in answer.text and "\x1b" not in answer.text and len(answer.text) < 400
