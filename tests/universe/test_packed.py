"""Packed states: the bytes are those that are written a second time, apart; what comes back is what was packed, or is refused."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.by_hand import NODE_COLUMNS, SHIP_COLUMNS, blob
from wasmverse.errors import StateError
from wasmverse.universe.crew import Crew
from wasmverse.universe.packed import Blobs, pack_state, pack_turn
from wasmverse.universe.state import Nodes, Ships, with_columns
from wasmverse.universe.unpacked import Unpacking, split_blobs

SYSTEMS = 6


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    crew = Crew(2)
    yield crew
    crew.close()


def entities(rng: np.random.Generator, kind: type, count: int, eids: np.ndarray):
    """Ships or nodes anywhere with any values that there may be, sorted by (sid, eid)."""
    columns = kind.empty(count)
    tops = {"strategy_id": 65_535, "x": 99, "y": 99, "shield": 100, "energy": 65_535}
    for name, column in columns._asdict().items():
        top = tops.get(name, np.iinfo(column.dtype).max)
        column[:] = rng.integers(0, top, count, dtype=column.dtype, endpoint=True)
    columns.sid[:] = rng.integers(1, SYSTEMS + 1, count)
    columns.eid[:] = eids
    columns.energy[:] = np.maximum(columns.energy, 1)
    order = np.lexsort((columns.eid, columns.sid))
    return kind._make(column[order] for column in columns)


def chosen(columns, rows):
    return with_columns(columns, (column[rows] for column in columns))


def rows_of(columns, sid: int) -> list[dict[str, int]]:
    here = columns.sid == sid
    return [
        dict(zip(columns._fields, map(int, row), strict=True))
        for row in zip(*chosen(columns, here), strict=True)
    ]


def by_hand(layout, columns) -> list[bytes]:
    return [blob(layout, rows_of(columns, sid)) for sid in range(1, SYSTEMS + 1)]


def blobs(packed: Blobs) -> list[bytes]:
    ends = packed.offsets.tolist()
    return [packed.data[begin:end].tobytes() for begin, end in pairwise(ends)]


def same(columns, others) -> bool:
    return all(
        one.dtype == other.dtype and np.array_equal(one, other)
        for one, other in zip(columns, others, strict=True)
    )


@st.composite
def turns(draw: st.DrawFn):
    """The end of a turn: ships in blocks, new ones, nodes of which some have no energy, and new ones; and all of it joined."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    counts = [draw(st.integers(0, most)) for most in (40, 6, 60, 12)]
    spread = draw(st.sampled_from([200, 2**31, 2**45]))
    eids = (
        1 + rng.choice(spread, sum(counts), replace=False)
        if spread == 200
        else np.unique(rng.integers(1, spread, 2 * sum(counts) + 2))
    )
    eids = rng.permutation(eids)[: sum(counts)]
    at = np.cumsum([0, *counts])
    ships = entities(rng, Ships, counts[0], eids[at[0] : at[1]])
    new_ships = entities(rng, Ships, counts[1], np.arange(counts[1]) + 2**46)
    nodes = entities(rng, Nodes, counts[2], eids[at[2] : at[3]])
    new_nodes = entities(rng, Nodes, counts[3], eids[at[3] : at[4]])
    new_nodes = chosen(new_nodes, rng.permutation(counts[3]) if draw(st.booleans()) else slice(None))
    energy = np.where(rng.random(counts[2]) < draw(st.sampled_from([0.0, 0.4, 1.0])), 0, nodes.energy).astype(
        np.uint16
    )
    bounds = np.array([0, *sorted(draw(st.sets(st.integers(1, SYSTEMS - 1), max_size=3))), SYSTEMS])
    parts = [chosen(ships, (ships.sid > low) & (ships.sid <= high)) for low, high in pairwise(bounds)]
    # New ships are by sid, one a system at the most.
    first = np.unique(new_ships.sid, return_index=True)[1]
    new_ships = chosen(new_ships, first)
    left = energy != 0
    all_ships = Ships._make(map(np.concatenate, zip(ships, new_ships, strict=True)))
    kept = chosen(nodes._replace(energy=energy), left)
    all_nodes = Nodes._make(map(np.concatenate, zip(kept, new_nodes, strict=True)))
    joined = [chosen(of, np.lexsort((of.eid, of.sid))) for of in (all_ships, all_nodes)]
    return (parts, new_ships, nodes, energy, new_nodes, bounds), joined


@settings(max_examples=200, deadline=None)
@given(turns())
def test_a_turn_s_bytes_are_those_of_the_format_and_come_back(crew, turn) -> None:
    given_state, (ships, nodes) = turn
    packed = pack_turn(*given_state, crew)
    assert blobs(packed.ships) == by_hand(SHIP_COLUMNS, ships)
    assert blobs(packed.nodes) == by_hand(NODE_COLUMNS, nodes)
    assert same(Unpacking("ship", [packed.ships]).ships(crew), ships)
    unpacked = Unpacking("node", [packed.nodes])
    assert same(unpacked.nodes(crew), nodes)
    assert unpacked.offsets.tolist() == np.searchsorted(nodes.sid, np.arange(1, SYSTEMS + 2)).tolist()
    again = pack_state(ships, nodes, SYSTEMS, crew)
    assert all(map(np.array_equal, again.ships + again.nodes, packed.ships + packed.nodes))


def moved(columns, by: int):
    """The same entities in other systems."""
    return columns._replace(sid=columns.sid + np.uint32(by))


@settings(max_examples=60, deadline=None)
@given(turns(), st.integers(0, 2**32 - 1 - SYSTEMS))
def test_systems_far_from_the_first_are_packed_and_unpacked_alike(crew, turn, by) -> None:
    """A row of a database has some neighbouring systems: their blobs lie one after the other, and tell where each ends."""
    (parts, new_ships, nodes, energy, new_nodes, bounds), (ships, all_nodes) = turn
    here = pack_turn(parts, new_ships, nodes, energy, new_nodes, bounds, crew)
    first_sid = 1 + by
    there = pack_turn(
        [moved(part, by) for part in parts], moved(new_ships, by), moved(nodes, by), energy, moved(new_nodes, by), bounds,
        crew, first_sid,
    )  # fmt: skip
    assert all(map(np.array_equal, here.ships + here.nodes, there.ships + there.nodes))
    read = {
        kind: Unpacking(kind, [split_blobs(kind, blobs.data, SYSTEMS, first_sid)], first_sid)
        for kind, blobs in zip(("ship", "node"), there, strict=True)
    }
    assert same(read["ship"].ships(crew), moved(ships, by))
    assert same(read["node"].nodes(crew), moved(all_nodes, by))
    again = pack_state(moved(ships, by), moved(all_nodes, by), SYSTEMS, crew, first_sid)
    assert all(map(np.array_equal, again.ships + again.nodes, there.ships + there.nodes))


def test_blobs_that_do_not_fill_their_bytes_are_refused(crew) -> None:
    nodes = entities(np.random.default_rng(3), Nodes, 30, np.arange(1, 31))
    data = pack_state(Ships.empty(0), nodes, SYSTEMS, crew).nodes.data
    assert len(split_blobs("node", data, SYSTEMS, 41).offsets) == SYSTEMS + 1
    with pytest.raises(StateError, match=r"^the nodes of system 46 cannot be read: 8 bytes follow its blob"):
        split_blobs("node", np.append(data, np.zeros(8, np.uint8)), SYSTEMS, 41)
    with pytest.raises(
        StateError, match=r"^the nodes of system 46 cannot be read: its blob is longer than the"
    ):
        split_blobs("node", data[:-8], SYSTEMS, 41)
    longer = data.copy()
    longer[4:8] = 255
    with pytest.raises(StateError, match=rf"^the nodes of system 41 .* longer than the {len(data):,} bytes"):
        split_blobs("node", longer, SYSTEMS, 41)
    with pytest.raises(StateError, match=r"^the nodes of system 47 .* longer than the 0 bytes"):
        split_blobs("node", data, SYSTEMS + 1, 41)


def test_both_widths_of_eids_are_met(crew) -> None:
    """As wide as a system's own eids need: two to the 32 apart is too far for four bytes."""
    for apart, width in ((2**32 - 1, 4), (2**32, 8)):
        nodes = entities(np.random.default_rng(1), Nodes, 2, np.array([5, 5 + apart]))
        nodes.sid[:], nodes.eid[:] = 3, (5, 5 + apart)
        packed = pack_state(Ships.empty(0), nodes, SYSTEMS, crew)
        assert blobs(packed.nodes)[2][1] == width
        assert len(blobs(packed.nodes)[2]) == 16 + 2 * (4 + width)
        assert Unpacking("node", [packed.nodes]).nodes(crew).eid.tolist() == [5, 5 + apart]


@settings(max_examples=60, deadline=None)
@given(turns(), st.sets(st.integers(1, SYSTEMS - 1)))
def test_blobs_may_come_in_pieces_and_off_the_words(crew, turn, cuts) -> None:
    _, (ships, nodes) = turn
    packed = pack_state(ships, nodes, SYSTEMS, crew).ships
    bounds = [0, *sorted(cuts), SYSTEMS]
    pieces = []
    for first, last in pairwise(bounds):
        offsets = packed.offsets[first : last + 1]
        shifted = np.frombuffer(b"?" + packed.data[offsets[0] : offsets[-1]].tobytes(), np.uint8)[1:]
        pieces.append(Blobs(offsets - offsets[0], shifted))
    unpacking = Unpacking("ship", pieces)
    assert same(unpacking.ships(crew), ships)
    assert unpacking.differs_from(packed, crew) == -1


@settings(max_examples=60, deadline=None)
@given(turns(), st.integers(0, 2**32))
def test_a_byte_that_changed_on_the_way_is_noticed_with_its_system(crew, turn, seed) -> None:
    _, (ships, nodes) = turn
    packed = pack_state(ships, nodes, SYSTEMS, crew).nodes
    place = seed % len(packed.data)
    system = int(np.searchsorted(packed.offsets, place, "right")) - 1
    data = packed.data.copy()
    entries = int(packed.offsets[system]) + 16
    place = place if place >= entries else entries - 8  # the base: a head that can be
    data[place] ^= 1 << seed % 8
    assert Unpacking("node", [packed._replace(data=data)]).differs_from(packed, crew) == system
    assert Unpacking("node", [packed]).differs_from(packed, crew) == -1


@settings(max_examples=300, deadline=None)
@given(turns(), st.data())
def test_bytes_of_any_kind_are_refused_or_can_be_played(crew, turn, data) -> None:
    """A damaged blob is never read past its end, and nothing comes of it that no ship may be."""
    _, (ships, nodes) = turn
    packed = pack_state(ships, nodes, SYSTEMS, crew).ships
    ends = packed.offsets.tolist()
    system = data.draw(st.integers(0, SYSTEMS - 1))
    here = bytearray(packed.data[ends[system] : ends[system + 1]].tobytes())
    match data.draw(st.sampled_from(["flip", "cut", "longer", "garbage"])):
        case "flip":
            here[data.draw(st.integers(0, len(here) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del here[data.draw(st.integers(0, len(here))) :]
        case "longer":
            here += bytes(data.draw(st.integers(1, 40)))
        case "garbage":
            here = bytearray(data.draw(st.binary(max_size=80)))
    pieces = blobs(packed)
    pieces[system] = bytes(here)
    damaged = Blobs(np.cumsum([0, *map(len, pieces)]), np.frombuffer(b"".join(pieces), np.uint8))
    try:
        read = Unpacking("ship", [damaged]).ships(crew)
    except StateError as error:
        assert error.message.startswith(f"the ships of system {system + 1} cannot be read: ")
        assert error.message.endswith("restore a copy of the universe, or load what was exported of it")
        return
    assert set(read.sid.tolist()) <= set(range(1, SYSTEMS + 1))
    assert max(read.x.max(initial=0), read.y.max(initial=0)) < 100
    assert read.shield.max(initial=0) <= 100
    assert read.energy.min(initial=1) >= 1
    assert same(read, chosen(read, np.lexsort((read.eid, read.sid))))


@pytest.mark.parametrize(
    ("at", "value", "fault"),
    [
        (0, 2, "its blob is of version 2; this Wasmverse knows 1"),
        (1, 5, "its eids are 5 bytes wide; allowed are 4 and 8"),
        (4, 9, "its blob of 88 bytes is not as long as that of the 9 that it tells of"),
        (15, 0x80, "ship -9223372036854775803 comes after 0; eids ascend from 1 to 4611686018427387903"),
    ],
)
def test_a_head_that_cannot_be_is_told_of(crew, at: int, value: int, fault: str) -> None:
    ships = entities(np.random.default_rng(1), Ships, 3, np.arange(3) + 5)
    ships.sid[:], ships.eid[:] = 2, (5, 6, 7)
    packed = pack_state(ships, Nodes.empty(0), SYSTEMS, crew).ships
    packed.data[16 + at] = value
    with pytest.raises(StateError) as error:
        Unpacking("ship", [packed]).ships(crew)
    assert f"the ships of system 2 cannot be read: {fault}; restore a copy" in error.value.message


@pytest.mark.parametrize("sids", [[1, SYSTEMS + 1], [2, 1], [0, 1]])
def test_rows_that_are_not_sorted_or_off_the_map_are_not_packed(crew, sids: list[int]) -> None:
    nodes = entities(np.random.default_rng(1), Nodes, 2, np.array([1, 2]))
    nodes.sid[:] = sids
    with pytest.raises(
        StateError, match=r"nodes cannot be packed: row . has sid .; rows must be sorted and within 1\.\.6"
    ):
        pack_state(Ships.empty(0), nodes, SYSTEMS, crew)
