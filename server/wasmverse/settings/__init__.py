"""Every limit and choice of a running Wasmverse, in groups: name, unit, default, help. Imports ``errors`` and ``sizes``.

A setting is read from the environment as ``WASMVERSE_<NAME>``; the command line's options come before it. `Settings` is all of
them, and whoever needs a few takes their group. docs/settings.md is checked against these files by a test.
"""

from wasmverse.settings.confinement import ConfinementSettings
from wasmverse.settings.database import DatabasePlace, DatabaseUrl, file_of, without_passwords
from wasmverse.settings.functions import FunctionCheckSettings, FunctionSettings, FunctionUploadSettings
from wasmverse.settings.gateway import (
    AccessSettings,
    AddressSettings,
    ConnectionSettings,
    GatewaySettings,
    LiveSettings,
    SiteSettings,
)
from wasmverse.settings.guests import CheckSettings, GuestSettings, UploadSettings
from wasmverse.settings.history import HistorySettings, PastSettings, RecordingSettings, SnapshotSettings
from wasmverse.settings.logs import LogSettings
from wasmverse.settings.mcp import McpSettings
from wasmverse.settings.readers import PoolSettings, QuerySettings, ReaderSettings
from wasmverse.settings.settings import Settings, load_settings, misspelt_variables
from wasmverse.settings.simulation import SimulationSettings, UniverseProcessSettings
from wasmverse.settings.universe import CommandSettings, UniverseSettings, default_database_path

__all__ = [
    "AccessSettings",
    "AddressSettings",
    "CheckSettings",
    "CommandSettings",
    "ConfinementSettings",
    "ConnectionSettings",
    "DatabasePlace",
    "DatabaseUrl",
    "FunctionCheckSettings",
    "FunctionSettings",
    "FunctionUploadSettings",
    "GatewaySettings",
    "GuestSettings",
    "HistorySettings",
    "LiveSettings",
    "LogSettings",
    "McpSettings",
    "PastSettings",
    "PoolSettings",
    "QuerySettings",
    "ReaderSettings",
    "RecordingSettings",
    "Settings",
    "SimulationSettings",
    "SiteSettings",
    "SnapshotSettings",
    "UniverseProcessSettings",
    "UniverseSettings",
    "UploadSettings",
    "default_database_path",
    "file_of",
    "load_settings",
    "misspelt_variables",
    "without_passwords",
]
