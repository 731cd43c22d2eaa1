"""The picture of a tournament, as SVG: ratings with their doubt at the left, who beats whom at the right."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from wasmverse.cli.svg import svg, text
from wasmverse.text import counted

_ROW, _TOP, _NAMES, _RATINGS, _CELL, _EDGE = 34, 64, 190, 320, 58, 20
_FAINT, _BAR = "#8896a5", "#2f6fb3"
_SHOWN = 22


def picture(told: dict[str, Any]) -> str:
    """The text of an SVG file, of what `round_robin.tournament` returns.

    Each strategy is a row, the best rated first. The dot is its rating, the line reaches as far as two sigma. A cell says how
    many of its duels against the strategy of that column it won, blue for most, orange for few.
    """
    rows = told["strategies"]
    left = _EDGE + _NAMES
    matrix = left + _RATINGS + 40
    width = matrix + _CELL * len(rows) + _EDGE
    height = _TOP + _ROW * len(rows) + 44
    least = min(row["mu"] - 2 * row["sigma"] for row in rows)
    most = max(row["mu"] + 2 * row["sigma"] for row in rows)
    scale = _RATINGS / max(most - least, 1e-9)
    title = (
        f"{counted(told['matches'], 'duel')} of {counted(told['turns'], 'turn')}, {counted(told['systems'], 'system')}, "
        f"{counted(len(told['seeds']), 'seed')}"
    )
    parts = [
        text(_EDGE, 26, title, weight="600"),
        text(left, _TOP - 12, "rating, and two sigma either way", fill=_FAINT),
        text(matrix, _TOP - 28, "duels won against", fill=_FAINT),
    ]
    won = _won(told)
    for at, row in enumerate(rows):
        middle = _TOP + _ROW * at + _ROW // 2
        x = left + (row["mu"] - least) * scale
        reach = 2 * row["sigma"] * scale
        parts += [
            text(_EDGE, middle + 4, f"{at + 1}. {_short(row['name'])}"),
            f'<line x1="{x - reach:.1f}" y1="{middle}" x2="{x + reach:.1f}" y2="{middle}" stroke="{_BAR}" stroke-width="3" '
            'stroke-opacity="0.4"/>',
            f'<circle cx="{x:.1f}" cy="{middle}" r="6" fill="{_BAR}"/>',
            text(x, middle - 9, f"{row['mu']:.1f}", anchor="middle", size=11),
            text(matrix + _CELL * at + _CELL // 2, _TOP - 8, f"{at + 1}.", anchor="middle"),
        ]
        for other, opponent in enumerate(rows):
            if other != at:
                parts += _cell(
                    matrix + _CELL * other,
                    _TOP + _ROW * at,
                    *won[row["name"], opponent["name"]],
                    f"{row['name']} against {opponent['name']}",
                )
    parts.append(text(_EDGE, height - 16, "wasmverse tournament; ratings by OpenSkill", fill=_FAINT, size=11))
    return svg(width, height, parts)


def _won(told: dict[str, Any]) -> dict[tuple[str, str], tuple[int, int]]:
    """By (strategy, opponent), the duels that it won and all that they had."""
    won = {}
    for pair in told["pairs"]:
        total = pair["wins_a"] + pair["wins_b"] + pair["draws"]
        won[pair["a"], pair["b"]] = pair["wins_a"], total
        won[pair["b"], pair["a"]] = pair["wins_b"], total
    return won


def _cell(x: int, y: int, won: int, total: int, title: str) -> list[str]:
    share = won / total
    colour = "#2f6fb3" if share >= 0.5 else "#d9822b"
    opacity = 0.15 + 0.7 * abs(share - 0.5) * 2
    return [
        f'<rect x="{x + 1}" y="{y + 1}" width="{_CELL - 2}" height="{_ROW - 2}" rx="3" fill="{colour}" '
        f'fill-opacity="{opacity:.2f}"><title>{escape(title)}: {won} of {total}</title></rect>',
        text(x + _CELL // 2, y + _ROW // 2 + 4, f"{won}/{total}", anchor="middle", size=12),
    ]


def _short(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1]}…"
