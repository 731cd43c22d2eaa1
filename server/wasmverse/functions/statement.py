"""A function as the statement that would create it, for SHOW CREATE FUNCTION: all but the bytes of its module."""

from __future__ import annotations

from wasmverse.functions.definition import Definition, declared
from wasmverse.functions.type_names import quoted_name, quoted_text
from wasmverse.functions.wanted import PAGE_BYTES


def statement_of(definition: Definition, module_bytes: int) -> str:
    """The text of the statement; where types say more in WIT than in SQL, a comment has them."""
    module = quoted_text(f"the module: {module_bytes} bytes, sha256 {definition.sha256}")
    grow = "" if definition.pages_max is None else f" GROW TO {definition.pages_max * PAGE_BYTES}"
    wasm = f"AS WASM ABI {definition.abi.upper()}{grow} FROM BASE64 {module} /* {_quiet(definition)} */"
    kind = "AGGREGATE" if definition.kind == "aggregate" else "FUNCTION"
    head = f"CREATE OR REPLACE {kind} {definition.name}{definition.signature}"
    if definition.kind != "aggregate":
        return f"{head} {wasm} USING EXPORT {quoted_text(definition.export)}"
    assert definition.state is not None
    state = "HANDLE" if definition.is_handle else declared(definition.state)
    words = ("INITIALIZE", "ITERATE", "MERGE", "TERMINATE")
    steps = (definition.initialize, definition.iterate, definition.merge, definition.terminate)
    with_steps = " ".join(
        f"{word} WITH {quoted_name(step)}"
        for word, step in zip(words, steps, strict=True)
        if step is not None
    )
    return f"{head} WITH STATE {state} {wasm} {with_steps}"


def _quiet(definition: Definition) -> str:
    """The type in WIT, which cannot end a comment early."""
    return f"in WIT: {definition.function}".replace("*/", "* /")
