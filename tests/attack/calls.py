"""Calls of the engine's functions by their signatures, with typed random arguments, in every place of a statement."""

from __future__ import annotations

import random
from dataclasses import dataclass

import duckdb

from tests.attack.values import DECIMALS, LAMBDAS, TYPES, split_type, value
from wasmverse.reader.allowed import ALLOWED, OPERATORS
from wasmverse.reader.statement import TABLE_FUNCTIONS

KINDS = ("scalar", "aggregate", "window", "macro", "table")
COMPARISONS = ("=", "<>", "<", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
"""Operators that are no functions to the parser."""

FRAMES = (
    "", "", "ORDER BY n", "PARTITION BY n % 3 ORDER BY n DESC",
    "ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
    "ORDER BY n ROWS BETWEEN 9223372036854775807 PRECEDING AND 9223372036854775807 FOLLOWING",
    "ORDER BY n ROWS BETWEEN n PRECEDING AND n FOLLOWING EXCLUDE TIES",
    "ORDER BY n RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW",
    "ORDER BY n GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING EXCLUDE GROUP",
    "ORDER BY n % 2 GROUPS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING",
    "ORDER BY NULL::INTERVAL", "ORDER BY n ROWS BETWEEN CURRENT ROW AND -1 FOLLOWING",
    "PARTITION BY ALL ORDER BY ALL", "ORDER BY d RANGE BETWEEN '178000000 years'::INTERVAL PRECEDING AND CURRENT ROW",
)  # fmt: skip

INSTEAD = {"TIMESTAMP_S": "TIMESTAMP_MS", "BIGNUM": "HUGEINT"}
"""For types that are denied."""

_GENERIC = frozenset({"ANY", "T", "K", "V"})


@dataclass(frozen=True, slots=True)
class Signature:
    """One overload of a function; ``varargs`` is the type of further arguments, or None."""

    name: str
    kind: str
    parameters: tuple[str, ...]
    varargs: str | None

    @property
    def is_operator(self) -> bool:
        """Whether it is written between its arguments or before the only one."""
        return (not self.name[0].isalpha() and self.name[0] != "_") or self.name.startswith("IS ")

    def call(self, numbers: random.Random, columns: bool) -> str:
        """A call, as an expression; ``columns`` lets arguments be columns of ``SOURCE``."""
        bound = {name: numbers.choice(TYPES) for name in _GENERIC - {"ANY"}}
        kinds = list(self.parameters)
        if self.varargs is not None:
            kinds += [self.varargs] * numbers.choice([0, 1, 1, 2, 3, 8])
        if numbers.random() < 0.04:
            kinds = kinds[:-1] if numbers.random() < 0.5 else [*kinds, "ANY"]
        arguments = [_argument(kind, bound, numbers, columns) for kind in kinds]
        if self.name in {"struct_pack", "union_value", "struct_insert", "struct_update"}:
            arguments = [
                part if place < len(self.parameters) else f"k{place} := {part}"
                for place, part in enumerate(arguments)
            ]
        inside = ", ".join(arguments)
        if self.is_operator:
            one, *other = arguments or ["NULL"]
            return f"(({one}) {self.name} ({', '.join(other)}))" if other else f"({self.name} ({one}))"
        if self.kind == "window":
            return f'"{self.name}"({inside}) OVER ({numbers.choice(FRAMES)})'
        if self.kind == "aggregate" or self.name.startswith(
            ("json_group", "weighted", "wavg", "geom", "variant_group")
        ):
            return f'"{self.name}"({_modified(inside, numbers)})' + _around(numbers)
        return f'"{self.name}"({inside})'


def _modified(inside: str, numbers: random.Random) -> str:
    """The arguments of an aggregate with DISTINCT or ORDER BY."""
    chance = numbers.random()
    if inside and chance < 0.12:
        inside = f"DISTINCT {inside}"
    if inside and numbers.random() < 0.25:
        key = numbers.choice(
            ["n", "n DESC NULLS LAST", "hash(n)", "NULL", "d", "n % 2, n", "1", "'infinity'::DATE"]
        )
        inside += f" ORDER BY {key}"
    return inside


def _around(numbers: random.Random) -> str:
    text = " FILTER (WHERE n > 2)" if numbers.random() < 0.1 else ""
    return text + (f" OVER ({numbers.choice(FRAMES)})" if numbers.random() < 0.3 else "")


def _kind(kind: str, bound: dict[str, str], numbers: random.Random) -> str:
    """A type that can be made a value of, for a type as the catalogue writes it."""
    if kind in bound:
        return bound[kind]
    if kind == "ANY":
        return numbers.choice(TYPES)
    if kind == "DECIMAL":
        return numbers.choice(DECIMALS)
    if kind in {"STRUCT", "TUPLE", "UNION", "LIST", "MAP", "ENUM"}:
        return numbers.choice(
            [one for one in TYPES if one.startswith(kind) and not one.endswith("]")] or list(TYPES)
        )
    if kind.endswith("[ANY]"):
        return f"{kind[:-5]}[]"
    if kind.endswith("]"):
        # Types of a fixed length are denied.
        return f"{_kind(kind[: kind.rindex('[')], bound, numbers)}[]"
    if kind.startswith(("MAP(", "TUPLE(")):
        return f"{kind[: kind.index('(')]}({', '.join(_kind(part, bound, numbers) for part in split_type(kind))})"
    return INSTEAD.get(kind, kind.replace('"', ""))


def _argument(kind: str, bound: dict[str, str], numbers: random.Random, columns: bool) -> str:
    if kind == "LAMBDA":
        return numbers.choice(LAMBDAS)
    chance = numbers.random()
    if chance < 0.12:
        # Another type, which the engine may cast or must refuse.
        return value(numbers.choice(TYPES), numbers)
    if chance < 0.16:
        return numbers.choice(
            ["NULL", "(SELECT NULL)", "?", "[]", "{}", "*", "n", "'x' || n", "MAP {}", "(SELECT n FROM t)"]
        )
    wanted = _kind(kind, bound, numbers)
    text = value(wanted, numbers)
    if columns and chance > 0.45:
        return _column(text, wanted, numbers)
    return text


def _column(text: str, kind: str, numbers: random.Random) -> str:
    """The value as one of many rows, which the engine cannot fold: beside others, NULLs, or repeated."""
    way = numbers.randrange(4)
    if way == 0:
        return f"CASE WHEN n % 2 = 0 THEN {text} END"
    if way == 1:
        return f"CASE n % 3 WHEN 0 THEN {text} WHEN 1 THEN {value(kind, numbers)} ELSE {value(kind, numbers)} END"
    if way == 2:
        return f"[{text}, {value(kind, numbers)}][1 + n % 3]"
    return f"CASE WHEN n >= 0 THEN {text} END"


ROWS = (0, 1, 3, 7, 2049)
_SCALARS = (
    "SELECT {call}",
    "SELECT {call} FROM {source}",
    "SELECT n FROM {source} WHERE {call} IS NOT NULL",
    "SELECT n FROM {source} ORDER BY {call}, n",
    "SELECT {call} AS v, count(*) FROM {source} GROUP BY v",
    "SELECT DISTINCT {call} FROM {source}",
    "SELECT max({call}), min({call}) FROM {source}",
    "SELECT list({call}) FROM {source}",
    "SELECT first_value({call}) OVER (ORDER BY n DESC) FROM {source}",
    "SELECT try({call}) FROM {source}",
    "SELECT ({call})::VARCHAR FROM {source}",
    "SELECT to_json({call}) FROM {source}",
    "SELECT a.n FROM {source} a JOIN {source} b ON {call} = {call}",
)
_AGGREGATES = (
    "SELECT {call} FROM {source}",
    "SELECT n % 3, {call} FROM {source} GROUP BY 1",
    "SELECT {call} FROM {source} GROUP BY ROLLUP (n)",
    "SELECT ({call})::VARCHAR FROM {source} GROUP BY n HAVING {call} IS NOT NULL",
)
_WINDOWS = (
    "SELECT n, {call} FROM {source}",
    "SELECT n FROM {source} QUALIFY {call} IS NOT NULL",
    "SELECT n FROM {source} ORDER BY {call}",
)


_TABLES = (
    "SELECT * FROM {call} LIMIT 50",
    "SELECT count(*) FROM {call}",
    "SELECT * FROM {source}, {call} LIMIT 50",
    "SELECT n, (SELECT count(*) FROM {call}) FROM {source}",
    "SELECT * FROM {call} WITH ORDINALITY LIMIT 5",
)


def source(numbers: random.Random) -> str:
    """A relation with a number ``n`` and a day ``d``."""
    rows = numbers.choice(ROWS)
    return f"(SELECT range::INTEGER AS n, DATE '2030-01-01' + range::INTEGER AS d FROM range({rows})) t"


def signatures(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Signature]]:
    """The overloads of every function that queries may call, by its name; operators and functions in FROM among them."""
    rows = connection.execute(
        "SELECT function_name, function_type, coalesce(parameter_types, []), varargs, len(parameters) FROM duckdb_functions() "
        f"WHERE function_type IN {KINDS} ORDER BY ALL"
    ).fetchall()
    found: dict[str, list[Signature]] = {
        name: [Signature(name, "scalar", ("ANY", "ANY"), None)] for name in COMPARISONS
    }
    found["->"] = [
        Signature("->", "scalar", ("JSON", one), None) for one in ("VARCHAR", "BIGINT", "VARCHAR[]")
    ]
    for name, kind, types, varargs, count in rows:
        if name.lower() not in (TABLE_FUNCTIONS if kind == "table" else ALLOWED | OPERATORS):
            continue
        parameters = tuple("ANY" if part in {None, "TABLE"} else part for part in types or ["ANY"] * count)
        found.setdefault(name, []).append(Signature(name, kind, parameters, varargs))
    found["unnest"] = [
        Signature("unnest", kind, (one,), None) for kind in ("scalar", "table") for one in ("ANY[]", "ANY")
    ]
    return found


def statement(signature: Signature, numbers: random.Random) -> str:
    """One statement that calls the function."""
    if signature.kind == "table":
        form = numbers.choice(_TABLES)
    elif signature.kind == "window":
        form = numbers.choice(_WINDOWS)
    elif signature.kind == "aggregate":
        form = numbers.choice(_AGGREGATES)
    else:
        form = numbers.choice(_SCALARS) if numbers.random() < 0.8 else _SCALARS[0]
    call = signature.call(numbers, "FROM" in form)
    return form.replace("{call}", call).replace("{source}", source(numbers))


def cast(numbers: random.Random) -> str:
    """One statement that casts an extreme of one type to another, and sometimes back."""
    text = value(numbers.choice(TYPES), numbers)
    kind = numbers.choice(TYPES)
    cast_to = f"{numbers.choice(['CAST', 'TRY_CAST'])}({text} AS {kind})"
    form = numbers.choice(
        [
            "SELECT {0}",
            "SELECT {0} FROM range(3)",
            "SELECT ({0})::VARCHAR",
            "SELECT [{0}], {{'a': {0}}}",
            "SELECT to_json({0})",
            "SELECT {0} UNION SELECT {0}",
            "SELECT max({0}), list({0}), mode({0}) FROM range(3)",
            "SELECT {0} < {0}, {0} IN ({0}), {0} BETWEEN {0} AND {0}",
            "SELECT {0} + {0}",
            "SELECT {0} - {0}",
            "SELECT {0} || {0}",
            "SELECT -{0}",
            "SELECT {0} * 3, {0} / 7, {0} % 2",
        ]
    )
    return form.format(cast_to)
