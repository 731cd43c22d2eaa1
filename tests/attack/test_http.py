"""HTTP by its schema and by raw bytes, against a real server.

A failing case is shown as the bytes that were sent; ``WASMVERSE_TEST_ATTACK_SEED`` and the number of the case play it again.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.attack.effort import cases_of_time, random_of
from tests.attack.target import Target, exchange

SECONDS = 20
STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
EXPECTED_OF_SERVER = {503, 504}
"""A crowded or stopped universe; every other 5xx is a fault of ours."""

METHODS = [
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "CONNECT",
    "get",
    "BREW",
    "G\x00T",
    "",
    "A" * 9_000,
]
TARGETS = [
    "/",
    "/ping",
    "/connect",
    "/health",
    "/metrics",
    "/api/v2/spec",
    "/api/v2/query/tuples",
    "/api/v1/query/rows",
    "/api/v2/exec",
    "/api/v1/strategies",
    "/api/v1/strategies/x",
    "/api/v1/strategies/%00",
    "/api/v1/strategies/..%2f..%2fetc",
    "/api/v1/live",
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "//evil.example/",
    "http://evil.example/ping",
    "*",
    "?",
    "/ping?" + "a=b&" * 500,
    "/%ff%fe",
    "/\udcff",
    "/ping#x",
    "/assets/../index.html",
    "/" + "a/" * 4_000,
]
VERSIONS = ["HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "http/1.1", "HTTP/1.1 x", "", "HTTP/11"]
HOSTS = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    "evil.example",
    "",
    "localhost:80:80",
    "[",
    "a@localhost",
    "localhost\x00",
    "*",
    "l" * 9_000,
]
BODIES: list[Callable[[random.Random], bytes]] = [
    lambda _: b"",
    lambda _: b'{"sql":"select 1"}',
    lambda r: json.dumps(
        {"sql": "select ?", "args": [r.choice([None, 1e308, 2**63, "x", [], {}, [[]], -0.0])]}
    ).encode(),
    lambda r: json.dumps(
        {"sql": r.choice(["select", "call spawn_entity(1,2,3,4,null)", "\x00", "'", "call"])}
    ).encode(),
    lambda r: json.dumps(
        {
            "sql": "select 1",
            r.choice(["turn", "args", "bigint", "database"]): r.choice([None, -1, "x", [], {}, 1.5]),
        }
    ).encode(),
    lambda r: b"[" * r.choice([1, 1_000, 100_000]),
    lambda r: r.randbytes(r.choice([1, 100, 70_000])),
    lambda r: b'{"sql":"' + b"x" * r.choice([10, 1_100_000]) + b'"}',
    lambda _: b"\x00asm\x01\x00\x00\x00",
]
ODD_HEADERS = [
    "Origin: http://[",
    "Origin: null",
    "Origin: https://evil.example",
    "Sec-Fetch-Site: cross-site",
    "X-Forwarded-For: ::::",
    'Forwarded: for="',
    "Authorization: Basic ====",
    "Authorization: Bearer " + "x" * 5_000,
    "Authorization: Basic " + "AAAA" * 100,
    "Authorization: \xff\xfe",
    "Accept: " + ";q=1," * 2_000,
    "Accept-Encoding: gzip;q=0, identity;q=0, *;q=0",
    "Accept: application/vnd.apache.arrow.stream",
    "Accept: text/csv;q=nan",
    "Expect: 100-continue",
    "Expect: 200-ok",
    "Connection: close",
    "Connection: keep-alive, Upgrade, close",
    "Upgrade: websocket",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAAQAAP__",
    "Range: bytes=0-0,1-1,-99999999999999999999",
    "If-None-Match: " + '"x",' * 1_000,
    "If-Modified-Since: Thu, 99 Foo 9999 99:99:99 GMT",
    'Content-Type: application/json; charset="\x0b"',
    "Content-Encoding: gzip",
    "Access-Control-Request-Method: PUT",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding: xchunked",
    "Content-Length: -1",
    "Content-Length: 1e3",
    "Content-Length: 5, 5",
    "Content-Length: 99999999999999999999999",
    "Content-Length: +5",
    " folded: x",
    "No colon",
    ": empty",
    "Na me: x",
    "X: a\rb",
    "X: a\nGET /ping HTTP/1.1",
    "X: \x00",
    "Cookie: " + "a=b; " * 3_000,
]


def chunked(body: bytes, r: random.Random) -> bytes:
    size = r.choice(
        [
            b"%x",
            b"%X ",
            b"0x%x",
            b"%x;a=b",
            b"-%x",
            b"%x" + b";" * 20_000,
            b"0000000000000000000000%x",
            b"\n%x",
        ]
    )
    end = r.choice(
        [
            b"0\r\n\r\n",
            b"0\r\nTrailer: x\r\n\r\n",
            b"0\r\nContent-Length: 5\r\n\r\n",
            b"",
            b"0\r\n",
            b"ffffffffffffffff\r\n",
        ]
    )
    return (
        size.replace(b"%x", b"%x" % len(body)).replace(b"%X", b"%X" % len(body))
        + b"\r\n"
        + body
        + b"\r\n"
        + end
    )


def request(r: random.Random) -> bytes:
    """One request, mostly right: what is wrong everywhere is refused at the first byte."""

    def odd(values: list[Any], usual: Any) -> Any:
        return r.choice(values) if r.random() < 0.25 else usual

    target = r.choice(TARGETS)
    usual = "POST" if "query" in target or "exec" in target else "PUT" if "strategies/" in target else "GET"
    lines = [" ".join((odd(METHODS, usual), target, odd(VERSIONS, "HTTP/1.1"))).rstrip()]
    lines += [f"Host: {odd(HOSTS, 'localhost')}"] * odd([0, 2], 1)
    lines += r.sample(ODD_HEADERS, r.choice([0, 0, 1, 1, 2, 5]))
    if r.random() < 0.02:
        lines += [f"H{number}: x" for number in range(r.choice([90, 200, 3_000]))]
    body = r.choice(BODIES)(r)
    if r.random() < 0.3:
        lines.append("Transfer-Encoding: chunked")
        if r.random() < 0.3:
            lines.append(f"Content-Length: {len(body)}")
        body = chunked(body, r)
    elif body or r.random() < 0.2:
        lines.append(f"Content-Length: {len(body) + odd([-1, 1, 1_000, 10**9], 0)}")
    r.shuffle(rest := lines[1:])
    line_end = "\n" if r.random() < 0.05 else "\r\n"
    head = line_end.join([lines[0], *rest]) + line_end * 2
    return head.encode("utf-8", "surrogateescape") + body


def mutated(data: bytes, r: random.Random) -> bytes:
    """The same with a few bytes changed, doubled, left out or put in."""
    changed = bytearray(data[: 1 << 17])
    for _ in range(r.choice([1, 1, 3, 20])):
        if not changed:
            break
        at = r.randrange(min(len(changed), 600))
        kind = r.randrange(5)
        if kind == 0:
            changed[at] = r.randrange(256)
        elif kind == 1:
            del changed[at : at + r.randrange(1, 20)]
        elif kind == 2:
            changed[at:at] = r.choice([b"\r\n", b"\n", b"\0", b" ", b"\r\n\r\n", b"\xff", b":", b"\t"])
        elif kind == 3:
            changed[at:at] = changed[at : at + r.randrange(1, 50)]
        else:
            del changed[at + r.randrange(1, 400) :]
    return bytes(changed)


def case_of(r: random.Random) -> tuple[list[bytes], bool]:
    """What is sent over one connection, in parts, and whether the client ends its half."""
    data = b"".join(request(r) for _ in range(r.choice([1, 1, 1, 2, 5])))
    if r.random() < 0.5:
        data = mutated(data, r)
    cuts = sorted(r.randrange(len(data) + 1) for _ in range(r.choice([0, 0, 1, 3])))
    parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return parts, r.random() < 0.3


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    target = Target(tmp_path_factory.mktemp("target"))
    yield target
    target.close()


def test_raw_requests(target: Target) -> None:
    r = random_of("http")
    for number in cases_of_time(SECONDS):
        parts, is_half_closed = case_of(r)
        with target.dial() as connection:
            answer = exchange(connection, parts, is_half_closed)
        statuses = {int(status) for status in STATUS.findall(answer)}
        shown = f"case {number}, {statuses}: {parts!r}"[:20_000]
        assert not [status for status in statuses if status >= 500 and status not in EXPECTED_OF_SERVER], (
            shown
        )
        assert b"Traceback" not in answer, shown
        target.ask()
        assert not target.said(), f"{target.said()[:4_000]}\n{shown}"
    target.check()


@schemathesis.serializer("application/wasm")
def as_it_is(_context: object, value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | bytearray) else str(value).encode()


def test_requests_by_the_schema(target: Target) -> None:
    """What the OpenAPI document allows and what it does not, operation by operation."""
    schema = schemathesis.openapi.from_dict(target.http.get("/api/v2/spec").json())
    operations = [operation.ok() for operation in schema.get_all_operations()]
    assert len(operations) > 10
    r = random_of("schema")
    for _ in cases_of_time(SECONDS):
        operation = r.choice(operations)
        cases = operation.as_strategy()
        if operation.body or operation.path_parameters:
            cases = st.one_of(cases, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))

        @seed(r.randrange(1 << 32))
        @settings(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=cases)
        def ask(case: Any) -> None:
            response = case.call(base_url=target.url)
            is_ours = response.status_code >= 500 and response.status_code not in EXPECTED_OF_SERVER
            assert not is_ours, (response.status_code, response.text, case.as_curl_command())

        ask()
        target.ask()
        assert not target.said(), target.said()[:4_000]
    target.check()
