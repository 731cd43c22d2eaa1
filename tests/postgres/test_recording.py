"""A run in PostgreSQL that is recorded: whatever happens to it is in the recording."""

from pathlib import Path

import pytest

from tests.recording.builder import BODIES, SETTINGS, upload_of
from wasmverse.commands import SpawnEntity
from wasmverse.errors import UniverseBusy
from wasmverse.recording.recorder import record
from wasmverse.recording.replay import replay
from wasmverse.settings import DatabaseUrl, Settings
from wasmverse.storage.opening import open_universe
from wasmverse.storage.universe_store import SharedStore


def opened(url: str) -> SharedStore:
    store = open_universe(DatabaseUrl.read(url), SETTINGS.model_copy(update={"play": "outside"}))
    assert isinstance(store, SharedStore)
    return store


def test_nobody_else_may_command_what_is_recorded(url: str, tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    recorded, other = opened(url), opened(url)
    try:
        assert recorded.claim()
        recorded.keep_commands()
        record(recorded, file, 2)
        recorded.carry_out(upload_of("mine", BODIES[0]))
        recorded.advance()
        with pytest.raises(UniverseBusy, match="which must know of all commands: give them there"):
            other.carry_out(SpawnEntity(1, 2, 5, 6, None))
        recorded.carry_out(SpawnEntity(2, 2, 5, 6, None))
        recorded.advance()
        recorded.advance()
        expected = recorded.state_hash()
        recorded.close()
        other.carry_out(SpawnEntity(1, 2, 5, 6, None))
    finally:
        other.close()
    found = replay(file, None, Settings(threads=1))
    assert found.first_difference is None
    assert (found.tid, found.commands, found.state_hash) == (3, 2, expected)
