"""The configurations of docs/operating/, each with the real proxy: TLS, WebSocket, compression, limits, base path, visitors."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from websockets.sync.client import connect

from tests.api.conftest import RunningGateway
from tests.api.proxies import NAME, Proxy
from wasmverse.processes.server import PAGE_FOLDER
from wasmverse.tokens import Role

FILES = {
    ("nginx", ""): "nginx.conf",
    ("nginx", "/wasmverse"): "nginx-path.conf",
    ("Caddy", ""): "Caddyfile",
    ("Caddy", "/wasmverse"): "Caddyfile-path",
}
EXAMPLES = tuple(FILES.values())
LINK = re.compile(r'(?:src|href)="([^"#]+)"')
RATE = 2  # so four at once


class Front:
    """A gateway behind a proxy, and what visitors do there."""

    def __init__(self, example: str, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.proxy = Proxy(example, gateway.address[1])
        self.path = gateway.settings.base_path + "/"
        self.url = f"https://127.0.0.1:{self.proxy.port}{self.path}"
        self.is_nginx = example.endswith(".conf")
        self._network = f"127.0.{EXAMPLES.index(example) + 1}"

    def visit(self, number: int) -> httpx.Client:
        """A visitor with an address of loopback; the name stands where it would with port 443."""
        transport = httpx.HTTPTransport(verify=self.proxy.trusting(), local_address=self.address(number))
        return httpx.Client(
            base_url=self.url,
            transport=transport,
            headers={"Host": NAME},
            timeout=20,
            event_hooks={"request": [_named]},
        )

    def address(self, number: int) -> str:
        """Of a visitor of this proxy, which is not the proxy's own."""
        return f"{self._network}.{number}"


def _named(request: httpx.Request) -> None:
    request.extensions["sni_hostname"] = NAME


@pytest.fixture(scope="module", params=["/", "/wasmverse/"])
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    running = RunningGateway(
        tmp_path_factory.mktemp("gateway"),
        PAGE_FOLDER,
        public_url=f"https://{NAME}{request.param}",
        proxies=("127.0.0.1",),
        readers=1,
        queries_per_second_max=RATE,
        # More than a proxy lets through, so that it is seen who refuses.
        module_bytes_max=48 << 20,
        upload_bytes_max=64 << 20,
    )
    yield running
    running.close()


@pytest.fixture(scope="module", params=["nginx", "Caddy"])
def front(request: pytest.FixtureRequest, gateway: RunningGateway) -> Iterator[Front]:
    found = Front(FILES[request.param, gateway.settings.base_path], gateway)
    yield found
    found.proxy.close()


def test_the_page_and_all_that_it_links_to(front: Front) -> None:
    with front.visit(2) as visitor:
        page = visitor.get("")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        links = LINK.findall(page.text)
        assert len(links) >= 3
        for link in links:
            assert visitor.get(urljoin(front.url, link)).status_code == 200, link
        script = next(link for link in links if link.endswith(".js"))
        encoded = visitor.get(script, headers={"Accept-Encoding": "gzip"})
        assert encoded.headers["content-encoding"] == "gzip"


def test_shared_links_have_the_public_url(front: Front) -> None:
    with front.visit(2) as visitor:
        text = visitor.get("?system=2").text
        tags = dict(re.findall(r'<meta property="(og:[^"]+)" content="([^"]*)"', text))
        assert tags["og:url"] == f"https://{NAME}{front.path}?system=2"
        assert tags["og:image"] == f"https://{NAME}{front.path}api/v1/picture.png?system=2"
        assert "system is 'x'" in visitor.get("api/v1/picture.png?system=x").text
        assert visitor.get("api/v2/spec").json()["servers"] == [{"url": f"https://{NAME}{front.path}"[:-1]}]


def test_a_base_path_is_found_without_its_slash(front: Front) -> None:
    if front.path == "/":
        # The host is this server's own, so plain HTTP leads to it.
        with httpx.Client(headers={"Host": NAME}) as visitor:
            answer = visitor.get(f"http://127.0.0.1:{front.proxy.http_port}/?turn=1")
            where = urlsplit(answer.headers["location"])
            assert (where.scheme, where.hostname, where.query) == ("https", NAME, "turn=1")
        return
    with front.visit(2) as visitor:
        answer = visitor.get(front.url[:-1])
        assert answer.status_code in {301, 308}
        assert urlsplit(answer.headers["location"]).path == front.path
        assert "Wasmverse" not in visitor.get(front.url.replace("/wasmverse/", "/")).text


def test_live_queries_by_websocket_from_its_own_page(front: Front) -> None:
    with (
        socket.create_connection(
            ("127.0.0.1", front.proxy.port), source_address=(front.address(3), 0)
        ) as plain,
        connect(
            f"wss://{NAME}{front.path}api/v1/live",
            sock=plain,
            ssl=front.proxy.trusting(),
            origin=f"https://{NAME}",  # type: ignore[arg-type]
        ) as live,
    ):
        live.send(json.dumps({"id": 1, "sql": "select max(tid) from turns"}))
        first = json.loads(live.recv(timeout=20))
        tid = front.gateway.turn()
        second = json.loads(live.recv(timeout=20))
        assert (first["turn"] < tid, second["turn"], second["rows"]) == (True, tid, [[tid]])


def test_answers_are_compressed_once(front: Front) -> None:
    sql = "select repeat('wasmverse ', 1000) as text"
    with front.visit(4) as visitor:
        for encoding in ("gzip", "identity"):
            answer = visitor.post(
                "api/v2/query/tuples", json={"sql": sql}, headers={"Accept-Encoding": encoding}
            )
            assert answer.status_code == 200, answer.text
            assert answer.headers.get("content-encoding", "identity") == encoding
            assert "wasmverse wasmverse" in answer.text
            assert int(answer.headers["wasmverse-turn"]) >= 1
            # The server itself compresses no other answers.
            spec = visitor.get("api/v2/spec", headers={"Accept-Encoding": encoding})
            assert spec.headers.get("content-encoding", "identity") == encoding
            assert spec.json()["info"]["title"] == "Wasmverse"


def test_a_body_may_be_as_large_as_an_upload_and_no_larger(front: Front) -> None:
    token = front.gateway.app.state.gateway.access.tokens.create(f"pilot{front.address(5)}", Role.pilot)
    with front.visit(5) as visitor:
        visitor.headers["Authorization"] = f"Bearer {token}"
        refused = visitor.put("api/v1/strategies/large", content=bytes(33 << 20))
        # Caddy answered 502 to a body that is too long before its version 2.7.
        assert refused.status_code in ({413} if front.is_nginx else {413, 502})
        passed = visitor.put("api/v1/strategies/large", content=bytes(5 << 20))
        assert passed.status_code == 422, "it came to the server, which saw that it is no module"


def test_a_rate_is_of_the_visitor_whatever_the_header_says(front: Front) -> None:
    def ask(visitor: httpx.Client, forged: str) -> int:
        headers = {"X-Forwarded-For": forged}
        return visitor.post("api/v2/query/tuples", json={"sql": "select 1"}, headers=headers).status_code

    with front.visit(6) as visitor, front.visit(7) as other:
        statuses = [ask(visitor, f"192.0.2.{number}") for number in range(10)]
        assert 429 in statuses, "a header of the visitor's own counts for nothing"
        assert ask(other, front.address(6)) == 200, "who has used up nothing is served"
        forged = [ask(other, f"{front.address(9)}, 127.0.0.1") for _ in range(10)]
        assert 429 in forged, "it spends its own share"
    with front.visit(9) as another:
        assert ask(another, "") == 200, "and nobody else's"


def test_through_a_proxy_nobody_commands_without_a_token(front: Front) -> None:
    """The proxy is on this machine; its visitors are not."""
    with front.visit(8) as visitor:
        assert visitor.delete("api/v1/strategies/strategy_battle").status_code == 401
