"""A real gateway over real readers, with time enough for a loaded machine; only the universe is scripted."""

from collections.abc import Iterator

import pytest

from tests.api.conftest import RunningGateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    running = RunningGateway(tmp_path_factory.mktemp("gateway"), query_seconds_max=60, body_seconds_max=30)
    try:
        yield running
    finally:
        running.close()
