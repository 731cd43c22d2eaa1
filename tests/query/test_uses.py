"""What readers say that functions took: summed, handed on once, and nothing believed that cannot be."""

from wasmverse.messages import FunctionKey, FunctionUse
from wasmverse.query.uses import CHARACTERS_MAX, FUNCTIONS_MAX, FunctionUses


def test_sums_are_taken_once() -> None:
    uses = FunctionUses()
    uses.add([["f", "DOUBLE", 2, 100, 1, 5_000, 2_000_000_000], ["f", "VARCHAR", 1, 7, 0, 1, 0]])
    uses.add([["f", "DOUBLE", 2, 50, 0, 1_000, 500_000_000]])
    assert uses.take() == {
        FunctionKey("f", "DOUBLE", 2): FunctionUse(calls=2, rows=150, faults=1, fuel=6_000, seconds=2.5),
        FunctionKey("f", "VARCHAR", 1): FunctionUse(calls=1, rows=7, fuel=1),
    }
    assert uses.take() == {}


def test_what_a_reader_cannot_have_meant_is_dropped() -> None:
    uses = FunctionUses()
    uses.add(
        [
            None,
            "f",
            ["f"],
            ["f", "DOUBLE", 1, -1, 0, 0, 0],
            ["f", "DOUBLE", "1", 1, 0, 0, 0],
            [1, "", 1, 1, 0, 0, 0],
        ]
    )
    assert uses.take() == {}


def test_there_is_a_bound_of_what_is_counted() -> None:
    uses = FunctionUses()
    uses.add([f"f{n}", "", 1, 1, 0, 0, 0] for n in range(FUNCTIONS_MAX + 5))
    uses.add([["f0", "", 1, 1, 0, 0, 0]])
    taken = uses.take()
    assert len(taken) == FUNCTIONS_MAX and taken[FunctionKey("f0", "", 1)].rows == 2


def test_there_is_a_bound_of_what_they_are_called() -> None:
    uses = FunctionUses()
    for _ in range(2):
        uses.add([["f", "x" * (CHARACTERS_MAX // 2), 1, 1, 0, 0, 0] for _ in range(3)])
        uses.add([f"{n}", "y" * (CHARACTERS_MAX // 4), 1, 1, 0, 0, 0] for n in range(5))
        uses.add([["f", "", 1, 1, 0, 0, 0]])
        taken = uses.take()
        assert sum(len(key.name + key.parameters) for key in taken) <= CHARACTERS_MAX
        assert [key.name for key in taken] == ["f", "0", "f"] and next(iter(taken.values())).calls == 3
