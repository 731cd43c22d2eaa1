"""Flying an earlier version again: its module goes through all that an upload does."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from tests.api.conftest import RunningGateway
from tests.api.test_strategies import HOLD, ROW, basic, wat
from tests.wasm.builder import strategy_wat
from wasmverse.api.audit import Audit
from wasmverse.commands import Author, FindVersion, UploadStrategy
from wasmverse.errors import StrategyTaken, StrategyUnknown

ADA = Author("name:ada", "ada")


def kept(module: bytes = HOLD, **values: Any) -> dict[str, Any]:
    """What the universe answers: to the question for a version, and to the upload."""
    row = ROW | {"version": 4}
    found = {"version": 2, "sha256": "ab" * 32, "module": module, "budget_fuel": 50_000}
    return {**found, "strategies": [row], "tid": 7, **values}


def roll_back(gateway: RunningGateway, query: str = "", name: str = "mine") -> httpx.Response:
    return gateway.http.post(f"/api/v1/strategies/{name}/rollback{query}", headers=basic("ada"))


def test_the_module_is_checked_and_uploaded_again(gateway: RunningGateway) -> None:
    gateway.universe.answer = kept()
    answer = roll_back(gateway, "?to=ABCD")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    trial = told["strategies"][0].pop("trial")
    shown = {key: value for key, value in ROW.items() if key != "strategy_id"} | {"version": 4}
    assert told == {"strategies": [shown], "restored_version": 2, "turn": 7}
    assert trial["plans"]["hold"] == trial["calls"] == 100
    asked, command = gateway.universe.commands[-2:]
    assert asked == FindVersion("mine", "abcd", ADA)
    assert isinstance(command, UploadStrategy) and command.is_rollback
    assert (command.name, command.module, command.author, command.budget_fuel) == ("mine", HOLD, ADA, 50_000)
    assert command.inspection.strategies == {"mine": "decide"} and command.inspection.compiled
    assert set(command.inspection.costs) == {"mine"}
    assert roll_back(gateway).status_code == 200
    assert gateway.universe.commands[-2] == FindVersion("mine", None, ADA)


def test_of_a_module_with_several_strategies_only_the_one_is_flown(gateway: RunningGateway) -> None:
    both = wat(strategy_wat("(i64.const 0)").replace('(export "decide")', '(export "mine") (export "other")'))
    gateway.universe.answer = kept(both)
    assert roll_back(gateway).status_code == 200
    command = gateway.universe.commands[-1]
    assert isinstance(command, UploadStrategy)
    assert command.inspection.strategies == {"mine": "mine"} and set(command.inspection.trials) == {"mine"}
    sent = len(gateway.universe.commands)
    answer = roll_back(gateway, name="third")
    assert answer.status_code == 400 and "exports no 'third' any more: push one that does" in answer.text
    assert len(gateway.universe.commands) == sent + 1, "it was only asked for"


@pytest.mark.parametrize("digits", ["", "abc", "a" * 65, "0x1234", "abcg"])
def test_what_is_no_hash_is_refused(gateway: RunningGateway, digits: str) -> None:
    sent = len(gateway.universe.commands)
    answer = roll_back(gateway, f"?to={digits}")
    assert answer.status_code == 400
    assert f"to is '{digits}'; give 4 to 64 hexadecimal digits" in answer.json()["error"]["message"]
    assert roll_back(gateway, name="Mine").status_code == 400
    assert len(gateway.universe.commands) == sent


def test_a_module_that_breaks_a_rule_by_now_is_refused(gateway: RunningGateway) -> None:
    gateway.universe.answer = kept(wat('(module (import "env" "now" (func)))'))
    sent = len(gateway.universe.commands)
    answer = roll_back(gateway)
    assert answer.status_code == 422 and "env" in answer.text
    assert len(gateway.universe.commands) == sent + 1


def test_it_is_audited_also_when_there_is_nothing_to_go_back_to(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    noted: list[tuple[str, str, str]] = []

    def note(
        _: Audit, command: object, procedure: str, who: str, owner: str, address: str, outcome: str
    ) -> None:
        noted.append((type(command).__name__, procedure, outcome))

    monkeypatch.setattr(Audit, "note", note)
    for error, status in ((StrategyUnknown("none is kept"), 404), (StrategyTaken("it is bob's"), 409)):
        gateway.universe.answer = error
        assert roll_back(gateway).status_code == status
    gateway.universe.answer = kept()
    with caplog.at_level(logging.INFO, "wasmverse"):
        assert roll_back(gateway).status_code == 200
    assert noted == [
        ("FindVersion", "rollback_strategy", "none is kept"),
        ("FindVersion", "rollback_strategy", "it is bob's"),
        ("UploadStrategy", "rollback_strategy", "done"),
    ]
    assert "ada from 127.0.0.1: rollback_strategy name=mine budget_fuel=50000 sha256=" in caplog.text
