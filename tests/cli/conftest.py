"""The command line's clients are tested against the same real gateway as the API; duels against modules that are checked once."""

import logging
from collections.abc import Iterator
from functools import cache

import pytest

from tests.api.conftest import gateway
from wasmverse.cli import duelling
from wasmverse.commands import Inspection
from wasmverse.settings import Settings
from wasmverse.strategies.checker_start import precheck
from wasmverse.strategies.inspection import inspect_module

__all__ = ["checked_once", "gateway"]


@pytest.fixture(scope="module")
def checked_once() -> Iterator[None]:
    """Modules of duels are checked in this process, each of them once: a process for every one costs more than its duel."""

    @cache
    def inspected(module: bytes, name: str) -> Inspection:
        precheck(module, name, Settings())
        return inspect_module(module, name, Settings())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duelling, "inspect_module_apart", lambda module, name, _: inspected(module, name))
        yield


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """`serve` logs to what standard error is then: here a stream that is closed after the command."""
    root, ours = logging.getLogger(), logging.getLogger("wasmverse")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    logging.captureWarnings(False)
