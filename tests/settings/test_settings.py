"""The groups of settings: each setting is in one of them, and whoever needs a group can be given all settings."""

import json
import subprocess
import sys
from typing import Any

import pytest

from wasmverse import settings
from wasmverse.errors import SettingsError
from wasmverse.settings import CheckSettings, GuestSettings, PoolSettings, Settings, load_settings
from wasmverse.settings.group import Group

NAMED = [
    value
    for name in settings.__all__
    if isinstance(value := getattr(settings, name), type) and issubclass(value, Group)
]
GROUPS = [group for group in NAMED if group.__bases__ == (Group,)]


def test_a_setting_is_in_one_group() -> None:
    names = [name for group in GROUPS for name in group.model_fields]
    assert sorted(names) == sorted(Settings.model_fields)


@pytest.mark.parametrize("group", NAMED, ids=lambda group: str(group.__name__))
def test_settings_are_each_of_their_groups(group: type[Group]) -> None:
    every = Settings(readers=3, budget_fuel=123, port=9)
    assert isinstance(every, group)
    part = every.part(group)
    assert type(part) is group
    assert part.model_dump() == {name: getattr(every, name) for name in group.model_fields}


def test_a_group_reads_the_flat_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMVERSE_BUDGET_FUEL", "4321")
    assert GuestSettings().budget_fuel == Settings().budget_fuel == 4321


def test_a_part_does_not_read_the_environment_again(monkeypatch: pytest.MonkeyPatch) -> None:
    every = Settings()
    monkeypatch.setenv("WASMVERSE_BUDGET_FUEL", "4321")
    assert every.part(CheckSettings).budget_fuel == every.budget_fuel != 4321
    sent = every.part(CheckSettings).model_dump_json()
    assert set(json.loads(sent)) == set(CheckSettings.model_fields)
    assert CheckSettings.model_validate_json(sent).budget_fuel == every.budget_fuel


@pytest.mark.parametrize(
    ("group", "values", "message"),
    [
        (Settings, {"turns_kept": 2}, "strategy_turns_kept is 600, turns_kept only 2: "),
        (CheckSettings, {"upload_bytes_max": 1 << 10}, "one module must have room; raise upload_bytes_max"),
        (PoolSettings, {"results_bytes_max": 1 << 20}, "raise results_bytes_max to twice query_bytes_max"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    group: type[Group], values: dict[str, Any], message: str
) -> None:
    for which in (group, Settings):
        with pytest.raises(SettingsError) as refusal:
            which(**values)
        assert message in str(refusal.value)


def test_a_wrong_value_is_named_by_where_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"--period is 0; allowed is: greater than or equal to 0\.05"):
        load_settings(period_seconds=0)
    monkeypatch.setenv("WASMVERSE_HOSTS", "name")
    with pytest.raises(SettingsError, match="WASMVERSE_HOSTS is 'name'; allowed is: JSON"):
        load_settings()
    monkeypatch.setenv("WASMVERSE_HOSTS", "[]")
    monkeypatch.setenv("WASMVERSE_READERS", "0")
    with pytest.raises(SettingsError, match="WASMVERSE_READERS is '0'; allowed is: greater than or equal"):
        load_settings()


def test_the_pure_rooms_work_without_settings() -> None:
    code = (
        "import sys, wasmverse.universe.turn, wasmverse.wasm.guest, wasmverse.universe.genesis;"
        "print([name for name in sys.modules if name.startswith(('wasmverse.settings', 'pydantic'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
