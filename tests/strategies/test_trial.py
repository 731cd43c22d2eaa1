"""The trial of a strategy: what no instance can be made of, what it answers to the observations, what calls cost."""

import pytest

from tests.strategies.guest import BUNDLED_FOLDER
from tests.strategies.inspected import SETTINGS, refusal, wasm
from tests.strategies.observed import observed
from tests.wasm.builder import strategy_wat
from wasmverse.commands import Inspection, Trial
from wasmverse.strategies.inspection import inspect_module
from wasmverse.strategies.observations import FILE, TRIAL_FUEL_MAX, observations
from wasmverse.strategies.trial_report import lines_of, plain, warnings_of


def test_a_call_that_traps_at_the_check_is_the_author_s_own_affair() -> None:
    for body in ("(unreachable)", "(loop $l (br $l)) (i64.const 0)"):
        assert inspect_module(wasm(strategy_wat(body)), "mine", SETTINGS).strategies == {"mine": "decide"}


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            "(func $s unreachable) (start $s)",
            "the module's start traps; a fresh instance is made and started every turn",
        ),
        ("(func $s (loop $l (br $l))) (start $s)", "the module's start uses too much fuel;"),
        ('(func (export "_initialize") (loop $l (br $l)))', "the module's start uses too much fuel;"),
        ('(func (export "_initialize") unreachable)', "the module's start traps;"),
        ("(func $s (call $s)) (start $s)", "the module's start traps;"),
        ("(func $s (drop (i32.load (i32.const 65536)))) (start $s)", "reaches past its memory or table"),
        (
            '(data (i32.const 65535) "ab")',
            "the module's data or its start reaches past its memory or table",
        ),
        ("(table 1 funcref) (func $f) (elem (i32.const 1) $f)", "reaches past its memory or table"),
    ],
)
def test_a_start_that_cannot_be_is_refused(extra: str, message: str) -> None:
    told = refusal(wasm(strategy_wat("(i64.const 0)", extra)))
    assert message in told
    assert told.endswith("do nothing there that can fail or that costs more than 5,000,000 fuel")


def test_more_memory_or_table_than_allowed_is_refused() -> None:
    told = refusal(wasm(strategy_wat("(i64.const 0)", pages="257")))
    assert told.startswith("the module cannot be instantiated: ")
    assert (
        "an instance may have 16,777,216 bytes of memory, 8 tables and 10,000 table elements: ask for less"
        in told
    )
    assert "10,000 table elements" in refusal(wasm(strategy_wat("(i64.const 0)", "(table 10001 funcref)")))
    assert "8 tables" in refusal(wasm(strategy_wat("(i64.const 0)", "(table 1 funcref)" * 9)))
    for fits in (
        strategy_wat("(i64.const 0)", "(table 1 funcref)" * 8),
        strategy_wat("(i64.const 0)", pages="256"),
        strategy_wat("(i64.const 0)", "(table 10000 funcref)"),
    ):
        assert inspect_module(wasm(fits), "mine", SETTINGS)


def inspect(wat: str) -> Inspection:
    return inspect_module(wasm(wat), "mine", SETTINGS)


def test_instances_and_calls_are_measured_apart() -> None:
    idle = inspect(strategy_wat("(i64.const 0)")).costs["mine"]
    loop = """(local $n i32) (loop $again (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 2500)))) (i64.const 0)"""
    busy = inspect(strategy_wat(loop)).costs["mine"]
    globals_ = "".join("(global (mut i64) (i64.const 7))" for _ in range(200_000))
    large = inspect(strategy_wat("(i64.const 0)", globals_)).costs["mine"]
    assert busy[1] > 5 * idle[1]
    assert large[0] > 3 * max(idle[0], busy[0])


def test_the_observations_are_those_of_a_universe() -> None:
    """If the rules or the bundled strategies were changed on purpose: python -m tests.strategies.observed"""
    assert FILE.read_text() == observed()
    assert len(observations()) == 100


def trial(body: str, budget_fuel: int = 20_000) -> Trial:
    settings = SETTINGS.model_copy(update={"budget_fuel": budget_fuel})
    return inspect_module(wasm(strategy_wat(body)), "mine", settings).trials["mine"]


def test_the_fuel_of_a_module_is_the_same_everywhere() -> None:
    """The figures of strategies/README.md."""
    module = (BUNDLED_FOLDER / "strategy_flee.wasm").read_bytes()
    found = inspect_module(module, "mine", SETTINGS).trials["mine"]
    assert (found.fuel_mean, found.fuel_most) == (876, 2_190)
    assert (found.calls, found.hold, found.move, found.invalid, found.trapped) == (100, 44, 53, 0, 0)
    assert warnings_of(found) == []
    lines = (BUNDLED_FOLDER.parents[2] / "strategies" / "README.md").read_text().splitlines()
    [row] = [line.split() for line in lines if line.startswith("strategy_flee ")]
    assert row[2:4] == ["876", "2,190"]


BLASTERS, THRUSTERS, HARVESTERS = 5, 6, 7
"""The numbers of these arguments."""


def test_plans_are_counted_by_what_they_are() -> None:
    by_parts = (
        f"(i64.extend_i32_u (i32.add (i32.const 0x7f) (i32.rem_u (local.get {BLASTERS}) (i32.const 5))))"
    )
    found = trial(by_parts)
    expected = [(each.blasters % 5) + 0x7F for each in observations()]
    assert found.move == expected.count(0x7F) > 0
    assert found.upgrade_blasters == expected.count(0x80) > 0
    assert found.upgrade_thrusters == expected.count(0x81) > 0
    assert found.upgrade_harvesters == expected.count(0x82) > 0
    assert found.invalid == expected.count(0x83) > 0
    assert found.upgrade_blasters + found.move + found.invalid < found.calls
    assert found.fault == "returned an invalid plan, 0x83"
    [warning] = warnings_of(found)
    assert warning.startswith(
        f"{found.invalid} of 100 sampled calls were faults, the first one: it returned an"
    )


def test_a_ship_remembers_what_the_strategy_returned_the_turn_before() -> None:
    """Four turns in a row: the memory is 0, 1, 2, 3, and the fourth turn is invalid."""
    counting = """(local $memory i64) (local.set $memory (i64.shr_u (local.get 8) (i64.const 8)))
      (if (result i64) (i64.eq (local.get $memory) (i64.const 3)) (then (i64.const 0xc0))
        (else (i64.or (i64.const 0x41) (i64.shl (i64.add (local.get $memory) (i64.const 1)) (i64.const 8)))))"""
    found = trial(counting)
    assert (found.move, found.invalid) == (75, 25)


def test_what_is_seen_is_what_was_observed() -> None:
    """An invalid plan for whoever sees exactly so many entities."""
    seven = "(select (i64.const 0xc0) (i64.const 0) (i32.eq (local.get 10) (i32.const 28)))"
    assert trial(seven).invalid == sum(len(each.seen) == 28 for each in observations()) > 0


def test_after_some_traps_it_is_not_called_any_more() -> None:
    found = trial("unreachable")
    assert (found.trapped, found.calls, found.observations) == (4, 4, 100)
    assert found.fault == "trapped: unreachable"
    first, second = warnings_of(found)
    assert first.startswith("4 of 4 sampled calls were faults, the first one: it trapped: unreachable.")
    assert second.startswith("after 4 calls that returned nothing it was not called for the other 96 ships")
    endless = trial("(loop $l (br $l)) (i64.const 0)")
    assert (endless.trapped, endless.fault) == (4, "ran out of fuel")


def test_calls_of_seconds_do_not_keep_the_checker_for_minutes() -> None:
    """Where an operator grants so much; a hundred of them took longer than an upload may wait."""
    loop = "(loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i64.const 0)"
    found = trial("(local.set 0 (i32.const 20000000))" + loop, 5_000_000_000)
    assert (found.trapped, found.observations) == (0, 100)
    assert (
        TRIAL_FUEL_MAX <= found.fuel_mean * found.calls + found.calls < TRIAL_FUEL_MAX + 2 * found.fuel_most
    )
    [warning] = warnings_of(found)
    assert f"it was not called for the other {100 - found.calls} observations" in warning


def test_an_endless_call_takes_no_more_than_the_trial_may() -> None:
    """A turn would let it take the fuel of a hundred calls, here 25 times as much."""
    found = trial("(loop $l (br $l)) (i64.const 0)", TRIAL_FUEL_MAX // 4)
    assert (found.calls, found.trapped, found.fault, found.is_cut) == (1, 1, "ran out of fuel", True)
    assert TRIAL_FUEL_MAX <= found.fuel_most < TRIAL_FUEL_MAX + 1_000


def test_why_it_is_not_called_any_more_is_said_and_not_guessed() -> None:
    """Four traps end it, in a turn too; that they also took all fuel of the trial does not matter."""
    loop = "(loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (unreachable)"
    found = trial("(local.set 0 (i32.const 13000000))" + loop, 100_000_000)
    assert (found.calls, found.trapped, found.is_cut) == (4, 4, False)
    assert found.fuel_mean * found.calls > TRIAL_FUEL_MAX
    assert warnings_of(found)[1].startswith("after 4 calls that returned nothing it was not called")


def test_one_call_may_take_what_others_leave_and_all_together_not_more() -> None:
    """As in a turn, where calls share a pool of fuel."""
    rounds = "(if (i32.gt_u (local.get {0}) (i32.const {1})) (then (local.set 0 (i32.const {2}))))"
    loop = "(loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i64.const 0)"
    few = trial(rounds.format(BLASTERS, 9, 1_000) + loop, 1_000)
    assert few.trapped == 0
    assert few.over_budget == sum(each.blasters > 9 for each in observations()) > 0
    assert warnings_of(few) == []
    assert lines_of(plain(few))[1].endswith(
        f"; it may take 1,000; {few.over_budget} took more, which is well as long as others take less"
    )
    many = trial(rounds.format(BLASTERS, 0, 1_000) + loop, 1_000)
    assert (many.trapped, many.over_budget) == (0, 100)
    assert lines_of(plain(many))[1].endswith("; it may take 1,000; 100 took more")
    [warning] = warnings_of(many)
    assert warning.startswith(f"a call took {many.fuel_mean:,} fuel on average and may take 1,000: make it")


def test_the_plain_fields_are_those_that_clients_know() -> None:
    told = plain(trial("(i64.const 0)"))
    assert told["plans"] == dict(
        hold=100, move=0, upgrade_blasters=0, upgrade_thrusters=0, upgrade_harvesters=0
    )
    assert set(told) == {
        "plans", "observations", "calls", "invalid", "trapped", "fuel_mean", "fuel_most", "over_budget", "budget_fuel",
        "start_fuel", "fault", "fuel", "warnings",
    }  # fmt: skip
    assert lines_of(told)[0] == "100 sampled calls: hold 100; invalid 0, trapped 0"
