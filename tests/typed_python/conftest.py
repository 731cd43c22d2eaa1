import pytest

from wasmverse.settings import CheckSettings


@pytest.fixture
def bundled_settings() -> CheckSettings:
    return CheckSettings()
