"""A state and how it is stored, before a turn and after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wasmverse.universe.merge import scatter_energy
from wasmverse.universe.result import TurnResult
from wasmverse.universe.state import Columns, PlacedNodes, State

LOOSE_SHARE = 8
"""The places of nodes are written anew when more than one row in this many is gone or behind the sorted run."""
LOOSE_ROWS_MIN = 4096


@dataclass(frozen=True, slots=True)
class StoredState:
    """A state, and where it is stored.

    node_rows : shape (M,), the stored row of each node; places : how many rows are stored, the gone ones included
    places_sorted : how many of them, from the first on, are in order
    """

    tid: int
    next_eid: int
    state: State
    node_rows: NDArray[np.int32]
    places: int
    places_sorted: int

    def ship_table(self) -> pa.Table:
        """The ships as Arrow, without copying."""
        return as_table(self.state.ships)

    def node_table(self) -> pa.Table:
        """The nodes as Arrow, without copying."""
        return as_table(self.state.nodes)

    def energies(self, energy: NDArray[np.uint16], new: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """These energies of the nodes in the order in which they are stored, those of new ones behind."""
        stored = np.zeros(self.places + len(new), np.uint16)
        scatter_energy(energy, self.node_rows, stored)
        stored[self.places :] = new
        return stored


@dataclass(frozen=True, slots=True)
class NodeLayout:
    """How the nodes are stored at the end of a turn: decided once, for who writes them and who puts them in order.

    parts : the nodes of the state before, then the new ones; those without energy are gone and their row means nothing
    is_anew : whether all places are written anew, in order and without those that are gone; else the new ones are appended
    places, places_sorted : as in `StoredState`, of the state to be
    energies : shape (places,), in stored order; 0 is gone
    """

    parts: tuple[PlacedNodes, PlacedNodes]
    is_anew: bool
    places: int
    places_sorted: int
    energies: NDArray[np.uint16]

    @classmethod
    def after(cls, before: StoredState, result: TurnResult) -> NodeLayout:
        """For a turn that was played on ``before``; the result's nodes become read-only."""
        energy, new = result.node_energy, result.new_nodes
        living = int(np.count_nonzero(energy))
        loose = before.places - living + before.places - before.places_sorted
        is_anew = loose > max(LOOSE_ROWS_MIN, before.places // LOOSE_SHARE)
        if is_anew:
            left = energy != 0
            rows = np.cumsum(left, dtype=np.int32) - np.int32(1)
            first = places_sorted = living
            energies = np.concatenate((energy[left], new.energy))
        else:
            rows = before.node_rows
            first, places_sorted = before.places, before.places_sorted
            energies = before.energies(energy, new.energy)
        places = first + len(new.sid)
        for column in (rows, energy, *new):
            column.setflags(write=False)
        old = PlacedNodes(*before.state.nodes[:-1], energy, rows)
        added = PlacedNodes(*new, row_numbers(first, places))
        return cls((old, added), is_anew, places, places_sorted, energies)


def row_numbers(first: int, end: int) -> NDArray[np.int32]:
    """The numbers of stored rows, read-only."""
    rows = np.arange(first, end, dtype=np.int32)
    rows.setflags(write=False)
    return rows


def as_table(columns: Columns) -> pa.Table:
    """Ships or nodes as Arrow, without copying."""
    return pa.table(columns._asdict())
