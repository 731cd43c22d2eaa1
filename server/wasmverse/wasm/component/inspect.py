"""What is in a component that somebody sent, and how it is compiled. Nothing of it is run.

The bytes are hostile. They are outlined first, with every number checked; each core module must be valid for the strict engine,
as an uploaded module must; then the engine validates the component around them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import wasmtime
from wasmtime.component import Component

from wasmverse.errors import ModuleRefused
from wasmverse.wasm.component.binary import CUSTOM, Reader
from wasmverse.wasm.component.canons import RESOURCE_NEW, canons_of
from wasmverse.wasm.component.code import FOLD, Code
from wasmverse.wasm.component.core_types import module_type
from wasmverse.wasm.component.imports import check_component_imports
from wasmverse.wasm.component.inner import check_inner_frames, with_counting_inner
from wasmverse.wasm.component.outline import Outline, outline_of
from wasmverse.wasm.component.parts import part
from wasmverse.wasm.component.single import single_module
from wasmverse.wasm.component.types import PATH, functions_of
from wasmverse.wasm.component.wrapper import Fold, fold_wrapper, with_imported_modules, wrapper
from wasmverse.wasm.engine import compile_for_flight, component_engine
from wasmverse.wasm.fold import Room, fold_module
from wasmverse.wasm.inspect import check_valid, last_line
from wasmverse.wasm.sections import count_functions, language_of
from wasmverse.wasm.stack import NATIVE_BYTES, part_allowance
from wasmverse.wasm.types import Function


@dataclass(frozen=True, slots=True)
class ComponentLimits:
    """How much there may be of a component: bytes as it was sent and as it is compiled, core modules, functions in all of them,
    and functions that it exports."""

    bytes_max: int
    modules_max: int
    functions_max: int
    exports_max: int
    compiled_bytes_max: int


UNLIMITED = ComponentLimits(*5 * (1 << 32,))
"""For a component that has been let in before."""


@dataclass(frozen=True, slots=True)
class ComponentContents:
    """What is in a component.

    Attributes
    ----------
    sha256 : of its bytes, in hexadecimal digits.
    language : what it says it was written in, 'unknown' if it does not.
    functions : the exported functions by their paths, ``decide`` or ``wasmverse:strategy/pilot#decide``; None stands for the type
        of one that takes or returns something else than plain values.
    """

    sha256: str
    language: str
    functions: Mapping[str, Function | None]
    outline: Outline
    types: tuple[bytes, ...]


def check_component_bytes(data: bytes, limits: ComponentLimits) -> None:
    """Make sure that a component is not too large. Raises ModuleRefused."""
    if len(data) > limits.bytes_max:
        raise ModuleRefused(
            f"the component has {len(data):,} bytes; {limits.bytes_max:,} are allowed: build it for size, leave out what it does "
            "not use"
        )


def inspect_component(data: bytes, limits: ComponentLimits, kind: str = "guest") -> ComponentContents:
    """Validate a component and say what is in it; ``kind`` is what its authors call it.

    Raises
    ------
    ModuleRefused : it is not valid, too large, cannot be read, or imports what is not offered.
    """
    check_component_bytes(data, limits)
    outline = outline_of(data)
    check_component_imports(outline.imports, kind)
    places = outline.modules + outline.inner_modules
    if len(places) > limits.modules_max:
        raise ModuleRefused(
            f"the component has {len(places):,} core modules; {limits.modules_max:,} are allowed: link fewer libraries"
        )
    functions = 0
    for start, end in places:
        module = data[start:end]
        check_valid(module, "component's core module")
        functions += count_functions(module)
    if functions > limits.functions_max:
        raise ModuleRefused(
            f"the component has {functions:,} functions; {limits.functions_max:,} are allowed: leave out what it does not use"
        )
    for start, end in outline.canons:
        if any(canon.kind == RESOURCE_NEW for canon in canons_of(Reader(data, start, end))):
            raise ModuleRefused(
                "the component defines resources of its own; nobody here could use them, and they take memory that is not "
                "counted: export plain functions"
            )
    types = tuple(module_type(data[start:end]) for start, end in outline.modules)
    found = functions_of(
        _compiled(with_imported_modules(outline, types)).type.exports(component_engine()), component_engine()
    )
    if len(found) > limits.exports_max:
        raise ModuleRefused(
            f"the component exports {len(found):,} functions; {limits.exports_max:,} are allowed: export what is called only"
        )
    return ComponentContents(
        hashlib.sha256(data).hexdigest(), component_language(outline), found, outline, types
    )


def core_of_component(found: ComponentContents) -> bytes | None:
    """The core module that a component is all around, with all functions that can be called; None if there is more to it.

    Raises
    ------
    ModuleRefused : the core module is not valid.
    """
    paths = [path for path, function in found.functions.items() if function is not None]
    module = single_module(found.outline, found.functions, paths)
    if module is not None:
        check_valid(module, "component's core module")
    return module


_INTERPRETERS = {b"libpython": "Python", b"spidermonkey": "JavaScript"}
"""By what the custom sections of a component that holds an interpreter name."""
_TOOLS = {"unknown", "wit-component"}


def component_language(outline: Outline) -> str:
    """The language of the interpreter that is in it, else of the first core module that tells one; 'unknown' otherwise."""
    for kind, _begins, content, ends in outline.sections:
        if kind == CUSTOM:
            for name, language in _INTERPRETERS.items():
                if outline.data.find(name, content, ends) >= 0:
                    return language
    told = (language_of(outline.data[start:end]) for start, end in outline.modules + outline.inner_modules)
    return next((language for language in told if language not in _TOOLS), "unknown")


def compile_component(
    contents: ComponentContents,
    paths: Collection[str],
    known: Mapping[str, bytes],
    native: float,
) -> wasmtime.Module | Code:
    """Compile a component for calls of some of its functions: as its core module, if that is all that there is in it.

    Parameters
    ----------
    known : machine code of core modules by their hash, from compilers of ours; these are not compiled again.
    native : see `engine.compile_for_flight`.

    Raises
    ------
    ModuleRefused : it cannot be compiled.
    """
    single = single_module(contents.outline, contents.functions, paths)
    if single is None:
        return compile_whole(contents, paths, known, native)
    check_valid(single, "component's core module")
    try:
        return compile_for_flight(single, native)
    except wasmtime.WasmtimeError as error:
        raise _uncompiled(error) from error


def compile_whole(
    contents: ComponentContents,
    paths: Collection[str],
    known: Mapping[str, bytes],
    native: float,
    fold: Fold | None = None,
) -> Code:
    """Compile a component as one, whatever there is in it; as `compile_component`. A ``fold`` can be called by `FOLD`.

    Raises
    ------
    ModuleRefused, FoldError : it cannot be compiled.
    """
    check_stack(contents.outline)
    try:
        outline, frames = with_counting_inner(contents.outline)
        parts = tuple(part(outline.data[start:end], known, native) for start, end in outline.modules)
    except wasmtime.WasmtimeError as error:
        raise _uncompiled(error) from error
    texts = {}
    for path in paths:
        function = contents.functions[path]
        assert function is not None
        texts[path] = wrapper(outline, contents.types, path.split(PATH), function)
    if fold is not None:
        fold_module(fold.steps, True, Room.STORE, False, fold.has_merge)  # refuses what takes too much stack
        texts[FOLD] = fold_wrapper(outline, contents.types, fold)
    wrappers = {}
    for path, text in texts.items():
        wrappers[path] = _compiled(text)
        check_inner_frames(wrappers[path], frames, native)
    imports = tuple(found.name for found in outline.imports if not found.is_value_type)
    return Code(wrappers, imports, parts)


def _uncompiled(error: wasmtime.WasmtimeError) -> ModuleRefused:
    return ModuleRefused(
        f"a core module of the component cannot be compiled: {last_line(error)}: build it smaller"
    )


def check_stack(outline: Outline) -> None:
    """Make sure that the calls of all core modules have room on the stack together. Raises ModuleRefused."""
    needed = sum(
        part_allowance(outline.data[start:end]).native_bytes
        for start, end in outline.modules + outline.inner_modules
    )
    if needed > NATIVE_BYTES:
        raise ModuleRefused(
            f"the component's core modules may take {needed:,} bytes of stack when they call each other; "
            f"{NATIVE_BYTES:,} are there: link fewer or smaller libraries"
        )


def _compiled(component: bytes) -> Component:
    try:
        return Component(component_engine(), component)
    except wasmtime.WasmtimeError as error:
        raise ModuleRefused(
            f"the component is not valid: {last_line(error)}; allowed is the component model of WASI 0.2, without async "
            "functions, streams, threads, 64-bit memory, exceptions or garbage collection: build it without them"
        ) from error
