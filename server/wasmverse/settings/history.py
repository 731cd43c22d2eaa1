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


class PastSettings(Group):
    """How many past turns are kept on disk, and how many of them are shown at the same time."""

    past_bytes_max: int = Field(
        512 << 20,
        ge=0,
        description="Bytes of the past turns in the folder beside the universe's file; 0 keeps none. The newest are always kept.",
    )
    keyframe_turns: int = Field(
        15,
        ge=1,
        le=10_000,
        description="Every how many turns all ships and nodes are kept; those in between are played again from there.",
    )
    replayed_kept: int = Field(
        64, ge=1, le=1_000, description="Snapshots of turns that were played again, kept for queries."
    )
    replayed_bytes_max: int = Field(
        256 << 20,
        ge=1 << 20,
        description="Bytes of these snapshots together; the one that was asked for last is always kept.",
    )
    replay_queue_max: int = Field(
        64, ge=1, le=10_000, description="Turns that may wait to be played again; further ones are refused."
    )
    replay_queue_max_per_client: int = Field(
        8, ge=1, le=10_000, description="Turns of one client that may wait to be played again."
    )
    replay_seconds_max: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="Time in which a turn must have been played again once its turn has come, in seconds.",
    )
    replay_ahead: int = Field(
        4,
        ge=0,
        le=100,
        description="Turns that are played ahead of somebody who asks for one after the other.",
    )
    replay_nice: int = Field(
        15, ge=0, le=19, description="Unix niceness of the process that plays past turns again."
    )


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
