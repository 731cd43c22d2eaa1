"""How the layers are reported: by the doctor, at the start, and when a server may not start without one."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from typer.testing import CliRunner

from tests.confinement.here import lacking_here
from wasmverse.cli import doctor as cli_doctor
from wasmverse.cli.main import app
from wasmverse.confinement.layers import (
    FILES,
    GROUPS,
    KINDS,
    LAYERS,
    PROCESSES,
    TCP,
    USER,
    layers_of,
    refusal,
    summary,
)
from wasmverse.settings import Settings

WHOLE = dict.fromkeys(LAYERS, "")
OLD = {**WHOLE, FILES: "this kernel offers no Landlock", TCP: "this kernel has Landlock 3"}


def test_the_setting_knows_every_layer() -> None:
    (layer, _) = get_args(Settings.model_fields["confinement_required"].annotation)
    assert set(get_args(layer)) == {*LAYERS, "all"}


def test_one_line_says_what_is_confined_by_which_layers() -> None:
    assert summary({"universe": WHOLE, "reader": WHOLE}) == "confined: universe, reader by all layers"
    assert summary({"universe": WHOLE, "reader": OLD}) == (
        "confined: universe by all layers; reader without files, tcp (wasmverse doctor says why)"
    )


def test_what_is_required_must_hold_around_everybody() -> None:
    assert refusal([], {"reader": OLD}) is None
    assert refusal(["calls"], {"reader": OLD}) is None
    assert refusal(["all"], {"reader": WHOLE}) is None
    for required in (["files"], ["all"]):
        text = refusal(required, {"universe": WHOLE, "reader": OLD})
        assert text is not None
        assert (
            "'files', which does not hold around the reader: this kernel offers no Landlock; run a kernel"
            in text
        )
    assert refusal(["all"], {"reader": {}}) is not None


def test_the_doctor_tries_real_processes() -> None:
    outcome = CliRunner().invoke(app, ["doctor", "--json"])
    assert outcome.exit_code == bool(lacking_here()), outcome.output
    found = json.loads(outcome.output)
    assert {kind: set(layers) for kind, layers in found.items()} == {
        kind: set(layers_of(kind)) for kind in KINDS
    }
    lacks = {(kind, layer): why for kind in KINDS for layer, why in found[kind].items() if why}
    assert lacks == lacking_here()


def test_the_doctor_names_what_is_missing_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_doctor, "probe", lambda kind, _: OLD if kind == "checker" else WHOLE)
    outcome = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "120"})
    text = " ".join(outcome.output.split())
    assert outcome.exit_code == 1
    assert (
        "files does not hold around the checker: this kernel offers no Landlock. Remedy: run a kernel of"
        in text
    )
    assert "tcp does not hold" in text
    assert "Every layer" not in text


def test_what_is_not_for_a_kind_is_not_asked_of_it() -> None:
    alone = {layer: why for layer, why in WHOLE.items() if layer not in {GROUPS, PROCESSES, USER}}
    assert refusal(["all"], {"universe": alone}) is None
    assert refusal(["all"], {"reader": alone}) is not None
