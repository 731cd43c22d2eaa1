"""What is told of the layers: by the doctor, at the start, and when a server may not start without one."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from typer.testing import CliRunner

from wasmverse import cli_doctor
from wasmverse.cli import app
from wasmverse.confinement.layers import FILES, LAYERS, TCP, refusal, summary
from wasmverse.settings import Settings

WHOLE = dict.fromkeys(LAYERS, "")
OLD = {**WHOLE, FILES: "this kernel offers no Landlock", TCP: "this kernel has Landlock 3"}


def test_the_setting_knows_every_layer() -> None:
    (layer, _) = get_args(Settings.model_fields["confinement_required"].annotation)
    assert set(get_args(layer)) == {*LAYERS, "all"}


def test_one_line_says_who_is_closed_in_by_what() -> None:
    assert (
        summary({"universe": WHOLE, "reader": WHOLE})
        == f"confined: universe, reader by all {len(LAYERS)} layers"
    )
    assert summary({"universe": WHOLE, "reader": OLD}) == (
        f"confined: universe by all {len(LAYERS)} layers; reader without files, tcp (wasmverse doctor says why)"
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
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(outcome.output) == dict.fromkeys(cli_doctor.KINDS, WHOLE)


def test_the_doctor_names_what_is_missing_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_doctor, "probe", lambda kind: OLD if kind == "checker" else WHOLE)
    outcome = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "120"})
    text = " ".join(outcome.output.split())
    assert outcome.exit_code == 1
    assert (
        "files does not hold around the checker: this kernel offers no Landlock. Remedy: run a kernel of"
        in text
    )
    assert "tcp does not hold" in text
    assert "Every layer" not in text
