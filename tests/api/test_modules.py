"""The modules that anybody may have."""

from hashlib import sha256

import httpx

from tests.api.conftest import RunningGateway
from wasmverse.simulation.beginning import BUNDLED, BUNDLED_FOLDER


def get(gateway: RunningGateway, path: str) -> httpx.Response:
    return gateway.http.get(path)


def test_the_rules_are_served_by_their_hash_for_ever(gateway: RunningGateway) -> None:
    named = get(gateway, "/connect").json()["rules"]
    answer = get(gateway, f"/api/v1/rules/{named}.wasm")
    assert answer.headers["content-type"] == "application/wasm"
    assert "immutable" in answer.headers["cache-control"]
    assert sha256(answer.content).hexdigest() == named
    assert answer.content == (BUNDLED_FOLDER / "rules.wasm").read_bytes()


def test_rules_of_another_version_are_refused_with_the_present_hash(gateway: RunningGateway) -> None:
    answer = get(gateway, f"/api/v1/rules/{'0' * 64}.wasm")
    assert answer.status_code == 404
    assert get(gateway, "/connect").json()["rules"] in answer.text


def test_bundled_strategies_are_served_by_name_and_nothing_else(gateway: RunningGateway) -> None:
    for name in BUNDLED:
        found = get(gateway, f"/api/v1/bundled/{name}.wasm")
        assert found.content == (BUNDLED_FOLDER / f"{name}.wasm").read_bytes()
        assert found.headers["content-type"] == "application/wasm"
    for other in ("rules.wasm", "strategy_x.wasm", "..%2F__init__.py", "strategy_flee"):
        refused = get(gateway, f"/api/v1/bundled/{other}")
        assert refused.status_code == 404
        assert refused.content[:4] != b"\0asm"
