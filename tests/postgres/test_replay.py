"""A recorded run comes out the same in a file, in PostgreSQL, on two servers, and played outside of them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.postgres.server import Server
from tests.recording.builder import BODIES, SETTINGS, Run, upload_of
from wasmverse.cli.main import app
from wasmverse.commands import Author, RemoveStrategy, SpawnEntity
from wasmverse.recording.replay import replay
from wasmverse.settings import Settings, load_settings


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """With uploads, spawns, a strategy that is grounded, and one that is removed."""
    run = Run(tmp_path, SETTINGS.model_copy(update={"systems": 600, "ships": 1}))  # two blocks
    store = run.simulation
    run.play(2)
    store.carry_out(upload_of("mine", BODIES[1]))
    store.carry_out(upload_of("bad", "(unreachable)"))
    for sid in (1, 150, 599, 600):
        store.carry_out(SpawnEntity(sid, 1, 7, 9, "bad"))
    run.play(6)
    store.carry_out(SpawnEntity(600, 2, 1, 2, None))
    store.carry_out(RemoveStrategy("mine", Author.named("ada")))
    run.play(5)
    rows = store.snapshot()["strategy"].to_pylist()
    assert {row["name"]: row["status"] for row in rows if row["name"] in {"mine", "bad"}} == {
        "mine": "removed",
        "bad": "grounded",
    }
    run.close()
    return run


def test_a_run_is_the_same_everywhere(run: Run, server: Server, url: str, second_url: str) -> None:
    expected = replay(run.recording, None, Settings(threads=1), run.folder / "again.duckdb")
    assert expected.first_difference is None
    assert (expected.tid, expected.commands) == (13, 8)
    asked = CliRunner().invoke(app, ["replay", str(run.recording), "--db", url, "--json", "--threads", "2"])
    assert asked.exit_code == 0, asked.output
    inside = json.loads(asked.output)
    names = [server.create_database() for _ in range(2)]
    try:
        over_two = load_settings(database_path=server.url(names[0]), place_urls=[second_url], play="inside")
        outside = load_settings(database_path=server.url(names[1]), play="outside", threads=2)
        found = [replay(run.recording, None, each, each.database_path) for each in (over_two, outside)]
    finally:
        for name in names:
            server.drop_database(name)
    for each in (inside, *(result.as_json() for result in found)):
        assert each["is_equal"]
        assert each == expected.as_json()
    again = CliRunner().invoke(app, ["replay", str(run.recording), "--db", url])
    assert again.exit_code == 2
    assert "holds a universe already: name an empty database" in again.output


def test_turns_are_measured_in_a_database(url: str) -> None:
    sizes = ["--systems", "12", "--ships", "4", "--nodes", "6", "--turns", "3", "--json"]
    results = []
    for where in (["--db", url], ["--memory"]):
        asked = CliRunner().invoke(app, ["bench", "turn", *sizes, *where])
        assert asked.exit_code == 0, asked.output
        results.append(json.loads(asked.output))
    assert results[0]["state_hash"] == results[1]["state_hash"]
    assert results[0]["durable"]
    assert set(results[0]) == set(results[1])
    asked = CliRunner().invoke(app, ["bench", "turn", *sizes, "--db", url, "--memory"])
    assert asked.exit_code == 2
