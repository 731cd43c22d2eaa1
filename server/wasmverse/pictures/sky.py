"""The map of a universe, and a system of it, as pictures of the size that links are shown with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wasmverse.pictures.light import INK, MUTED, Colour, Plane, colours_of

WIDTH, HEIGHT = 1200, 630
MAP_SIDE = 500
GRID_SIDE = 100
_DUST: Colour = (52, 38, 110)
_SUN: Colour = (60, 84, 150)
_NODE = np.array([(255, 205, 130)], np.float32)

Rows = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands below a picture: a title and a line of figures."""

    title: str
    figures: str


def paint_map(systems: Rows, caption: Caption) -> bytes:
    """The map as a PNG; systems : x, y, the leading strategy's number (0: nobody), energy of the ships, of each."""
    plane = Plane(WIDTH, HEIGHT)
    scale = HEIGHT * 0.98 / MAP_SIDE
    left, top = (WIDTH - MAP_SIDE * scale) / 2, HEIGHT * 0.01
    plane.glow(WIDTH * 0.5, HEIGHT * 0.5, _DUST, 0.55, 190)
    plane.glow(WIDTH * 0.72, HEIGHT * 0.25, _DUST, 0.3, 260)
    values = _columns(systems, 4)
    x, y = left + scale * values[:, 0], top + scale * values[:, 1]
    energy = values[:, 3]
    # By the root, and beside the median: a star that has a hundred times the energy is not a hundred times as bright.
    usual = float(np.median(energy[energy > 0])) if (energy > 0).any() else 1.0
    bright = np.clip(np.sqrt(energy / usual), 0.25, 3.0).astype(np.float32)
    crowd = min(1.0, (400 / max(len(values), 1)) ** 0.4)
    colours = colours_of(values[:, 2].astype(np.int64))
    plane.points(x, y, colours, bright * 0.42 * crowd, 4.5)
    plane.points(x, y, (colours + np.float32(255)) / np.float32(2), bright * 1.5 * max(crowd, 0.4), 1.1)
    return _finished(plane, caption)


def paint_system(ships: Rows, nodes: Rows, caption: Caption) -> bytes:
    """A system as a PNG; ships : x, y, the strategy's number, energy, of each; nodes : x, y, energy."""
    plane = Plane(WIDTH, HEIGHT)
    scale = HEIGHT * 0.92 / GRID_SIDE
    left, top = WIDTH - HEIGHT * 0.98, HEIGHT * 0.04
    plane.glow(left + 50 * scale, top + 50 * scale, _SUN, 0.5, 210)
    plane.glow(WIDTH * 0.1, HEIGHT * 0.9, _DUST, 0.4, 240)
    grains = _columns(nodes, 3)
    x, y = _cells(grains, left, top, scale)
    strength = np.clip(grains[:, 2] / 100, 0.25, 1.5).astype(np.float32)
    plane.points(x, y, np.repeat(_NODE, len(grains), 0), strength * 1.1, 1.6)
    fleet = _columns(ships, 4)
    x, y = _cells(fleet, left, top, scale)
    might = np.clip(np.log10(np.maximum(fleet[:, 3], 10)) - 0.9, 0.3, 4).astype(np.float32)
    colours = colours_of(fleet[:, 2].astype(np.int64))
    plane.points(x, y, colours, might * 0.5, 8.0)
    plane.points(x, y, colours, might * 1.4, 3.0)
    plane.points(x, y, np.full_like(colours, 255), might * 2.2, 1.3)
    return _finished(plane, caption)


def _columns(rows: Rows, count: int) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, count)


def _cells(
    values: NDArray[np.float32], left: float, top: float, scale: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return left + scale * (values[:, 0] + 0.5), top + scale * (values[:, 1] + 0.5)


def _finished(plane: Plane, caption: Caption) -> bytes:
    return plane.png([(caption.title, 52, INK), (caption.figures, 26, MUTED)])
