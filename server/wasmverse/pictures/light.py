"""A dark plane on which points of light add up, as they do in the page."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

DARK: Colour = (4, 6, 12)
INK: Colour = (233, 238, 251)
MUTED: Colour = (154, 167, 194)

# The strategies' colours by their number, as web/src/view/look.ts has them; a test compares both.
PALETTE = (
    0x90FAF3, 0xDDA552, 0x9754ED, 0xF52311, 0xD7F471, 0x00D097, 0xC841A5, 0xBCC1EB, 0xB48486, 0x8A8FE1,
)  # fmt: skip


def colours_of(numbers: NDArray[np.int64]) -> NDArray[np.float32]:
    """Red, green and blue of the strategies with these numbers, shape (N, 3); 0 is nobody's."""
    palette = np.array([(each >> 16, each >> 8 & 255, each & 255) for each in PALETTE], np.float32)
    found = palette[(numbers - 1) % len(PALETTE)]
    found[numbers < 1] = (190, 200, 225)
    return found


_COARSE = 4
_COARSE_RADIUS_MIN = 4


class Plane:
    """The picture while it is drawn: light as numbers, which are cut off only at the end."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._light = np.zeros((height, width, 3), np.float32)
        self._light += DARK

    def points(
        self,
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        colours: NDArray[np.float32],
        strength: NDArray[np.float32],
        radius: float,
    ) -> None:
        """Add round lights, each brightest in its middle; x and y in pixels, those outside are left out."""
        # What is wide has no fine detail: a plane of a quarter of the side is enough for it.
        coarse = _COARSE if radius >= _COARSE_RADIUS_MIN else 1
        radius /= coarse
        width, height = -(-self.width // coarse), -(-self.height // coarse)
        layer = np.zeros((height, width, 3), np.float32)
        column, row = np.rint(x / coarse).astype(np.int64), np.rint(y / coarse).astype(np.int64)
        here = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        # A blurred point loses height as it gains area: what is seen should not depend on the radius.
        scaled = colours * strength[:, None] * (2 * np.pi * radius * radius)
        np.add.at(layer, (row[here], column[here]), scaled[here])
        self._light += _enlarged(_blurred(layer, radius), coarse)[: self.height, : self.width]

    def glow(self, x: float, y: float, colour: Colour, strength: float, radius: float) -> None:
        """One wide light."""
        down, across = np.ogrid[0 : self.height, 0 : self.width]
        fade = np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * radius * radius))
        self._light += (fade * strength)[..., None].astype(np.float32) * np.array(colour, np.float32)

    def png(self, words: Sequence[tuple[str, int, Colour]]) -> bytes:
        """The picture with lines of words in its lower left corner; of each its text, size in pixels and colour."""
        # Bright light goes to white, and never over it.
        tone = 255 * (1 - np.exp(-self._light / 200))
        image = Image.fromarray(tone.astype(np.uint8), "RGB")
        pen = ImageDraw.Draw(image)
        bottom = self.height - 44
        for text, size, colour in reversed(words):
            bottom -= size
            font = ImageFont.load_default(size)
            pen.text((56, bottom), text, fill=colour, font=font, stroke_width=3, stroke_fill=DARK)
            bottom -= size // 2
        out = io.BytesIO()
        image.save(out, "PNG", compress_level=6)
        return out.getvalue()


def _blurred(layer: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """Blurred by a Gaussian, along one axis and then the other."""
    reach = int(np.ceil(3 * radius))
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * radius * radius)).astype(np.float32)
    taps /= taps.sum()
    height, width, _ = layer.shape
    padded = np.pad(layer, [(reach, reach), (0, 0), (0, 0)])
    down = np.sum([weight * padded[tap : tap + height] for tap, weight in enumerate(taps)], axis=0)
    padded = np.pad(down, [(0, 0), (reach, reach), (0, 0)])
    blurred: NDArray[np.float32] = np.sum(
        [weight * padded[:, tap : tap + width] for tap, weight in enumerate(taps)], axis=0
    )
    return blurred


def _enlarged(layer: NDArray[np.float32], times: int) -> NDArray[np.float32]:
    if times == 1:
        return layer
    height, width, _ = layer.shape
    channels = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(layer[..., channel]), "F").resize(
                (width * times, height * times), Image.Resampling.BILINEAR
            )
        )
        for channel in range(3)
    ]
    return np.stack(channels, axis=-1)
