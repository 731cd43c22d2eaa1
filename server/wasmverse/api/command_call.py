"""``call spawn_entity(sid, kind, x, y, strategy)``: the one command that clients have in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlglot
from sqlglot import exp

from wasmverse.commands import SpawnEntity
from wasmverse.errors import CommandError, QueryRefused

TEXT_MAX = 2_000
"""Characters of a command. It is parsed in the gateway, so it must not be able to keep it busy."""
KINDS = {"ship": 1, "energynode": 2, "1": 1, "2": 2}
USAGE = "call spawn_entity(sid, kind, x, y, strategy)"


def parse_call(sql: str, args: list[Any]) -> SpawnEntity:
    """The command in ``sql``, its ``?`` filled from ``args``.

    Raises
    ------
    QueryRefused : 1142, it is another statement.
    CommandError : 1064 or 1210, it is a wrong call; the message names the value and what is allowed.
    """
    name, values = _call(sql, args)
    if name != "spawn_entity":
        raise QueryRefused(f"Procedure '{name}' is denied or does not exist; the only one is {USAGE}")
    if len(values) != 5:
        raise CommandError(f"spawn_entity got {len(values)} values and takes 5: {USAGE}", code=1318)
    sid, kind, x, y, strategy = values
    kind_number = (
        KINDS.get(str(kind).lower()) if isinstance(kind, int | str) and not isinstance(kind, bool) else None
    )
    if kind_number is None:
        raise CommandError(f"kind is {kind!r}; give 1 or 'Ship', 2 or 'EnergyNode'", code=1210)
    if strategy is not None and not isinstance(strategy, str):
        raise CommandError(f"strategy is {strategy!r}; give a name, or null for an energy node", code=1210)
    if kind_number == 1 and not strategy:
        raise CommandError("A ship needs a strategy; give the name of one that flies", code=1210)
    return SpawnEntity(
        _whole("sid", sid, 1, 2**32 - 1),
        kind_number,
        _whole("x", x, 0, 99),
        _whole("y", y, 0, 99),
        strategy if kind_number == 1 else None,
    )


def _call(sql: str, args: list[Any]) -> tuple[str, list[Any]]:
    """The procedure's name, lower-case, and the values of its call."""
    if len(sql) > TEXT_MAX:
        raise CommandError(
            f"The command has {len(sql):,} characters, the limit is {TEXT_MAX:,}; send {USAGE}"
        )
    try:
        tokens = sqlglot.tokenize(sql, read="singlestore")
        while tokens and tokens[-1].text == ";":
            tokens.pop()
        if not tokens or tokens[0].text.upper() != "CALL":
            raise QueryRefused(f"Only {USAGE} may be executed; SELECT goes to query/rows or query/tuples")
        if len(tokens) != 2:
            raise CommandError(f"Send one call in each request: {USAGE}")
        parsed = sqlglot.parse_one(tokens[1].text, read="singlestore")
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise CommandError(f"You have an error in your SQL syntax; write {USAGE}") from None
    if isinstance(parsed, exp.Dot) and parsed.this.name.lower() in {"game", "wasmverse"}:
        parsed = parsed.expression
    if not isinstance(parsed, exp.Anonymous):
        raise CommandError(f"You have an error in your SQL syntax; write {USAGE}")
    places = sum(isinstance(value, exp.Placeholder) for value in parsed.expressions)
    if places != len(args):
        raise CommandError(
            f"The call has {places} '?' and 'args' has {len(args)} values; give one for each '?'", code=1210
        )
    given = iter(args)
    return parsed.name.lower(), [_literal(value, given) for value in parsed.expressions]


def _literal(value: exp.Expression, args: Iterator[object]) -> object:
    """The plain value of one place of a call."""
    if isinstance(value, exp.Placeholder) and not value.args.get("this"):
        return next(args)
    if isinstance(value, exp.Null):
        return None
    sign = -1 if isinstance(value, exp.Neg) else 1
    inner = value.this if isinstance(value, exp.Neg) else value
    if isinstance(inner, exp.Literal):
        if inner.is_string:
            return inner.name
        if inner.name.isdigit():
            return sign * int(inner.name)
    raise CommandError(f"'{value.sql()}' is not a literal; give numbers, strings, null or '?'")


def _whole(name: str, value: object, least: int, most: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise CommandError(f"{name} is {value!r}; give a whole number from {least} to {most}", code=1210)
    return value
