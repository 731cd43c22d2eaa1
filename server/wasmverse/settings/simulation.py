"""The groups that a universe needs: simulated by whomever (a duel, a benchmark, a replay), or in its own process."""

from __future__ import annotations

from wasmverse.settings.confinement import ConfinementSettings
from wasmverse.settings.functions import FunctionUploadSettings
from wasmverse.settings.guests import GuestSettings, UploadSettings
from wasmverse.settings.history import HistorySettings, PastSettings, RecordingSettings, SnapshotSettings
from wasmverse.settings.logs import LogSettings
from wasmverse.settings.universe import CommandSettings, UniverseSettings


class SimulationSettings(
    FunctionUploadSettings, UploadSettings, GuestSettings, HistorySettings, UniverseSettings
):
    """All that a simulation goes by."""


class UniverseProcessSettings(
    SimulationSettings,
    LogSettings,
    ConfinementSettings,
    FunctionUploadSettings,
    UploadSettings,
    GuestSettings,
    PastSettings,
    SnapshotSettings,
    HistorySettings,
    RecordingSettings,
    CommandSettings,
    UniverseSettings,
):
    """All that the universe's process goes by, and whoever starts it and waits for it."""
