"""Damaged modules of every language get a verdict: accepted or refused, in one line, with the checker alive."""

import random

import pytest

from tests.attack.module_damage import damaged
from tests.languages.toolchains import LANGUAGES
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import Settings
from wasmverse.strategies.inspection import inspect_module

VARIANTS = {"go": 12, "javascript": 12, "typescript": 12, "lua": 24, "python_component": 1}
"""Fewer of those that take a second to compile. A component that is cut off is not compiled; other damage to components is done
in tests/wasm/component."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_damaged_module_gets_a_verdict(module, language):
    """In this process: what kills the checker would kill the test."""
    original = module(language).read_bytes()
    rng = random.Random(language)
    refused = accepted = 0
    for number in range(VARIANTS.get(language, 200)):
        variant = original[: rng.randrange(len(original))] if number % 5 == 0 else damaged(rng, [original])
        try:
            inspection = inspect_module(variant, "tried", Settings())
        except (ModuleRefused, StrategyError) as error:
            assert error.message
            assert "\n" not in error.message
            refused += 1
        else:
            assert inspection.strategies
            accepted += 1
    assert refused > accepted
