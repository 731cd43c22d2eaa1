"""Variables of the environment that nothing reads, and sizes as people write them."""

import pytest

from wasmverse.errors import SettingsError
from wasmverse.settings import Settings, load_settings
from wasmverse.settings.variables import misspelt


@pytest.mark.parametrize(
    ("variable", "near"),
    [
        ("WASMVERSE_PERIOD_SECOND", "WASMVERSE_PERIOD_SECONDS"),
        ("WASMVERSE_DATABASE", "WASMVERSE_DATABASE_PATH"),
        ("WASMVERSE_SYSTEM", "WASMVERSE_SYSTEMS"),
        ("WASMVERSE_TOKENS", "WASMVERSE_TOKEN"),
    ],
)
def test_a_misspelt_variable_is_told_with_the_nearest_name(variable: str, near: str) -> None:
    [warning] = misspelt([variable, "PATH", "WASMVERSE_PORT"], Settings.model_fields)
    assert warning == f"{variable} is ignored: there is no setting of this name; did you mean {near}?"


def test_what_resembles_nothing_leads_to_the_list() -> None:
    [warning] = misspelt(["WASMVERSE_XYZZY"], Settings.model_fields)
    assert "docs/settings.md" in warning


def test_every_setting_and_the_command_lines_variables_are_known() -> None:
    every = [f"WASMVERSE_{name.upper()}" for name in Settings.model_fields]
    assert not list(
        misspelt([*every, "WASMVERSE_URL", "WASMVERSE_TOKEN", "WASMVERSE_TEST_SEED"], Settings.model_fields)
    )


@pytest.mark.parametrize(
    ("written", "size"), [("1GB", 10**9), ("64MiB", 64 << 20), ("64 mib", 64 << 20), ("67108864", 64 << 20)]
)
def test_a_size_is_read_as_it_is_written(monkeypatch: pytest.MonkeyPatch, written: str, size: int) -> None:
    monkeypatch.setenv("WASMVERSE_SNAPSHOT_BYTES_MAX", written)
    assert load_settings().snapshot_bytes_max == size


def test_a_size_that_is_none_is_refused_with_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMVERSE_SNAPSHOT_BYTES_MAX", "much")
    with pytest.raises(
        SettingsError, match=r"WASMVERSE_SNAPSHOT_BYTES_MAX is 'much'.*such as 1048576, 64MiB or 1GB"
    ):
        load_settings()


def test_only_sizes_have_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMVERSE_SYSTEMS", "1GB")
    with pytest.raises(SettingsError, match="WASMVERSE_SYSTEMS is '1GB'"):
        load_settings()
