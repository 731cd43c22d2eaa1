"""Which functions and types a query may name: ``functions.toml``, in which each entry of the engine's catalogue was judged.
What the engine says of a function is not enough: it calls ``"="`` pure, and crashes when that is called as a function. So each
name is allowed or denied here, with the reason, and what a newer engine adds is refused until it is judged.
"""

from __future__ import annotations

import re
import string
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

import duckdb

from wasmverse.errors import QueryRefused
from wasmverse.functions.names import OWN

NAME_CHARACTERS_MAX = 64
"""Characters of a client's name in an error."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Why some names are denied, and what to write instead. ``names`` are in lower case; one that ends in ``*`` is a prefix.
    ``calls`` has, by name, a call at which the engine fails, where that is the reason.
    """

    reason: str
    remedy: str
    names: frozenset[str]
    calls: dict[str, str]


def _load() -> tuple[dict[str, Any], dict[str, Denial]]:
    data = tomllib.loads(resources.files(__package__).joinpath("functions.toml").read_text(encoding="utf-8"))
    denials = {
        key: Denial(
            one["reason"],
            one["remedy"],
            frozenset(name.lower() for name in one["names"]),
            one.get("calls", {}),
        )
        for key, one in data["denied"].items()
    }
    return data, denials


_DATA, DENIALS = _load()

ENGINE: str = _DATA["engine"]
"""The version of the engine whose catalogue was judged."""

_KINDS = {
    key: frozenset(names.lower().split()) for key, names in _DATA["allowed"].items() if isinstance(names, str)
}
OPERATORS = _KINDS.pop("operators")
"""Names that an operator has in a parsed statement."""
ALLOWED = frozenset().union(*_KINDS.values())
UNSTABLE = _KINDS["unstable"]
"""Functions that are allowed though their answer differs from call to call."""
AGGREGATES = _KINDS["aggregate"]
TYPES = frozenset(_DATA["allowed"]["types"])
DENIED_TYPES: dict[str, dict[str, str]] = _DATA["denied_types"]

HARMFUL: list[dict[str, Any]] = list(_DATA["harmful"].values())
"""Allowed, though calls of them may fail; the generator of calls in the tests knows how."""

_DENIED = {name: denial for denial in DENIALS.values() for name in denial.names if not name.endswith("*")}
_DENIED_BEGINNINGS = {
    name[:-1]: denial for denial in DENIALS.values() for name in denial.names if name.endswith("*")
}

BY_NAME = frozenset({"aggregate", "array_aggr", "array_aggregate", "list_aggr", "list_aggregate"})
"""Functions that call the aggregate whose name is their second argument."""
BY_STRUCTURE = frozenset({"from_json", "from_json_strict", "json_transform", "json_transform_strict"})
"""Functions that make values of the types in the text that is their last argument."""
_NO_STRUCTURE = re.compile(
    rf"\[\s*\d|\\|\b(?:{'|'.join(sorted(DENIED_TYPES.keys() - {'array', 'type', 'oid'}))})\b", re.IGNORECASE
)
"""A type of fixed length such as INTEGER[3], another denied type, or an escape by which JSON may hide one."""

ARGUMENTS_MIN = {"make_timestamp": 5}
"""Functions that fail with fewer arguments; the first one may be written before the name. In 2.0.0
``select make_timestamp(-9223372036854775808)::varchar`` is an internal error."""


_SMALL = {ord(letter): ord(letter.lower()) for letter in string.ascii_uppercase}


def shown(name: str) -> str:
    """A client's name, shortened for an error."""
    plain = "".join(
        one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in name[: NAME_CHARACTERS_MAX + 1]
    )
    return plain if len(name) <= NAME_CHARACTERS_MAX else f"{plain[:NAME_CHARACTERS_MAX]}..."


def folded(name: str) -> str:
    """A name as the engine compares it: with ASCII's letters small. Python's ``lower`` would make a k of a Kelvin sign."""
    return name.lower() if name.isascii() else name.translate(_SMALL)


def denial_of(name: str) -> Denial | None:
    """Why a function, in lower case, is denied; None if it is allowed or not known."""
    if name in ALLOWED:
        return None
    if name in _DENIED:
        return _DENIED[name]
    return next((denial for start, denial in _DENIED_BEGINNINGS.items() if name.startswith(start)), None)


def judge_function(part: dict[str, Any], engine_functions: frozenset[str]) -> bool:
    """Refuse a parsed call of a function that is not allowed; returns whether the function is the engine's own. Another may be
    a strategy's, which is looked up later, in the turn.

    Raises
    ------
    QueryRefused : 1142.
    """
    name = folded(part["function_name"])
    if part.get("export_state"):
        raise QueryRefused(
            "EXPORT_STATE is denied: the state of an aggregate is the engine's own; leave it out"
        )
    if name in ALLOWED:
        if name in BY_NAME:
            _judge_aggregate_of_list(name, part)
        elif name in BY_STRUCTURE:
            _judge_structure(name, part)
        elif len(part["arguments"]) < ARGUMENTS_MIN.get(name, 0):
            raise QueryRefused(
                f"Function '{name}' is denied with so few arguments, with which the engine fails; "
                f"give it at least {ARGUMENTS_MIN[name] + 1}, or use to_timestamp"
            )
        return True
    if name in OPERATORS:
        if part.get("is_operator"):
            return True
        raise QueryRefused(
            f"Function '{name}' is denied: it is an operator, and the engine does not check what it is called with; "
            "write it between its arguments"
        )
    if name in OWN:
        return False
    denial = denial_of(name)
    if denial is not None:
        raise QueryRefused(f"Function '{shown(name)}' is denied: it {denial.reason}; {denial.remedy}")
    if name in engine_functions:
        raise QueryRefused(
            f"Function '{shown(name)}' is denied: it is not on the list of what queries may call; use another one"
        )
    return False


def judge_type(part: dict[str, Any]) -> None:
    """Refuse a type that is not allowed.

    Raises
    ------
    QueryRefused : 1142.
    duckdb.CatalogException : no such type; it may be the other dialect's.
    """
    name = folded(part["type_name"])
    if name in DENIED_TYPES:
        denied = DENIED_TYPES[name]
        raise QueryRefused(f"Type '{name}' is denied: {denied['reason']}; {denied['remedy']}")
    if name not in TYPES:
        raise duckdb.CatalogException(f"Catalog Error: Type with name {shown(name)} does not exist!")


def _judge_aggregate_of_list(name: str, part: dict[str, Any]) -> None:
    """Refuse an aggregate that is named by a string, unless the string is a constant and the aggregate is allowed."""
    # list.list_aggr('sum') is written as if list were a schema, and then the name comes first.
    place = 0 if part["qualified_name"]["path"][1:] else 1
    arguments = part["arguments"]
    wanted = _text(arguments[place]) if place < len(arguments) else None
    if wanted is None or any(one["name"] for one in arguments):
        raise QueryRefused(
            f"Function '{name}' is denied with an aggregate that is not written as a text; write {name}(list, 'sum')"
        )
    if folded(wanted) not in AGGREGATES:
        raise QueryRefused(
            f"Function '{name}' is denied with '{shown(wanted)}', no aggregate that may be called; write 'sum' or another"
        )


def _judge_structure(name: str, part: dict[str, Any]) -> None:
    """Refuse types of fixed length that are named in a string, and a string that is not a constant."""
    arguments = part["arguments"]
    wanted = _text(arguments[-1]) if arguments else None
    if wanted is None:
        raise QueryRefused(
            f"""Function '{name}' is denied with a structure that is not written as a text; write {name}(json, '"VARCHAR"')"""
        )
    if _NO_STRUCTURE.search(wanted):
        raise QueryRefused(
            f"Function '{name}' is denied with types of a fixed length and others that make the engine fail; leave out the length"
        )


def _text(argument: dict[str, Any]) -> str | None:
    """The string that an argument is, if it is an unnamed constant."""
    literal = argument["expression"].get("literal") or {}
    return literal.get("text") if literal.get("kind") == "STRING" and not argument["name"] else None
