"""A long sorted run and a tail become one sorted whole, however they are cut into pieces."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmverse.universe.merge import merge_nodes, merge_ships, scatter_energy, tail_order
from wasmverse.universe.state import NODE_DTYPES, SHIP_DTYPES, PlacedNodes, Ships, sorted_prefix

SYSTEMS = 5


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


@st.composite
def stored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
    """Keys of rows, of which the first ones may be sorted; which of them have energy; where they are cut."""
    count = draw(st.integers(0, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sid = rng.integers(1, SYSTEMS + 1, count)
    eid = rng.permutation(count) + 1
    run = draw(st.integers(0, count))
    order = np.lexsort((eid[:run], sid[:run]))
    sid[:run], eid[:run] = sid[:run][order], eid[:run][order]
    energy = rng.integers(0, draw(st.sampled_from([1, 2, 4])) + 1, count)
    cuts = sorted(draw(st.lists(st.integers(0, count), max_size=4)))
    return sid, eid, energy, cuts


def pieces(columns: Ships | PlacedNodes, cuts: list[int]) -> list[Ships] | list[PlacedNodes]:
    ends = [*cuts, len(columns.sid)]
    starts = [0, *cuts]
    return [
        type(columns)(*(column[start:end] for column in columns))
        for start, end in zip(starts, ends, strict=True)
    ]


@settings(max_examples=200, deadline=None)
@given(stored())
def test_nodes_come_in_order_without_those_that_are_gone(threads, rows) -> None:
    sid, eid, energy, cuts = rows
    rng = np.random.default_rng(1)
    nodes = PlacedNodes.empty(len(sid))
    nodes.sid[:], nodes.eid[:], nodes.energy[:], nodes.row[:] = sid, eid, energy, np.arange(len(sid))
    nodes.x[:], nodes.y[:] = rng.integers(0, 100, (2, len(sid)))
    merged, run = merge_nodes(pieces(nodes, cuts), SYSTEMS, threads)

    left = np.flatnonzero(energy)
    order = left[np.lexsort((eid[left], sid[left]))]
    assert np.array_equal(merged.row, order)
    for column, given_column, dtype in zip(merged, nodes, (*NODE_DTYPES.values(), np.int32), strict=True):
        assert column.dtype == dtype
        assert not column.flags.writeable
        assert np.array_equal(column, given_column[order])
    assert run == sorted_prefix(nodes.sid, nodes.eid, 0)
    back = np.zeros(len(sid), np.uint16)
    scatter_energy(merged.energy, merged.row, back)
    assert np.array_equal(back, nodes.energy)


@settings(max_examples=100, deadline=None)
@given(stored())
def test_ships_come_in_order(threads, rows) -> None:
    sid, eid, _, cuts = rows
    rng = np.random.default_rng(2)
    ships = Ships.empty(len(sid))
    for column in ships:
        column[:] = rng.integers(0, 100, len(sid))
    ships.sid[:], ships.eid[:] = sid, eid
    merged = merge_ships(pieces(ships, cuts), SYSTEMS, threads)
    order = np.lexsort((eid, sid))
    for column, given_column, dtype in zip(merged, ships, SHIP_DTYPES.values(), strict=True):
        assert column.dtype == dtype
        assert not column.flags.writeable
        assert np.array_equal(column, given_column[order])


def test_no_pieces_are_no_rows(threads) -> None:
    assert len(merge_ships([], SYSTEMS, threads).sid) == 0
    nodes, run = merge_nodes([], SYSTEMS, threads)
    assert (len(nodes.sid), len(nodes.row), run) == (0, 0, 0)


@settings(max_examples=100, deadline=None)
@given(stored(), st.integers(0, 60))
def test_a_run_that_is_known_need_not_be_all_that_is_in_order(threads, rows, known) -> None:
    """A turn knows the nodes before it to be in order, and merges the new ones whatever their order."""
    sid, eid, energy, cuts = rows
    nodes = PlacedNodes.empty(len(sid))
    for column, values in zip(nodes, (sid, eid, 1, 2, energy, np.arange(len(sid))), strict=True):
        column[:] = values
    known = min(known, sorted_prefix(nodes.sid, nodes.eid, 0))
    found, _ = merge_nodes(pieces(nodes, cuts), SYSTEMS, threads)
    told, run = merge_nodes(pieces(nodes, cuts), SYSTEMS, threads, run=known)
    assert run == known
    assert all(map(np.array_equal, told, found))


def test_a_tail_off_the_map_is_ordered(threads) -> None:
    """A wrong sid must not index past the systems' counts."""
    sid = np.array([3, SYSTEMS + 7, 0, 2**32 - 1, 1], np.uint32)
    eid = np.arange(5)
    assert tail_order(sid, eid, SYSTEMS).tolist() == [2, 4, 0, 1, 3]
    nodes = PlacedNodes.empty(5)
    nodes.sid[:], nodes.eid[:], nodes.energy[:], nodes.row[:] = sid, eid, 1, eid
    assert merge_nodes([nodes], SYSTEMS, threads)[0].row.tolist() == [2, 4, 0, 1, 3]
