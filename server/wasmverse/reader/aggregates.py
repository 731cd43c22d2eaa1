"""Calls of aggregates in a parsed statement, written so that the engine can run them.

The engine's Python side has no aggregates of strangers. But it has ``list``, which gathers the rows of a group, of a window, of a
FILTER, distinct and in an order; and a function over a list. So ``f(x order by y) filter (where z)`` becomes
``"fold f/1"(list(x order by y) filter (where z))``, and ``f(x, y)`` ``"fold f/2"(list(row(x, y)))``. Where several aggregates
take as many values, these stand before the list, so that the engine can choose by their types: ``"fold f/1"(x, list(x))``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wasmverse.errors import QueryRefused
from wasmverse.query.public import SCHEMA
from wasmverse.reader.allowed import folded, shown
from wasmverse.reader.macros import Counts, fold_name

Node = dict[str, Any]


def fold_calls(
    statements: list[Node],
    counts: Mapping[str, Counts],
    parts: Callable[[object], Iterator[Node]],
    printed: Callable[[Node], str],
) -> None:
    """Write each call of an aggregate as a call over a list; the statements are mutated.

    counts : the aggregates by name, in lower case, and what `macros.counts_of` says of each.
    parts : every object of a tree.
    printed : the text of an expression, as the engine prints it; a column without a name is called by it.

    Raises
    ------
    QueryRefused : 1064, a call has other arguments than the aggregate takes.
    """
    for part in parts(statements):
        for item in part.get("select_list") or ():
            if (
                not item["alias"]
                and item["class"] not in {"COLUMN_REF", "STAR"}
                and _calls(parts(item), counts)
            ):
                item["alias"] = printed(item)
    for call in list(_calls(parts(statements), counts)):
        _fold(call, dict(counts[folded(call["function_name"])]))


def _calls(nodes: Iterator[Node], names: Mapping[str, object]) -> list[Node]:
    return [
        node
        for node in nodes
        if node.get("class") in {"FUNCTION", "WINDOW"} and folded(node["function_name"]) in names
    ]


def _fold(call: Node, counts: Mapping[int, int]) -> None:
    name, arguments = folded(call["function_name"]), call["arguments"]
    values = [argument["expression"] for argument in arguments]
    if any(argument["name"] for argument in arguments) or any(value["class"] == "STAR" for value in values):
        raise QueryRefused(
            f"The aggregate '{shown(name)}' takes values in their order; write them without names and without *",
            code=1064,
        )
    if len(values) not in counts:
        wanted = " or ".join(map(str, sorted(counts)))
        raise QueryRefused(
            f"The aggregate '{shown(name)}' is called with {len(values)} arguments; it takes {wanted}",
            code=1064,
        )
    row = values[0] if len(values) == 1 else _call("row", values)
    gathered = call | {"alias": "", "arguments": [{"name": "", "expression": row}]} | _named("list")
    told = copy.deepcopy(values) if counts[len(values)] > 1 else []
    outer = _call(fold_name(name, len(values)), [*told, gathered], SCHEMA)
    outer["alias"] = call["alias"]
    call.clear()
    call.update(outer)


def _call(name: str, arguments: list[Node], schema: str = "") -> Node:
    return {
        "class": "FUNCTION",
        "type": "FUNCTION",
        "alias": "",
        "query_location": 0,
        "filter": None,
        "order_bys": {"type": "ORDER_MODIFIER", "orders": []},
        "distinct": False,
        "is_operator": False,
        "export_state": False,
        "arguments": [{"name": "", "expression": argument} for argument in arguments],
        **_named(name, schema),
    }


def _named(name: str, schema: str = "") -> Node:
    path = [schema, name] if schema else [name]
    return {"function_name": name, "schema": schema, "catalog": "", "qualified_name": {"path": path}}
