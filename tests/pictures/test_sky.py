"""Pictures of places: what is there shines where it is, in its owner's colour."""

import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from wasmverse.pictures.light import PALETTE
from wasmverse.pictures.sky import HEIGHT, WIDTH, Caption, paint_map, paint_system

NOTHING = Caption("", "")


def pixels(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.size) == ("PNG", (WIDTH, HEIGHT))
    return np.asarray(image, np.int64)


def test_the_colours_are_those_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "web/src/view/look.ts").read_text()
    listed = re.search(r"PALETTE: readonly number\[\] = \[([^\]]*)\]", page)
    assert listed is not None
    assert tuple(int(each, 16) for each in re.findall(r"0x[0-9a-f]{6}", listed[1])) == PALETTE


def test_a_ship_shines_in_its_cell_in_the_colour_of_its_strategy() -> None:
    nobody = pixels(paint_system([], [], NOTHING))
    added = pixels(paint_system([(50, 50, 4, 400)], [], NOTHING)) - nobody
    row, column = np.unravel_index(added.sum(axis=2).argmax(), added.shape[:2])
    scale, left = HEIGHT * 0.92 / 100, WIDTH - HEIGHT * 0.98
    assert abs(column - (left + 50.5 * scale)) <= 2
    assert abs(row - (HEIGHT * 0.04 + 50.5 * scale)) <= 2
    red, green, blue = added[row, column + 8]  # beside the white middle: its halo
    assert red > 4 * green
    assert red > 4 * blue
    assert not added[:, :200].any()


def test_a_richer_system_is_brighter_and_an_empty_universe_is_dark() -> None:
    empty = pixels(paint_map([], NOTHING))
    assert empty.max() < 100
    added = pixels(paint_map([(100, 100, 1, 100), (400, 400, 1, 900), (250, 50, 0, 0)], NOTHING)) - empty
    poor, rich = added[:315, :560].sum(), added[315:, 640:].sum()
    assert rich > 2 * poor > 0
    assert added[:100, 580:620].sum() > 0  # also where nobody is there is a star


def test_words_are_written() -> None:
    said = pixels(paint_map([], Caption("Wasmverse", "turn 7")))
    assert (said[-160:, 50:400] > 200).sum() > 500
