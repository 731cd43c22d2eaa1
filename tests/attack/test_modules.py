"""Modules at random, by construction and by damage: each is inspected and flown, and harms nobody.

A case that fails is printed with the seed and number that make it again: ``WASMVERSE_TEST_ATTACK_SEED``, and as base64.
"""

from __future__ import annotations

import base64
import multiprocessing
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from random import Random

import pytest
import wasmtime

from tests.attack import module_trial
from tests.attack.effort import cases_of_time
from tests.attack.module_damage import damaged
from tests.attack.modules import made
from tests.strategies.guest import BUNDLED_FOLDER
from tests.wasm.builder import strategy_wat
from tests.wasm.recursion import KINDS
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import Settings
from wasmverse.strategies.checker_start import inspect_module_apart
from wasmverse.wasm.stack import prepare

ANSWER_SECONDS_MAX = 60.0


class Trials:
    """The process that tries modules; a new one when it ended."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=module_trial.serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        assert self._pipe.poll(120) and self._pipe.recv() == "ready"

    def of(self, module: bytes) -> tuple[list[str], str]:
        """What is wrong with how a module was met, and what became of it."""
        self._pipe.send(module)
        try:
            if self._pipe.poll(ANSWER_SECONDS_MAX):
                return self._pipe.recv()  # type: ignore[no-any-return]
            ended = f"no answer in {ANSWER_SECONDS_MAX:g} s"
        except (EOFError, OSError):
            self._process.join()
            ended = f"the process ended with {self._process.exitcode}"
        self.close()
        self._start()
        try:
            # The checker's process has limits of its own; what it survives, the universe must.
            inspect_module_apart(module, "mine", Settings())
        except (ModuleRefused, StrategyError):
            return [], "refused by the process's end"
        return [ended], "failed"

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


@pytest.fixture
def trials() -> Iterator[Trials]:
    trials = Trials()
    yield trials
    trials.close()


@cache
def originals() -> list[bytes]:
    """Bundled strategies, and guests that recur."""
    bundled = [
        (BUNDLED_FOLDER / f"strategy_{name}.wasm").read_bytes() for name in ("blank", "flee", "battle")
    ]
    calls = "(call $deep (local.get $energy))"
    return [*bundled, *(bytes(wasmtime.wat2wasm(strategy_wat(calls, text))) for text in KINDS.values())]


def case(number: int) -> bytes:
    """The module of a number: four in five are made, one is damaged."""
    rng = Random(f"{os.environ.get('WASMVERSE_TEST_ATTACK_SEED', '1')} modules {number}")
    return damaged(rng, originals()) if number % 5 == 4 else made(rng)


def replayed(module: bytes) -> str:
    """What `base64 -d` and zlib make the module of again."""
    return base64.b64encode(zlib.compress(module)).decode()


def test_no_module_harms_anybody(trials: Trials) -> None:
    became: Counter[str] = Counter()
    failed: list[str] = []
    for number in cases_of_time(20):
        module = case(number)
        wrong, end = trials.of(module)
        became[end] += 1
        if wrong:
            failed.append(f"case {number}: {'; '.join(wrong)}\n  {replayed(module)[:20_000]}")
            print(failed[-1])
            if len(failed) >= 20:
                break
    print(dict(became))
    assert not failed, "\n".join(failed)
    assert became["flown"] > 0 and became["refused"] > 0


def test_the_generator_makes_what_it_says() -> None:
    """Most modules by construction are valid, hold recursion, and are the same for the same number."""
    modules = [made(Random(f"sample {number}")) for number in range(40)]
    assert modules == [made(Random(f"sample {number}")) for number in range(40)]
    assert sum(prepare(module).counted > 0 for module in modules) > 20
