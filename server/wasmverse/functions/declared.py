"""What is declared of a function by single values, as a request or the command line give them, not by a statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from wasmverse.errors import CommandError
from wasmverse.functions.definition import Abi, Kind
from wasmverse.functions.grammar import parse_declaration
from wasmverse.functions.names import check_name
from wasmverse.functions.wanted import GROW_BYTES_MAX, PAGE_BYTES, WIT_BYTES_MAX, Wanted
from wasmverse.text import printable

PARAMETERS = {
    "args": "The parameters, as a statement declares them: `x DOUBLE, y VARCHAR`. Of an aggregate, their types.",
    "returns": "What is returned: `DOUBLE`, or `TABLE(a INT, b VARCHAR)`.",
    "wit": "The WIT of the module's exports, a text.",
    "export": "The export to call; without it the function's name says it.",
    "kind": "`scalar`, `table` or `aggregate`; needed only for what `returns` and `state` do not say.",
    "abi": "`basic` or `canonical`.",
    "grow_to": "Bytes that an instance's memory may have.",
    "state": "Of an aggregate: the type of its state, or `HANDLE`.",
    "initialize": "Of an aggregate: an export.",
    "iterate": "Of an aggregate: an export.",
    "merge": "Of an aggregate: an export, or nothing.",
    "terminate": "Of an aggregate: an export.",
}
"""Each by its name, and what it is."""


def declared_function(name: str, given: Mapping[str, str]) -> Wanted:
    """The function that these parameters declare, by their names in ``PARAMETERS``.

    Raises
    ------
    CommandError : one is not known, wrong or missing.
    FunctionError : the name cannot be a function's.
    """
    for unknown in given.keys() - PARAMETERS.keys():
        raise CommandError(f"'{printable(unknown, 40)}' is no parameter; there are {', '.join(PARAMETERS)}")
    step_names = ("initialize", "iterate", "merge", "terminate")
    is_aggregate = given.get("kind") == "aggregate" or any(step in given for step in step_names)
    kind: Kind = _one_of("kind", given.get("kind", "aggregate" if is_aggregate else "scalar"), get_args(Kind))
    abi: Abi | None = _one_of("abi", given["abi"], get_args(Abi)) if "abi" in given else None
    wit = given.get("wit")
    if wit is not None and len(wit.encode(errors="replace")) > WIT_BYTES_MAX:
        raise CommandError(
            f"The WIT is longer than {WIT_BYTES_MAX:,} bytes; send the one world that is exported"
        )
    steps = None
    if is_aggregate:
        lacking = [step for step in ("initialize", "iterate", "terminate") if step not in given]
        if lacking:
            raise CommandError(f"An aggregate needs {', '.join(lacking)}; give the names of its exports")
        steps = given["initialize"], given["iterate"], given.get("merge"), given["terminate"]
    wanted = Wanted(
        check_name(name),
        kind,
        wit=wit,
        abi=abi,
        export=given.get("export"),
        steps=steps,
        pages_max=_pages(given["grow_to"]) if "grow_to" in given else None,
    )
    wanted = parse_declaration(wanted, given.get("args"), given.get("returns"), given.get("state"))
    if wit is None and wanted.has_params != wanted.has_result:
        raise CommandError("Give both args and returns, or neither; or give wit as well")
    if wit is None and is_aggregate and not (wanted.has_params and (wanted.is_handle or wanted.state)):
        raise CommandError("An aggregate needs args, returns and state, or wit")
    return wanted


def _one_of(name: str, value: str, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise CommandError(f"{name} is '{printable(value, 20)}'; it is one of {', '.join(allowed)}")
    return value


def _pages(text: str) -> int:
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
    if not PAGE_BYTES <= size <= GROW_BYTES_MAX:
        raise CommandError(
            f"grow_to is '{printable(text, 20)}'; give bytes from {PAGE_BYTES:,} to {GROW_BYTES_MAX:,}"
        )
    return -(-size // PAGE_BYTES)
