"""What the OpenAPI document allows, and does not, tried at random on every operation: no request is a server's error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.api.conftest import RunningGateway

EXAMPLES = 25
OPERATIONS = [
    *(("POST", f"/api/{version}/{path}") for version in ("v1", "v2") for path in ("query/tuples", "query/rows", "exec")),
    *(("GET", f"/api/{version}/query") for version in ("v1", "v2")),
    ("GET", "/api/v1/strategies"),
    ("PUT", "/api/v1/strategies/{name}"),
    ("POST", "/api/v1/strategies/{name}/check"),
    ("GET", "/api/v1/strategies/{name}"),
    ("POST", "/api/v1/strategies/{name}/enable"),
    ("POST", "/api/v1/strategies/{name}/disable"),
    ("POST", "/api/v1/strategies/{name}/rollback"),
    ("DELETE", "/api/v1/strategies"),
    ("DELETE", "/api/v1/strategies/{name}"),
    ("GET", "/api/v1/functions"),
    ("GET", "/api/v1/functions/{name}"),
    ("PUT", "/api/v1/functions/{name}"),
    ("DELETE", "/api/v1/functions/{name}"),
    ("POST", "/api/v1/functions/{name}/rollback"),
    ("POST", "/api/v1/functions/{name}/dry-run"),
    ("GET", "/api/v1/bundled/{file}"),
    ("GET", "/api/v1/rules/{file}"),
    ("GET", "/api/v1/picture.png"),
    ("GET", "/ping"),
    ("GET", "/connect"),
    ("GET", "/health"),
    ("GET", "/metrics"),
]  # fmt: skip


@schemathesis.serializer("application/wasm")
def as_it_is(_context: object, value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | bytearray) else str(value).encode()


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    limits: dict[str, Any] = {
        "commands_per_second_max": 0,
        "queries_per_second_max": 0,
        "query_seconds_max": 2,
    }
    running = RunningGateway(tmp_path_factory.mktemp("fuzzed"), body_seconds_max=1, **limits)
    functions = {"version": 1, "dropped": 1, "is_enabled": True}
    running.universe.answer = {"eid": 1, "tid": 1, "name": "x", "names": ["x"], "strategies": [], **functions}

    yield running
    running.close()


def spec_of(gateway: RunningGateway) -> dict[str, Any]:
    return dict(gateway.http.get("/api/v2/spec").json())


def test_every_operation_is_tried(fuzzed: RunningGateway) -> None:
    documented = {
        (method.upper(), path) for path, methods in spec_of(fuzzed)["paths"].items() for method in methods
    }
    assert documented == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_is_a_servers_error(fuzzed: RunningGateway, method: str, path: str) -> None:
    schema = schemathesis.openapi.from_dict(spec_of(fuzzed))
    fuzzed.turn()  # the newest one is from this moment, so all is healthy
    tried = []

    operation = schema[path][method]
    cases = operation.as_strategy()
    if operation.body or operation.path_parameters:
        cases = st.one_of(cases, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))

    # An upload is checked in a process of its own, half a second each.
    @settings(
        max_examples=EXAMPLES if method != "PUT" and not path.endswith("/check") else 6,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: Any) -> None:
        response = case.call(base_url=fuzzed.url)
        tried.append(response.status_code)
        assert response.status_code < 500, (response.status_code, response.text, case.as_curl_command())

    ask()
    assert tried
    assert fuzzed.http.get("/ping").text == "pong"
