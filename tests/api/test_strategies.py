"""Uploads, listings and removals; the module check runs for real, in its own process."""

from __future__ import annotations

import base64

import httpx
import pyarrow as pa
import pytest
import wasmtime

from tests.api.conftest import RunningGateway
from tests.query import builder
from tests.query.builder import STRATEGIES, snapshot_tables
from tests.wasm.builder import strategy_wat
from wasmverse.commands import (
    Author,
    CheckUpload,
    EnableStrategy,
    RemoveStrategies,
    RemoveStrategy,
    UploadStrategy,
)
from wasmverse.errors import StrategyCostly, StrategyTaken, StrategyUnknown


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


HOLD = wat(
    '(module (memory (export "memory") 1) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)'
    '(func (export "decide") (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i64) i64.const 0))'
)
ROW = {
    "name": "mine",
    "version": 1,
    "sha256": "ab",
    "bytes": len(HOLD),
    "language": "WAT",
    "author": "ada",
    "status": "flying",
    "is_enabled": True,
    "budget_fuel": 50_000,
    "strategy_id": 9,
}


def basic(user: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:secret".encode()).decode()}


def put(
    gateway: RunningGateway, name: str, module: bytes, headers: dict[str, str] | None = None
) -> httpx.Response:
    return gateway.http.put(f"/api/v1/strategies/{name}", content=module, headers=headers)


def ask_of(
    gateway: RunningGateway, name: str, module: bytes, headers: dict[str, str] | None = None, query: str = ""
) -> httpx.Response:
    return gateway.http.post(f"/api/v1/strategies/{name}/check{query}", content=module, headers=headers)


def test_a_module_is_checked_compiled_and_handed_on(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"strategies": [ROW], "tid": 5}
    answer = put(gateway, "mine", HOLD, basic("ada"))
    assert answer.status_code == 201
    shown = {key: value for key, value in ROW.items() if key != "strategy_id"}
    told = answer.json()
    trial = told["strategies"][0].pop("trial")
    assert told == {"strategies": [shown], "turn": 5}
    assert trial["plans"]["hold"] == trial["calls"] == 100
    assert trial["warnings"] == []
    command = gateway.universe.commands[-1]
    assert isinstance(command, UploadStrategy)
    assert (command.name, command.module, command.author) == ("mine", HOLD, Author("name:ada", "ada"))
    assert command.inspection.strategies == {"mine": "decide"}
    assert len(command.inspection.compiled) > len(HOLD)
    gateway.universe.answer = {"strategies": [ROW | {"version": 2}], "tid": 6}
    assert put(gateway, "mine", HOLD).status_code == 200
    assert gateway.universe.commands[-1].author == Author("name:anonymous", "anonymous")  # type: ignore[union-attr]


def test_what_is_accepted_and_wrong_is_a_warning_in_the_answer(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"strategies": [ROW], "tid": 5}
    told = put(gateway, "mine", wat(strategy_wat("unreachable"))).json()["strategies"][0]["trial"]
    assert (told["trapped"], told["fault"]) == (4, "trapped: unreachable")
    assert told["warnings"][0].startswith("4 of 4 sampled calls were faults, the first one: it trapped")


@pytest.mark.parametrize(
    ("name", "module", "status", "part"),
    [
        ("mine", b"", 400, "empty"),
        ("mine", b"MZ\x90\x00 not wasm", 422, ""),
        ("mine", wat("(module)"), 422, ""),
        ("mine", wat('(module (import "env" "now" (func)))'), 422, "env"),
        ("Mine", HOLD, 400, "Mine"),
        ("1st", HOLD, 400, "1st"),
        ("a" * 64, HOLD, 400, "aaa"),
        ("mine", b"\0asm" + bytes(5 << 20), 413, "4,194,304"),
        ("mine", b"\0asm\x0d\0\1\0" + bytes(5 << 20), 422, "sections"),
        ("mine", wat("(component)"), 422, "the component exports no function"),
    ],
)
def test_what_is_refused(gateway: RunningGateway, name: str, module: bytes, status: int, part: str) -> None:
    sent = len(gateway.universe.commands)
    answer = put(gateway, name, module)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert part in error["message"] and isinstance(error["code"], int)
    told = ask_of(gateway, name, module)
    assert (told.status_code, told.json()) == (status, answer.json())
    assert len(gateway.universe.commands) == sent


@pytest.mark.parametrize(
    ("module", "place"),
    [
        (
            wat('(module (import "env" "now" (func)))'),
            {"kind": "import", "module": "env", "name": "now"},
        ),
        (
            wat('(module (memory (export "memory") 1) (func (export "decide")))'),
            {"kind": "export", "name": "decide"},
        ),
        (wat("(module)"), {"kind": "export", "name": "decide"}),
        (
            wat(
                '(module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))) (memory (export "memory") 1) '
                f"(func (local {'i64 ' * 45_000})))"
            ),
            {"kind": "function", "index": 1},
        ),
        (b"\0asm\1\0\0\0\1", None),
    ],
)
def test_a_refusal_says_where_its_reason_is(
    gateway: RunningGateway, module: bytes, place: dict[str, object] | None
) -> None:
    error = ask_of(gateway, "mine", module).json()["error"]
    assert error.get("place") == place, error


def test_a_check_tells_what_the_upload_would_come_to_and_uploads_nothing(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"strategies": [ROW], "tid": 5}
    answer = ask_of(gateway, "mine", HOLD, basic("ada"), "?budget_fuel=50000")
    assert answer.status_code == 200, answer.text
    shown = {key: value for key, value in ROW.items() if key != "strategy_id"}
    [row] = answer.json()["strategies"]
    trial = row.pop("trial")
    assert row == shown | {"export": "decide"}
    assert trial["fault"] is None and trial["fuel"] > 0
    asked = gateway.universe.commands[-1]
    assert isinstance(asked, CheckUpload)
    assert (asked.author, asked.size, asked.budget_fuel) == (Author("name:ada", "ada"), len(HOLD), 50_000)
    assert asked.compiled_size > len(HOLD) and not asked.inspection.compiled
    gateway.universe.answer = StrategyTaken("'mine' belongs to grace; choose another name")
    assert ask_of(gateway, "mine", HOLD).status_code == 409


def test_a_check_tells_of_a_first_call_that_fails(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"strategies": [ROW], "tid": 5}
    failing = wat(
        '(module (memory (export "memory") 1) '
        '(func (export "decide") (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i64) unreachable))'
    )
    [row] = ask_of(gateway, "mine", failing).json()["strategies"]
    assert "unreachable" in row["trial"]["fault"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StrategyTaken("'mine' belongs to grace; choose another name"), 409),
        (StrategyUnknown("no strategy 'mine'"), 404),
    ],
)
def test_what_the_universe_refuses(gateway: RunningGateway, error: Exception, status: int) -> None:
    gateway.universe.answer = error
    for answer in (put(gateway, "mine", HOLD), gateway.http.delete("/api/v1/strategies/mine")):
        assert answer.status_code == status
        assert answer.json()["error"]["message"] == str(error)


def test_remove(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"name": "mine", "tid": 7}
    answer = gateway.http.delete("/api/v1/strategies/mine", headers=basic("ada"))
    assert answer.json() == {"name": "mine", "turn": 7}
    assert gateway.universe.commands[-1] == RemoveStrategy("mine", Author.named("ada"))


def test_remove_several(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"names": ["mine", "yours"], "tid": 7}
    answer = gateway.http.delete("/api/v1/strategies?name=mine&name=yours&name=mine", headers=basic("ada"))
    assert answer.json() == {"names": ["mine", "yours"], "turn": 7}
    assert gateway.universe.commands[-1] == RemoveStrategies(("mine", "yours"), Author.named("ada"))
    sent = len(gateway.universe.commands)
    for wrong in ("", "?name=", "?name=mine&name=../x", "?names=mine"):
        assert gateway.http.delete(f"/api/v1/strategies{wrong}").status_code == 400
    assert len(gateway.universe.commands) == sent


def test_enable_and_disable(gateway: RunningGateway) -> None:
    for how, is_enabled in (("enable", True), ("disable", False)):
        gateway.universe.answer = {"name": "mine", "is_enabled": is_enabled, "tid": 7}
        answer = gateway.http.post(f"/api/v1/strategies/mine/{how}", headers=basic("ada"))
        assert answer.json() == {"name": "mine", "is_enabled": is_enabled, "turn": 7}
        assert gateway.universe.commands[-1] == EnableStrategy("mine", is_enabled, Author.named("ada"))
        sent = len(gateway.universe.commands)
        assert gateway.http.post(f"/api/v1/strategies/Mine/{how}").status_code == 400
        assert len(gateway.universe.commands) == sent


def test_show(gateway: RunningGateway) -> None:
    answer = gateway.http.get("/api/v1/strategies/strategy_default").json()
    row, turn = answer["strategy"], gateway.universe.last.tid
    assert (answer["turn"], row["name"], row["version"], row["is_enabled"]) == (
        turn,
        "strategy_default",
        2,
        True,
    )
    assert row["faults"] == [
        {"fault_id": 7, "tid": turn, "version": 1, "sid": 1, "eid": 1, "reason": "trapped: unreachable"}
    ]
    assert row["versions"] == [
        {
            "version": 1,
            "sha256": "a1" * 32,
            "bytes": 7,
            "author": "ada",
            "uploaded_at": "2026-01-02 03:04:05",
            "replaced_tid": turn,
        }
    ]
    blank = gateway.http.get("/api/v1/strategies/strategy_blank").json()["strategy"]
    assert blank["faults"] == blank["versions"] == []
    missing = gateway.http.get("/api/v1/strategies/nobody")
    assert missing.status_code == 404 and "'nobody'" in missing.json()["error"]["message"]
    assert gateway.http.get("/api/v1/strategies/No").status_code == 400


def test_who_is_not_found_is_told_of_those_that_were_not_removed(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_removed(tid: int) -> dict[str, pa.Table]:
        tables = snapshot_tables(tid)
        strategy = tables["strategy"]
        place = strategy.schema.get_field_index("status")
        statuses = pa.array(["flying", "removed", "flying"])
        return tables | {"strategy": strategy.set_column(place, strategy.field(place), statuses)}

    monkeypatch.setattr(builder, "snapshot_tables", one_removed)
    gateway.turn()
    missing = gateway.http.get("/api/v1/strategies/nobody").json()["error"]["message"]
    assert missing.endswith(f"there are {STRATEGIES[0]}, {STRATEGIES[2]}: correct the name"), missing
    monkeypatch.undo()
    gateway.turn()


def test_an_upload_that_costs_too_much_is_measured_once_more(gateway: RunningGateway) -> None:
    gateway.universe.answer = StrategyCostly("this would add 400 ms to a turn")
    sent = len(gateway.universe.commands)
    answer = put(gateway, "mine", HOLD)
    assert (answer.status_code, answer.json()["error"]["message"]) == (409, "this would add 400 ms to a turn")
    first, second = (command.inspection.costs["mine"] for command in gateway.universe.commands[sent:])  # type: ignore[union-attr,index]
    assert 0 < second[0] <= first[0]
    sent = len(gateway.universe.commands)
    assert ask_of(gateway, "mine", HOLD).status_code == 409
    assert [type(command) for command in gateway.universe.commands[sent:]] == [CheckUpload, CheckUpload]


def test_list(gateway: RunningGateway) -> None:
    answer = gateway.http.get("/api/v1/strategies").json()
    assert answer["turn"] == gateway.universe.last.tid
    assert [(row["name"], row["is_enabled"]) for row in answer["strategies"]] == [
        ("strategy_battle", True),
        ("strategy_blank", False),
        ("strategy_default", True),
    ]
    assert {row["budget_fuel"] for row in answer["strategies"]} == {None}


@pytest.mark.parametrize("header", ["Basic ???", "Basic " + base64.b64encode(b"\xff:x").decode()])
def test_a_malformed_authorization(gateway: RunningGateway, header: str) -> None:
    assert put(gateway, "mine", HOLD, {"Authorization": header}).status_code == 401


def test_an_upload_may_declare_its_fuel(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"strategies": [ROW], "tid": 5}
    sent = "/api/v1/strategies/mine"
    assert gateway.http.put(f"{sent}?budget_fuel=50000", content=HOLD).status_code == 201
    command = gateway.universe.commands[-1]
    assert isinstance(command, UploadStrategy) and command.budget_fuel == 50_000
    for value, told in (
        ("many", "give a whole number"),
        ("99", "may declare 100 to"),
        ("1000001", "may declare 100 to"),
    ):
        answer = gateway.http.put(f"{sent}?budget_fuel={value}", content=HOLD)
        assert answer.status_code == 400 and told in answer.json()["error"]["message"], answer.text
    assert gateway.universe.commands[-1] is command
