"""What is kept of turns: in the file, in snapshots, and in a recording."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from wasmverse.errors import SettingsError
from wasmverse.settings.group import Group


class RecordingSettings(Group):
    """The recording of a run."""

    record_path: Path | None = Field(
        None, description="File in which the run is written down, so that it can be replayed."
    )
    record_hash_turns: int = Field(
        10,
        ge=1,
        le=1_000_000,
        description="Every how many turns a recording has the hash of the state; the turn after a command always has it.",
    )


class HistorySettings(Group):
    """How many turns and events the file keeps."""

    turns_kept: int = Field(3_600, ge=2, le=1_000_000, description="Turns kept in `turns`.")
    strategy_turns_kept: int = Field(600, ge=1, le=100_000, description="Turns kept in `strategy_turn`.")
    event_turns_kept: int = Field(
        60, ge=1, le=100_000, description="Turns kept in `event`, `strategy_log` and `transmission`."
    )
    events_kept: int = Field(
        50_000,
        ge=1,
        description="Rows kept in `event`, and in `strategy_log`: of whole turns, and always those of the newest one.",
    )
    messages_turn_max: int = Field(
        200,
        ge=0,
        le=1_000,
        description="Texts that clients may transmit between two turns, all together; one client a tenth of them.",
    )

    @model_validator(mode="after")
    def _check_turns_kept(self) -> Self:
        if self.strategy_turns_kept > self.turns_kept:
            raise SettingsError(
                f"strategy_turns_kept is {self.strategy_turns_kept}, turns_kept only {self.turns_kept}: "
                "the turns of a strategy's record must be kept too; raise turns_kept"
            )
        return self


class SnapshotSettings(Group):
    """How many snapshots are kept for queries, and where."""

    snapshots_kept: int = Field(
        8, ge=1, le=1_000, description="Snapshots of turns kept for queries that pin a turn."
    )
    snapshot_bytes_max: int = Field(
        2 << 30,
        ge=1 << 20,
        description="Bytes of all kept snapshots together; the newest one is always kept.",
    )
    snapshot_folder: Path | None = Field(
        None,
        description="Where snapshots are put; by default shared memory (/dev/shm) or the temporary folder.",
    )
