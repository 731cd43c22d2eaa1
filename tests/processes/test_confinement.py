"""A server on a kernel without Landlock: it starts and says so, or refuses where that is asked of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request

import pytest

from tests.confinement.here import lacking_here
from tests.processes import universe as served
from tests.processes.universe import Universe
from wasmverse.confinement.layers import LAYERS

OLD_KERNEL = """
import ctypes, errno, os, struct, sys
from wasmverse.confinement.calls import number_of
from wasmverse.confinement.prctl import prctl, system_call
fails, goes = (6, 0, 0, 0x00050000 | errno.ENOSYS), (6, 0, 0, 0x7FFF0000)
lines = [(0x20, 0, 0, 0), (0x15, 0, 1, number_of("landlock_create_ruleset")), fails, goes]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
prctl(38, 1)
assert system_call(number_of("seccomp"), 1, 0, struct.pack("HxxxxxxQ", len(lines), ctypes.addressof(program))) == 0
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
WITHOUT_LANDLOCK = [sys.executable, "-c", OLD_KERNEL, "-m", "wasmverse.cli.main", "serve"]


def test_where_landlock_is_missing_the_others_stand_and_it_is_said(
    universe: Universe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "COMMAND", WITHOUT_LANDLOCK)
    universe.start()
    log = " ".join(universe.log.read_text().split())
    assert "without files, tcp, signals" in log and "(wasmverse doctor says why)" in log
    found = re.search(r"http://127\.0\.0\.1:\d+", log)
    assert found is not None
    with urllib.request.urlopen(f"{found[0]}/health") as answer:
        confinement = json.load(answer)["confinement"]
    assert confinement.keys() == {"universe", "reader", "checker"}
    for kind, layers in confinement.items():
        lacking = {layer for where, layer in lacking_here() if where == kind}
        assert {layer for layer, holds in layers.items() if not holds} == {
            "files",
            "tcp",
            "signals",
        } | lacking
        assert layers["calls"] and layers["privileges"]


def test_a_server_that_must_have_them_all_does_not_start_with_less(universe: Universe) -> None:
    outcome = subprocess.run(
        [*WITHOUT_LANDLOCK, *universe.options],
        env={**os.environ, "WASMVERSE_CONFINEMENT_REQUIRED": '["all"]'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 1
    assert "confinement_required names 'files', which does not hold around the universe" in outcome.stderr
    assert "this kernel offers no Landlock" in outcome.stderr
    assert not universe.path.exists()


def test_a_server_that_must_have_them_all_starts_where_they_are(universe: Universe) -> None:
    lacking = {layer for _, layer in lacking_here()}
    required = ["all"] if not lacking else [layer for layer in LAYERS if layer not in lacking]
    universe.environment["WASMVERSE_CONFINEMENT_REQUIRED"] = json.dumps(required)
    universe.start()
    assert "confined: universe" in universe.log.read_text()
    if not lacking:
        assert "confined: universe, reader, checker by all" in universe.log.read_text()
