"""All settings of a running Wasmverse, and how they are read: options, environment, defaults."""

from __future__ import annotations

import os
from typing import Any

from pydantic import ValidationError
from pydantic_settings.exceptions import SettingsError as SourceError

from wasmverse.errors import SettingsError
from wasmverse.settings.confinement import ConfinementSettings
from wasmverse.settings.database import without_passwords
from wasmverse.settings.functions import FunctionCheckSettings, FunctionSettings, FunctionUploadSettings
from wasmverse.settings.gateway import (
    AccessSettings,
    AddressSettings,
    ConnectionSettings,
    GatewaySettings,
    LiveSettings,
)
from wasmverse.settings.guests import CheckSettings, GuestSettings, UploadSettings
from wasmverse.settings.history import HistorySettings, PastSettings, RecordingSettings, SnapshotSettings
from wasmverse.settings.logs import LogSettings
from wasmverse.settings.mcp import McpSettings
from wasmverse.settings.readers import PoolSettings, QuerySettings, ReaderSettings
from wasmverse.settings.simulation import SimulationSettings, UniverseProcessSettings
from wasmverse.settings.universe import CommandSettings, UniverseSettings
from wasmverse.settings.variables import misspelt


class Settings(
    # What consists of groups.
    PoolSettings,
    GatewaySettings,
    CheckSettings,
    FunctionCheckSettings,
    UniverseProcessSettings,
    SimulationSettings,
    # The groups; pydantic lists the fields of the last one first, as docs/settings.md does.
    LogSettings,
    ConfinementSettings,
    McpSettings,
    AccessSettings,
    LiveSettings,
    ConnectionSettings,
    QuerySettings,
    ReaderSettings,
    AddressSettings,
    FunctionUploadSettings,
    UploadSettings,
    FunctionSettings,
    GuestSettings,
    PastSettings,
    SnapshotSettings,
    HistorySettings,
    RecordingSettings,
    CommandSettings,
    UniverseSettings,
):
    """One validated set of settings, which is each of its groups; the processes of a server share it as it was at start."""


OPTIONS = {
    "database_path": "db",
    "place_urls": "place",
    "period_seconds": "period",
    "record_path": "record",
}
"""The settings whose options have other names."""


def misspelt_variables() -> list[str]:
    """A warning for each variable of the environment that is meant for Wasmverse, and that nothing reads."""
    return list(misspelt(os.environ, Settings.model_fields))


def load_settings(**options: object) -> Settings:
    """Options that are not None, over the environment, over the defaults.

    Raises
    ------
    SettingsError : naming the option or variable, its value and the rule.
    """
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        shown = OPTIONS.get(name, name)
        where = f"--{shown.replace('_', '-')}" if name in given else f"WASMVERSE_{name.upper()}"
        rule = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        value = first["input"]
        value = without_passwords(value) if isinstance(value, str) else value
        raise SettingsError(f"{where} is {value!r}; allowed is: {rule}") from None
    except SourceError as error:
        field = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "settings")
        variable = f"WASMVERSE_{field.upper()}"
        value = without_passwords(os.environ.get(variable, ""))
        raise SettingsError(f"{variable} is {value!r}; allowed is: JSON") from None
