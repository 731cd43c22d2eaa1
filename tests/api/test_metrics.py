"""What /metrics says of turns, requests, strategies and the machine, and that the dashboard asks for nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

import wasmverse
from tests.api.conftest import RunningGateway
from tests.waiting import wait_until
from wasmverse.api.host import Host, HostFacts
from wasmverse.api.metrics import STRATEGIES_MAX

DASHBOARD = Path(__file__).parents[2] / "docs" / "operating" / "grafana.json"

Samples = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("measured")
    running = RunningGateway(folder, access="token", readers=1, reader_spares=0)
    file = folder / "universe.duckdb"
    file.write_bytes(bytes(1_000))
    Path(f"{file}.wal").write_bytes(bytes(200))
    running.app.state.gateway.host = Host(file, running.writer.folder)
    yield running
    running.close()


def scraped(running: RunningGateway) -> Samples:
    text = running.http.get("/metrics").text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def until(running: RunningGateway, key: tuple[str, ...], least: float) -> Samples:
    """What is scraped once a value is there: requests are counted when their clients have the answer already."""
    return wait_until(lambda: found if (found := scraped(running)).get(key, -1) >= least else None)


def test_turns_and_their_phases_are_histograms(measured: RunningGateway) -> None:
    before = scraped(measured).get(("wasmverse_turn_duration_seconds_count",), 0)
    for _ in range(3):
        measured.turn()
    found = until(measured, ("wasmverse_turn_duration_seconds_count",), before + 3)
    assert found["wasmverse_turn_duration_seconds_count",] == before + 3
    report = measured.universe.last
    assert report is not None
    for phase in report.phase_seconds:
        assert found["wasmverse_phase_duration_seconds_count", phase] == before + 3
    assert found["wasmverse_phase_duration_seconds_sum", "decide"] == pytest.approx((before + 3) * 0.01)


def test_requests_are_counted_by_status_and_refusals_by_reason(measured: RunningGateway) -> None:
    before = scraped(measured)
    assert measured.http.delete("/api/v1/strategies/mine").status_code == 401
    assert measured.http.get("/nowhere").status_code == 404
    assert measured.http.get("/ping", headers={"Origin": "null", "Host": "evil.example"}).status_code == 403
    found = until(measured, ("wasmverse_request_duration_seconds_count", "403"), 1)
    for status in ("401", "403", "404"):
        key = ("wasmverse_request_duration_seconds_count", status)
        assert found[key] == before.get(key, 0) + 1
    for reason, more in (("unauthorized", 1), ("refusal", 1), ("rate_limit", 0)):
        key = ("wasmverse_refusals_total", reason)
        assert found[key] == before[key] + more
    assert found["wasmverse_build_info", wasmverse.__version__] == 1


def test_strategies_are_those_of_the_last_turn(measured: RunningGateway) -> None:
    tid = measured.turn()
    sql = f"select strategy, ships, energy, faults from strategy_turn where tid = {tid} order by ships desc"
    rows = json.loads(measured.query(sql).text)["results"][0]["rows"]
    assert 0 < len(rows) <= STRATEGIES_MAX
    found = scraped(measured)
    for strategy, *values in rows:
        names = ("wasmverse_strategy_ships", "wasmverse_strategy_energy", "wasmverse_strategy_faults")
        assert [found[name, strategy] for name in names] == values


def test_bytes_and_memory_are_those_of_the_machine(measured: RunningGateway) -> None:
    found = scraped(measured)
    assert (found["wasmverse_file_bytes", "file"], found["wasmverse_file_bytes", "log"]) == (1_000, 200)
    assert found["wasmverse_file_bytes", "snapshots"] > 1_000
    assert found["wasmverse_disk_free_bytes", "file"] > 0
    assert found["wasmverse_processes", "reader"] >= 1
    own = psutil.Process().memory_info().rss
    assert 0 < found["wasmverse_process_memory_bytes", "gateway"] < 2 * own


def test_a_scrape_without_readers_has_the_rest(
    measured: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_given: Any, **_named: Any) -> None:
        from wasmverse.errors import UniverseUnavailable

        raise UniverseUnavailable("no reader")

    monkeypatch.setattr(measured.pool, "query", lost)
    found = scraped(measured)
    assert found["wasmverse_universe_up",] == 1
    assert not [key for key in found if key[0].startswith("wasmverse_strategy_")]


def test_many_who_scrape_read_the_machine_once(
    measured: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    host = Host(None, measured.writer.folder)
    monkeypatch.setattr(host, "_read", lambda: read.append(1) or HostFacts())
    monkeypatch.setattr(measured.app.state.gateway, "host", host)
    for _ in range(4):
        scraped(measured)
    assert len(read) == 1


def test_a_snapshot_that_is_removed_meanwhile_counts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snapshots are removed by another process, at any moment."""
    for turn in ("turn-1", "turn-2"):
        (tmp_path / turn).mkdir()
        (tmp_path / turn / "ship").write_bytes(b"345")
    assert asyncio.run(Host(None, tmp_path).facts()).files["snapshots"] == 6
    lstat = Path.lstat

    def removing(path: Path) -> os.stat_result:
        """Of a part, whereupon the other snapshot is removed, which was seen but not yet looked into."""
        found = lstat(path)
        if path.name == "ship":
            shutil.rmtree(tmp_path / ("turn-2" if path.parent.name == "turn-1" else "turn-1"))
        return found

    monkeypatch.setattr(Path, "lstat", removing)
    assert asyncio.run(Host(None, tmp_path).facts()).files["snapshots"] == 3


def test_the_dashboard_asks_for_what_is_served(measured: RunningGateway) -> None:
    measured.query("select 1 -- for the dashboard")
    measured.app.state.gateway.metrics.commands.labels("transmit")
    measured.pool.counts.lost["time"] += 0
    served = {key[0] for key in scraped(measured)} | {"wasmverse_past_bytes"}
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    expressions += [v["query"]["query"] for v in dashboard["templating"]["list"] if v["type"] == "query"]
    asked = {name for expression in expressions for name in re.findall(r"\bwasmverse_\w+", expression)}
    assert len(asked) > 25
    assert asked - served == set()
    for expression in expressions:
        assert expression.count("(") == expression.count(")"), expression


def test_the_dashboard_is_one_that_grafana_loads() -> None:
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    assert dashboard["schemaVersion"] >= 36 and dashboard["uid"] and dashboard["title"]
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert variables == {"datasource", "job"}
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["type"] in {"timeseries", "stat"} and panel["title"] and panel["targets"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)
    places = sorted((p["gridPos"]["y"], p["gridPos"]["x"], p["gridPos"]["w"]) for p in panels)
    assert all(x + w <= 24 for _, x, w in places)
    assert all(a[0] < b[0] or a[1] + a[2] <= b[1] for a, b in pairwise(places)), "none covers another"
