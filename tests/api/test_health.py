import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api.conftest import RunningGateway
from wasmverse.messages import Condition


def test_ping(gateway: RunningGateway) -> None:
    answer = gateway.http.get("/ping")
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (
        200,
        "pong",
        "text/plain; charset=utf-8",
    )


def test_connect_says_what_this_is(gateway: RunningGateway) -> None:
    facts = gateway.http.get("/connect").json()
    assert facts["name"] == "wasmverse"
    assert facts["turn"] == gateway.universe.last.tid
    assert facts["turn"] in facts["turnsKept"]
    assert facts["periodSeconds"] == 1.0


def test_health_is_about_turns_not_processes(gateway: RunningGateway) -> None:
    gateway.turn()
    answer = gateway.http.get("/health")
    assert (answer.status_code, answer.json()["healthy"]) == (200, True)
    gateway.threads.run(_stall(gateway, time.time() - 60))
    answer = gateway.http.get("/health")
    assert answer.status_code == 503
    assert "60." in answer.json()["problem"]
    gateway.turn()
    gateway.universe.is_alive = False
    assert gateway.http.get("/health").json()["problem"] == "the universe process has ended"
    gateway.universe.is_alive = True
    assert gateway.http.get("/health").status_code == 200
    gateway.universe.trouble = "the snapshot folder is full"
    answer = gateway.http.get("/health")
    assert (answer.status_code, answer.json()["problem"]) == (503, "the snapshot folder is full")
    gateway.universe.trouble = None
    assert gateway.http.get("/health").status_code == 200


def test_health_and_metrics_say_who_plays(gateway: RunningGateway) -> None:
    gateway.turn()
    kept = gateway.http.get("/health").json()["database"]
    assert (kept["engine"], kept["isClock"], kept["lagTurns"]) == ("duckdb", True, 0)
    gateway.universe.condition = Condition(
        "postgresql", 2, "inside", False, "db1:77", 3, "turn 9 was completed on one server", 4
    )
    assert gateway.http.get("/health").json()["database"] == {
        "engine": "postgresql",
        "servers": 2,
        "play": "inside",
        "isClock": False,
        "clock": "db1:77",
        "lagTurns": 3,
        "recoveries": 4,
        "lastRecovery": "turn 9 was completed on one server",
    }
    text = gateway.http.get("/metrics").text
    for line in ("wasmverse_clock 0.0", "wasmverse_turns_lag 3.0", "wasmverse_recoveries_total 4.0"):
        assert f"\n{line}\n" in text


async def _stall(gateway: RunningGateway, ended_at: float) -> None:
    gateway.universe.turn(ended_at)


def test_metrics_are_prometheus_text(gateway: RunningGateway) -> None:
    gateway.query("select 1 -- for the metrics")
    gateway.query("selec")
    text = gateway.http.get("/metrics").text
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["wasmverse_turn",] == gateway.universe.last.tid
    assert values["wasmverse_queries_total", "ok"] >= 1
    assert values["wasmverse_queries_total", "QueryError"] >= 1
    assert values["wasmverse_query_seconds_count",] >= 1
    assert values["wasmverse_phase_seconds", "decide"] == 0.01
    assert values["wasmverse_universe_up",] == 1


def test_the_spec_lists_the_routes(gateway: RunningGateway) -> None:
    spec = gateway.http.get("/api/v2/spec").json()
    assert spec["openapi"].startswith("3.")
    for path in (
        "/api/v1/query/rows",
        "/api/v2/query/tuples",
        "/api/v2/exec",
        "/api/v1/strategies/{name}",
        "/ping",
    ):
        assert path in spec["paths"]


def test_without_a_page_there_is_a_text(gateway: RunningGateway) -> None:
    answer = gateway.http.get("/")
    assert answer.status_code == 503
    assert "make setup" in answer.text


def test_the_page_and_its_headers(tmp_path: Path) -> None:
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>x</title>")
    (page / "assets" / "app-1234.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    running = RunningGateway(tmp_path, page)
    try:
        index = running.http.get("/")
        assert index.status_code == 200
        policy = index.headers["content-security-policy"]
        assert "script-src 'self';" in policy and "default-src 'none'" in policy
        assert not [loose for loose in ("unsafe", "data:", "blob:", "*", "http") if loose in policy]
        assert index.headers["cache-control"] == "no-cache"
        script = running.http.get("/assets/app-1234.js")
        assert "immutable" in script.headers["cache-control"]
        assert running.http.get("/../secret.txt").status_code == 404
        assert running.http.get("/%2e%2e/secret.txt").status_code == 404
        assert running.http.get("/ping").text == "pong"
    finally:
        running.close()


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_nothing_loads_scripts_from_elsewhere(gateway: RunningGateway, path: str) -> None:
    assert gateway.http.get(path).status_code == 404
