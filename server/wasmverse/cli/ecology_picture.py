"""The picture of `wasmverse bench ecology`, as SVG: some figures over time, a line for each upkeep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from wasmverse.cli.svg import svg, text
from wasmverse.text import counted

_WIDTH, _PLOT, _HEIGHT, _GAP, _LEFT, _TOP = 860, 660, 150, 52, 70, 62
_FAINT, _GRID = "#68788a", "#e3e8ee"
_COLOURS = ("#b3402f", "#d9822b", "#6b8e23", "#2f8f83", "#2f6fb3", "#6a4fb3", "#9c4a86")
"""Of lines, the lowest upkeep first; names at their ends say the same."""

_Figure = Callable[[dict[str, Any]], float | None]


def picture(told: dict[str, Any]) -> str:
    """The text of an SVG file, of what `ecologies.measure` returns."""
    universes = told["universes"]
    leader = told["newcomer"] or universes[0]["leader"]["strategy"]
    panels: list[tuple[str, _Figure, bool]] = [
        (
            "share of a system's energy that its strongest ship holds, mean of the systems",
            lambda sample: sample["strongest_share"]["mean"],
            True,
        ),
        ("parts of that ship, mean", lambda sample: sample["strongest_parts"], False),
        ("age at death in turns, median", lambda sample: sample["age_at_death"]["median"], False),
        (
            f"share of all energy of {leader}",
            lambda sample: sample["strategies"][leader]["energy_share"],
            True,
        ),
    ]
    height = _TOP + len(panels) * (_HEIGHT + _GAP) + 8
    title = (
        f"{counted(told['turns'], 'turn')} of {counted(told['systems'], 'system')}, {told['ships']} ships and {told['nodes']} "
        f"nodes each, seed {told['seed']}"
    )
    parts = [
        text(_LEFT, 26, title, weight="600"),
    ]
    for number, (name, figure, is_share) in enumerate(panels):
        lines = [
            [
                (sample["turn"], value)
                for sample in universe["samples"]
                if (value := figure(sample)) is not None
            ]
            for universe in universes
        ]
        top = _TOP + number * (_HEIGHT + _GAP)
        parts += _panel(
            top, name, lines, [universe["upkeep"] for universe in universes], told["turns"], is_share
        )
    return svg(_WIDTH, height, parts)


def _panel(
    top: int,
    name: str,
    lines: Sequence[list[tuple[int, float]]],
    upkeeps: Sequence[int],
    turns: int,
    is_share: bool,
) -> list[str]:
    most = 1.0 if is_share else max([1.0, *(value for line in lines for _, value in line)])
    scale = most if is_share else _rounded_up(most)
    bottom = top + _HEIGHT

    def x(turn: float) -> float:
        return _LEFT + _PLOT * turn / turns

    def y(value: float) -> float:
        return bottom - _HEIGHT * value / scale

    parts = [text(_LEFT, top - 8, name)]
    for quarter in range(5):
        value = scale * quarter / 4
        label = f"{100 * value:.0f} %" if is_share else f"{value:,.0f}"
        parts += [
            f'<line x1="{_LEFT}" y1="{y(value):.1f}" x2="{_LEFT + _PLOT}" y2="{y(value):.1f}" stroke="{_GRID}"/>',
            text(_LEFT - 8, y(value) + 4, label, fill=_FAINT, anchor="end", size=11),
            text(
                x(turns * quarter / 4),
                bottom + 16,
                f"{turns * quarter // 4:,}",
                fill=_FAINT,
                anchor="middle",
                size=11,
            ),
        ]
    ends = _apart([y(line[-1][1]) if line else bottom for line in lines])
    for number, (line, upkeep, end) in enumerate(zip(lines, upkeeps, ends, strict=True)):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(f"{x(turn):.1f},{y(value):.1f}" for turn, value in line)
        parts += [
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8" stroke-linejoin="round"/>',
            text(_LEFT + _PLOT + 8, end + 4, f"upkeep {upkeep}", fill=colour, size=12),
        ]
    return parts


def _apart(heights: Sequence[float], least: float = 14.0) -> list[float]:
    """The same heights, moved so far down that labels there do not cover each other; all of them up again by half of it."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    moved = list(heights)
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + least)
    shift = max((moved[at] - heights[at] for at in order), default=0.0) / 2
    return [height - shift for height in moved]


def _rounded_up(value: float) -> float:
    """To a number of one digit and zeros that four divides, or 4."""
    step = 4.0
    while step < value:
        for factor in (1, 1.5, 2, 3, 5, 10):
            if step * factor >= value:
                return step * factor
        step *= 10
    return step
