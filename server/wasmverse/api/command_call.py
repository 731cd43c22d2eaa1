"""Commands in SQL: ``call spawn_entity(...)``, ``call transmit(...)`` and ``call rollback_function(...)``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from wasmverse.commands import Author, RollbackFunction, SpawnEntity, Transmit
from wasmverse.errors import CommandError, QueryRefused
from wasmverse.functions.grammar import parse_types
from wasmverse.query.public import OWN_DATABASES
from wasmverse.text import one_line

TEXT_MAX = 2_000
"""Longest text of a command, in characters."""
KINDS = {"ship": 1, "energynode": 2, "1": 1, "2": 2}
USAGE = "call spawn_entity(sid, kind, x, y, strategy)"
TRANSMIT = "call transmit(text)"
ROLLBACK = "call rollback_function(name[, version[, types]])"
_WRONG = f"You have an error in your SQL syntax; write {USAGE}"

_TOKEN = re.compile(
    r"""(?P<space>\s+|/\*.*?\*/|(?:--\s|\#)[^\n]*)
    |(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    |(?P<name>`(?:[^`]|``)*`)
    |(?P<number>[+-]?\d{1,20}(?![\w.]))
    |(?P<word>\w+)
    |(?P<sign>[?,;.()])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
"""The gateway itself parses these texts, so no part can match in two ways: the time is linear in the length."""
_CALL = re.compile(r"\s*call\b", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)|(['\"`])\2", re.DOTALL)


def is_call(sql: str) -> bool:
    """Whether a statement is a CALL, which commands; it may be a wrong one."""
    return _CALL.match(sql) is not None


def parse_call(sql: str, args: list[Any], author: Author) -> SpawnEntity | Transmit | RollbackFunction:
    """The command in ``sql``, its ``?`` filled from ``args``, given in the name of ``author``.

    Raises
    ------
    QueryRefused : 1142, it is another statement.
    CommandError : 1064 or 1210, it is a wrong call; the message names the value and what is allowed.
    """
    name, values = _call(sql, args)
    if name == "rollback_function":
        return _rollback(values, author)
    if name == "transmit":
        return _transmit(values, author)
    if name != "spawn_entity":
        raise QueryRefused(
            f"Procedure '{one_line(name, 60)}' is denied or does not exist; there are {USAGE}, {TRANSMIT} and {ROLLBACK}"
        )
    if len(values) != 5:
        raise CommandError(f"spawn_entity got {len(values)} values and takes 5: {USAGE}", code=1318)
    sid, kind, x, y, strategy = values
    kind_number = (
        KINDS.get(str(kind).lower()) if isinstance(kind, int | str) and not isinstance(kind, bool) else None
    )
    if kind_number is None:
        raise CommandError(f"kind is {_echo(kind)}; give 1 or 'Ship', 2 or 'EnergyNode'", code=1210)
    if strategy is not None and not isinstance(strategy, str):
        raise CommandError(
            f"strategy is {_echo(strategy)}; give a name, or null for an energy node", code=1210
        )
    if kind_number == 1 and not strategy:
        raise CommandError("A ship needs a strategy; give the name of one that flies", code=1210)
    return SpawnEntity(
        _whole("sid", sid, 1, 2**32 - 1),
        kind_number,
        _whole("x", x, 0, 99),
        _whole("y", y, 0, 99),
        strategy if kind_number == 1 else None,
    )


def _transmit(values: list[Any], author: Author) -> Transmit:
    if len(values) != 1:
        raise CommandError(f"transmit got {len(values)} values and takes 1: {TRANSMIT}", code=1318)
    (text,) = values
    if not isinstance(text, str):
        raise CommandError(f"text is {_echo(text)}; give a text", code=1210)
    return Transmit(text, author)


def _rollback(values: list[Any], author: Author) -> RollbackFunction:
    if not 1 <= len(values) <= 3:
        raise CommandError(
            f"rollback_function got {len(values)} values and takes 1 to 3: {ROLLBACK}", code=1318
        )
    name, version, types = (*values, None, None)[:3]
    if not isinstance(name, str):
        raise CommandError(f"name is {_echo(name)}; give the name of a function", code=1210)
    if types is not None and not isinstance(types, str):
        raise CommandError(
            f"types is {_echo(types)}; give those of its parameters, 'DOUBLE, BIGINT'", code=1210
        )
    number = None if version is None else _whole("version", version, 1, 2**32 - 1)
    return RollbackFunction(name.lower(), None if types is None else parse_types(types), number, author)


def _call(sql: str, args: list[Any]) -> tuple[str, list[Any]]:
    """The procedure's name, lower-case, and the values of its call."""
    if len(sql) > TEXT_MAX:
        raise CommandError(
            f"The command has {len(sql):,} characters, the limit is {TEXT_MAX:,}; send {USAGE}"
        )
    tokens = list(_tokens(sql))
    while tokens and tokens[-1] == ("sign", ";"):
        tokens.pop()
    if not tokens or tokens[0][1].upper() != "CALL":
        raise QueryRefused(
            f"Only {USAGE}, {TRANSMIT}, {ROLLBACK}, create function, create aggregate and drop function may be executed; "
            "SELECT goes to query/rows or query/tuples"
        )
    if ("sign", ";") in tokens:
        raise CommandError(f"Send one call in each request: {USAGE}")
    tokens = tokens[1:]
    if len(tokens) > 2 and tokens[0][1].lower() in OWN_DATABASES and tokens[1] == ("sign", "."):
        tokens = tokens[2:]
    if len(tokens) < 3 or tokens[0][0] not in {"word", "name"} or tokens[1][1] != "(" or tokens[-1][1] != ")":
        raise CommandError(_WRONG)
    values = _values(tokens[2:-1])
    places = values.count(("sign", "?"))
    if places != len(args):
        raise CommandError(
            f"The call has {places} '?' and 'args' has {len(args)} values; give one for each '?'", code=1210
        )
    given = iter(args)
    return tokens[0][1].lower(), [_literal(kind, text, given) for kind, text in values]


def _tokens(sql: str) -> Iterator[tuple[str, str]]:
    """The parts of a call: their kind, a group of ``_TOKEN``, and their text, quotes taken off."""
    at = 0
    while at < len(sql):
        found = _TOKEN.match(sql, at)
        if found is None:
            raise CommandError(f"{_WRONG}; '{one_line(sql[at:], 20)}' is no part of it")
        at = found.end()
        kind = str(found.lastgroup)
        text = found[kind]
        if kind in {"text", "name"}:
            text = _ESCAPE.sub(lambda escape: escape[1] or escape[2], text[1:-1])
        if kind != "space":
            yield kind, text


def _values(tokens: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The tokens between the commas, each of which is one value."""
    if not tokens:
        return []
    values = tokens[::2]
    if (
        len(tokens) % 2 == 0
        or any(token != ("sign", ",") for token in tokens[1::2])
        or ("sign", ",") in values
    ):
        raise CommandError(
            f"{_WRONG}; a value that is not a literal (a number, a string, null or '?') is denied"
        )
    return values


def _literal(kind: str, text: str, args: Iterator[object]) -> object:
    """The Python value of one argument of a call."""
    if kind == "text":
        return text
    if kind == "number":
        return int(text)
    if text == "?":
        return next(args)
    if text.lower() == "null" and kind == "word":
        return None
    raise CommandError(f"'{one_line(text, 60)}' is not a literal; give numbers, strings, null or '?'")


def _whole(name: str, value: object, least: int, most: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise CommandError(f"{name} is {_echo(value)}; give a whole number from {least} to {most}", code=1210)
    return value


def _echo(value: object) -> str:
    """A value as it was given, on one line and shortened."""
    if isinstance(value, list | dict):  # may be nested too deeply to be written out
        return "a list" if isinstance(value, list) else "an object"
    return one_line(repr(value), 80)
