"""A real gateway over real readers, with time enough for a loaded machine; only the universe is scripted."""

from collections.abc import Iterator

import pytest

from tests.api.conftest import RunningGateway, patient_gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with patient_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running
