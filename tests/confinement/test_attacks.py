"""Code that has taken over a process can do nothing of what it tries, with all layers and with each layer alone."""

from __future__ import annotations

import pytest

from tests.confinement.attacks import (
    HELD_BY,
    LANDLOCK,
    NAMESPACES,
    PRIVILEGES,
    PROCESSES,
    SECCOMP,
    WORK_ANYWHERE,
    unrefused,
)
from tests.confinement.attacks import USERS as OWN_USER
from tests.confinement.conftest import Attack
from wasmverse.confinement.layers import GROUPS

ALL = {LANDLOCK, SECCOMP, PRIVILEGES, NAMESPACES, PROCESSES, OWN_USER}
KINDS = ["reader", "checker", "universe"]
USERS = pytest.mark.parametrize("is_nobody", [False, True], ids=["own user", "nobody"])


@USERS
@pytest.mark.parametrize("kind", KINDS)
def test_every_attempt_is_refused(attack: Attack, kind: str, is_nobody: bool) -> None:
    outcomes, found = attack(kind, ALL, is_nobody)
    outcomes.pop(GROUPS, None)  # tests/confinement/test_groups.py
    assert {layer: why for layer, why in outcomes.items() if why} == {}
    assert unrefused(found) == []


@USERS
@pytest.mark.parametrize("layer", sorted(ALL - {OWN_USER}))
def test_each_layer_holds_alone_what_it_is_for(attack: Attack, layer: str, is_nobody: bool) -> None:
    _, found = attack("reader", {layer}, is_nobody)
    its_own = [attempt.__name__ for attempt, layers in HELD_BY.items() if layer in layers]
    assert its_own
    assert [name for name in its_own if not found[name]] == []


@USERS
def test_the_attempts_are_real(attack: Attack, is_nobody: bool) -> None:
    """Without any layer the attempts work, and without the only layer that refuses an attempt, that attempt works."""
    _, found = attack("reader", set(), is_nobody)
    assert [attempt.__name__ for attempt in WORK_ANYWHERE if found[attempt.__name__]] == []
    for layer in (LANDLOCK, SECCOMP):
        _, found = attack("reader", ALL - {layer, NAMESPACES, PROCESSES, OWN_USER}, is_nobody)
        freed = [attempt for attempt in WORK_ANYWHERE if HELD_BY[attempt] - {PROCESSES} == {layer}]
        assert freed
        assert [attempt.__name__ for attempt in freed if found[attempt.__name__]] == []
