"""What a driver and its backends tell each other: it comes back as it was, and bytes that are anything else are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wasm.builder import limits_of
from wasmverse.errors import StateError
from wasmverse.storage.postgres.backend.codec import decode, encode
from wasmverse.storage.postgres.backend.messages import (
    RosterRow,
    Task,
    decode_accounts,
    decode_decisions,
    decode_summaries,
    encode_accounts,
    encode_decisions,
    encode_summaries,
)
from wasmverse.storage.postgres.backend.statements import checked
from wasmverse.strategies.calls import Call
from wasmverse.universe.deal import Decision, Summary
from wasmverse.universe.faulted import Fault
from wasmverse.universe.finish import BlockAccount
from wasmverse.universe.printed import Printed
from wasmverse.universe.result import EVENT_DTYPES, Events
from wasmverse.universe.state import SHIP_DTYPES, Ships
from wasmverse.universe.turn import Laws

ROWS = [
    RosterRow(1, "alpha", "ab" * 32, "decide", True, "flying", None),
    RosterRow(9, "é", "", "x#y", False, "removed", 5),
]
TASK = Task(2**40, Laws(2**63, 7, 3, 4, 2, 9), 3, ROWS, limits_of(faults_max=2))


def events(count: int) -> Events:
    return Events._make(np.arange(count).astype(dtype) for dtype in EVENT_DTYPES.values())


def ships(count: int) -> Ships:
    return Ships._make(np.arange(count).astype(dtype) for dtype in SHIP_DTYPES.values())


def same(one: Any, other: Any) -> bool:
    """Of nested tuples, lists and dictionaries of arrays and values."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return bool(one == other)


def test_what_is_told_comes_back() -> None:
    task = Task.decoded(TASK.encoded())
    assert task == TASK
    assert [each.name for each in task.roster().strategies] == ["alpha", "é"]

    slots = 3
    summaries = [
        Summary(
            first_sid, np.arange(7), np.ones((slots, 8), np.int64), np.array([True, False, first_sid > 1]),
            {1: "trapped"} if first_sid > 1 else {}, np.arange(slots), np.arange(slots) / 3, np.zeros(slots), (0.5, 0.25, 1.0),
        )
        for first_sid in (1, 513)
    ]  # fmt: skip
    assert same(decode_summaries(encode_summaries(summaries)), summaries)

    decisions = {
        block: Decision(2**40 + block, 5, np.arange(block, dtype=np.int64), np.array([False, True]))
        for block in (0, 4, 2)
    }
    assert same(decode_decisions(encode_decisions(8, decisions)), (8, decisions))

    asked = Call(1, 2, 3, 4, 5, 6, 7, 2**64 - 1, b"\0\xff")
    trapped = Fault(3, 2**40, "trapped", "a\u2028", None, asked, 9, 2**64 - 1, 100, 2, b"abc")
    invalid = Fault(3, 7, "invalid", "", 2**63, asked._replace(seen=b""), 0, 0, 100, 0, b"")
    accounts = [
        BlockAccount(events(3), events(0), events(1), events(2), {}, ships(2), {1: trapped, 4: invalid}),
        BlockAccount(
            events(0),
            events(1),
            events(0),
            events(0),
            {2: Printed([7, 2**40], ["a", "\u2028"], 3)},
            ships(0),
            {},
        ),
    ]
    assert same(decode_accounts(encode_accounts(accounts)), accounts)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_bytes_are_refused_or_say_something_else_but_never_more(data: st.DataObject) -> None:
    whole = encode(
        {"a": [1, "b"]}, {"x": np.arange(6, dtype=np.int64).reshape(2, 3), "y": np.ones(3, np.uint8)}
    )
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))])
    try:
        _, arrays = decode(cut)
    except StateError as error:
        assert "cannot be read" in error.message
    else:
        assert all(isinstance(array, np.ndarray) and array.nbytes <= len(whole) for array in arrays.values())


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b'{"value": 1, "arrays": {"x": ["|O", [1]]}}', "array x is of type '|O'"),
        (b'{"value": 1, "arrays": {"x": ["<i8", [-1]]}}', "array x has the shape [-1]"),
        (b'{"value": 1, "arrays": {"x": ["<i8", [4611686018427387904]]}}', "array x ends at byte"),
        (b'{"value": 1, "arrays": {"x": "<i8"}}', "too many values"),
        (b"[]", "list indices"),
        (b'{"value": 1, "arrays": {}} x', "Extra data"),
    ],
)  # fmt: skip
def test_a_head_that_asks_for_what_is_not_there_is_refused(head: bytes, why: str) -> None:
    head += b" " * (-len(head) % 8)
    with pytest.raises(StateError) as refused:
        decode(b"WVT1" + len(head).to_bytes(4, "little") + head)
    assert why in refused.value.message
    assert "same version of Wasmverse" in refused.value.message


def test_a_task_of_another_version_is_refused() -> None:
    value, _ = decode(TASK.encoded())
    value["laws"]["gravity"] = 1
    with pytest.raises(StateError, match=r"a turn's task cannot be read: .*gravity"):
        Task.decoded(encode(value, {}))


def test_a_part_that_is_not_as_long_as_it_says_is_refused() -> None:
    decisions = {0: Decision(1, 2, np.arange(3), np.zeros(2, np.bool_))}
    value, arrays = decode(encode_decisions(1, decisions))
    for lengths in ([4], [-1], []):
        with pytest.raises(StateError, match="3 values are not the parts"):
            decode_decisions(encode(value, arrays | {"lengths": np.array(lengths, np.int64)}))


def test_relations_are_names_and_nothing_else() -> None:
    assert checked("system_state_102008") == "system_state_102008"
    for name in ("system_state; DROP TABLE x", '"x"', "", "x" * 64, "pg_catalog.x"):
        with pytest.raises(StateError, match="is no relation of a universe"):
            checked(name)
