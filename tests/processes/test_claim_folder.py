"""Several servers of one machine over one database: each has a snapshot folder of its own, and gets an old one again."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wasmverse.errors import SettingsError
from wasmverse.processes import snapshot_folder as module
from wasmverse.processes.snapshot_folder import claim_folder, snapshot_folder
from wasmverse.settings import Settings

CLAIM = """
import sys
from wasmverse.processes.snapshot_folder import claim_folder
from wasmverse.settings import Settings
print(claim_folder(Settings(database_path=sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    url = f"postgresql://localhost/{tmp_path.name}"
    yield url
    first = snapshot_folder(Settings(database_path=url))
    for lock in first.parent.glob(f"{first.name}*.lock"):
        lock.unlink()


def test_each_has_its_own_until_it_ends(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(database_path=url)
    command = [sys.executable, "-c", CLAIM, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert Path(other.stdout.readline().strip()) == snapshot_folder(settings)
        assert claim_folder(settings) == snapshot_folder(settings, 1)
        monkeypatch.setattr(module, "GATEWAYS_MAX", 2)
        with pytest.raises(SettingsError, match="2 servers on this machine use postgresql://localhost/"):
            claim_folder(settings)
        other.kill()
    assert claim_folder(settings) == snapshot_folder(settings)


def test_that_of_a_file_or_a_setting_is_always_the_same(tmp_path: Path, url: str) -> None:
    file = Settings(database_path=tmp_path / "u.duckdb")
    assert claim_folder(file) == claim_folder(file) == snapshot_folder(file)
    named = Settings(database_path=url, snapshot_folder=tmp_path / "mine")
    assert claim_folder(named) == claim_folder(named) == tmp_path / "mine"
