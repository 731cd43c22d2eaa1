"""Pictures that commands draw: SVG files of our own, and the option that names one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from xml.sax.saxutils import escape

import typer

from wasmverse.cli.terminal import fail

INK = "#1b2733"

Picture = Annotated[
    Path | None, typer.Option("--picture", help="Draw it into this file, as SVG.", show_default=False)
]


def save_picture(picture: Path, drawn: str) -> None:
    """Write the text of an SVG file; one that cannot be written ends the program with status 1."""
    try:
        picture.write_text(drawn, "utf-8")
    except OSError as error:
        fail(f"{picture} cannot be written: {error.strerror}; name another with --picture")


def svg(width: int, height: int, parts: Iterable[str]) -> str:
    """The text of an SVG file with a white ground, of so many pixels."""
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    return "\n".join([*head, *parts, "</svg>", ""])


def text(
    x: float,
    y: float,
    words: str,
    *,
    fill: str = INK,
    anchor: str = "start",
    size: int = 13,
    weight: str = "400",
) -> str:
    """Words in a picture, from (x, y) to the right unless ``anchor`` says otherwise."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">'
        f"{escape(words)}</text>"
    )
