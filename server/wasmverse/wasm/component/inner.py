"""Core modules of components within a component: they stay where they are, and count their calls as all others do.

What tools compose of several components is nested so. These modules are compiled together with what is around them, for every
component again; only those of the outermost are kept apart (``parts``).
"""

from __future__ import annotations

from collections.abc import Sequence

from wasmtime.component import Component

from wasmverse.wasm.component.binary import COMPONENT, CORE_MODULE, PREAMBLE, section, sections_of
from wasmverse.wasm.component.outline import Outline, outline_of
from wasmverse.wasm.native_frames import check_frames
from wasmverse.wasm.stack import prepare


def with_counting_inner(outline: Outline) -> tuple[Outline, list[list[int]]]:
    """The component with these modules prepared (`stack.prepare`), and what the frames of each cost; in order.

    Raises
    ------
    ModuleRefused : one cannot be.
    """
    if not outline.inner_modules:
        return outline, []
    frames: list[list[int]] = []
    return outline_of(_rewritten(outline.data, 0, len(outline.data), True, frames)), frames


def _rewritten(data: bytes, start: int, end: int, is_outermost: bool, frames: list[list[int]]) -> bytes:
    parts = [PREAMBLE]
    for kind, begins, content, ends in sections_of(data, start, end):
        if kind == COMPONENT:
            parts.append(section(kind, _rewritten(data, content, ends, False, frames)))
        elif kind == CORE_MODULE and not is_outermost:
            prepared = prepare(data[content:ends], is_part=True)
            frames.append(prepared.frames)
            parts.append(section(kind, prepared.module))
        else:
            parts.append(data[begins:ends])
    return b"".join(parts)


def check_inner_frames(compiled: Component, frames: Sequence[list[int]], native: float) -> None:
    """As `native_frames.check_frames`, for these modules: they are the first that the engine finds in a wrapper.

    Raises
    ------
    ModuleRefused : a function takes more stack than it costs.
    """
    if frames:
        code = bytes(compiled.serialize())
        for number, costs in enumerate(frames):
            check_frames(code, costs, native, number)
