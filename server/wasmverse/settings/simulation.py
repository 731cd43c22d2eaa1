"""The groups that a simulation needs, whoever drives it: a server, a duel, a benchmark, a replay."""

from __future__ import annotations

from wasmverse.settings.guests import GuestSettings, UploadSettings
from wasmverse.settings.history import HistorySettings
from wasmverse.settings.universe import UniverseSettings


class SimulationSettings(UploadSettings, GuestSettings, HistorySettings, UniverseSettings):
    """All that a simulation goes by."""
