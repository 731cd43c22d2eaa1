from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.universe import Universe


@pytest.fixture
def universe(tmp_path: Path) -> Iterator[Universe]:
    universe = Universe(tmp_path)
    yield universe
    universe.end()
