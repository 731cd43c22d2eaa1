"""What becomes of the snapshot folder under a running server: turns go on, queries are answered, and it recovers by itself."""

import contextlib
import shutil
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.processes.test_disk import fill, small_disk  # noqa: F401 - a fixture
from tests.processes.universe import PATIENCE_SECONDS, Universe


class Asking:
    """A client that asks all the time and must always get an answer."""

    def __init__(self, universe: Universe) -> None:
        self.http = httpx.Client(base_url=universe.url, trust_env=False, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        self.http.close()

    def turn(self) -> int:
        # A new text each time, so that no answer comes from the cache.
        answer = self.http.post(
            "/api/v2/query/tuples", json={"sql": f"select count(*), {time.time()} from entity"}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["results"][0]["rows"][0][0] > 0
        return int(answer.headers["Wasmverse-Turn"])

    def wait_for_health(self, is_healthy: bool) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            self.turn()
            facts = self.http.get("/health").json()
            if facts["healthy"] == is_healthy:
                return facts["problem"] or ""
            assert time.monotonic() < deadline, facts
            time.sleep(0.05)


@pytest.fixture(autouse=True)
def few_readers(universe: Universe) -> None:
    universe.environment |= {"WASMVERSE_READERS": "2", "WASMVERSE_READER_SPARES": "0"}


def ended_well(universe: Universe) -> list[str]:
    before = len(universe.log.read_text().splitlines())
    assert universe.signal(signal.SIGTERM) == 0
    assert (
        f"stopped after turn {universe.committed_turn():,}" in universe.log.read_text().splitlines()[before:]
    )
    log = universe.log.read_text()
    assert "Traceback" not in log
    return [line for line in log.splitlines() if "publish" in line]


def test_a_folder_that_is_removed_or_replaced_is_made_again(universe: Universe, tmp_path: Path) -> None:
    folder = tmp_path / "snapshots"
    universe.environment["WASMVERSE_SNAPSHOT_FOLDER"] = str(folder)
    universe.start()
    with contextlib.closing(Asking(universe)) as client:
        before = client.turn()
        folder.rename(tmp_path / "away")
        shutil.rmtree(tmp_path / "away")
        deadline = time.monotonic() + PATIENCE_SECONDS
        for _ in range(6):
            assert client.turn() >= before
        while client.turn() <= before:
            assert time.monotonic() < deadline
        # A link to a folder that is not the server's.
        theirs = tmp_path / "theirs"
        theirs.mkdir()
        (theirs / "turn-1").write_text("mine")
        folder.rename(tmp_path / "away")
        folder.symlink_to(theirs)
        time.sleep(0.3)
        problem = client.http.get("/health").json()["problem"]
        assert f"the snapshot folder {folder} is a link or a file; remove it" in problem
        assert [path.name for path in theirs.iterdir()] == ["turn-1"]
        folder.unlink()
        client.wait_for_health(True)
    assert ended_well(universe)[-1].endswith("is published, as those after it will be")
    assert not folder.exists()
    assert (theirs / "turn-1").read_text() == "mine"


def test_a_folder_that_is_full_shows_the_last_turn_until_there_is_room(
    universe: Universe,
    small_disk: Path | None,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Where mounting is not allowed, a folder that cannot be written to takes its place."""
    folder = (small_disk or tmp_path) / "snapshots"
    universe.environment["WASMVERSE_SNAPSHOT_FOLDER"] = str(folder)
    universe.start()
    with contextlib.closing(Asking(universe)) as client:
        client.wait_for_health(True)
        fillers = [folder.parent / f"filler-{number}" for number in range(20)]
        if small_disk is None:
            folder.rename(tmp_path / "away")
            fillers[0] = folder
            folder.write_text("in the way")
        else:
            # The room of older turns is given to the next one, until that is used up too.
            shown = [-1, -2]
            for filler in fillers:
                fill(filler)
                time.sleep(0.3)
                shown.append(client.turn())
                if shown[-1] == shown[-2]:
                    break
        problem = client.wait_for_health(False)
        assert "it is committed, and queries are answered from the last turn that was published" in problem
        assert small_disk is None or f"published in {folder}: No space left on device" in problem
        for filler in fillers:
            filler.unlink(missing_ok=True)
        client.wait_for_health(True)
    told = ended_well(universe)
    assert len(told) % 2 == 0 and told[-1].endswith("is published, as those after it will be"), told
