"""How functions of the catalogue are told to the engine: the macros behind their names, and the names behind the macros.

The engine's own functions have no overloads, and cast no text to a number; macros do both. So a function ``f`` is a function of
the engine under a name that clients cannot write, ``call f/7``, and a macro ``f`` that casts the arguments and calls it. What
differs in the number of parameters alone is chosen by that. Where it differs in types, the parameters of the macro have types
too, and the engine chooses as it does among its own functions: 1 may be a DOUBLE to it, but no UINTEGER and no FLOAT, so numbers
are declared as wide as they may be without two overloads becoming the same.

A table function is two macros: ``rows f`` gives its list of records, and ``f`` in FROM takes that apart. An aggregate is called
by what `aggregates` makes of its call: ``fold f/1`` takes the list of its rows. When the engine chooses among macros it does not
know the type of that list yet, but those of the values in it. So where aggregates of a name have as many parameters, the macro
has the values as parameters too, of declared types, and does nothing with them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wasmverse.functions.definition import Definition
from wasmverse.functions.type_names import quoted_name, sql_name, sql_type
from wasmverse.query.public import SCHEMA
from wasmverse.wasm.types import Field, ValueType

_INTEGERS = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"]
_WIDEST = {**dict.fromkeys(_INTEGERS, "HUGEINT"), "FLOAT": "DOUBLE"}
"""What any number of a sort is cast to of itself."""


ROWS_GIVEN = "list of rows"
"""The parameter of an aggregate's macro that clients do not see."""


@dataclass(frozen=True, slots=True)
class Overload:
    """One function under a name of clients: ``called`` is the name of the engine's function behind it."""

    definition: Definition
    called: str

    @property
    def params(self) -> tuple[Field, ...]:
        """Its parameters."""
        return self.definition.function.params


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro of the engine: its name, its parameters with what they become, and whether it stands in FROM."""

    name: str
    bodies: tuple[str, ...]
    is_table: bool = False

    @property
    def create(self) -> str:
        """The statement that makes it, in place of one of that name."""
        return f"CREATE OR REPLACE MACRO {SCHEMA}.{quoted_name(self.name)}{', '.join(self.bodies)}"

    @property
    def drop(self) -> str:
        """The statement that removes it."""
        return f"DROP MACRO {'TABLE ' if self.is_table else ''}{SCHEMA}.{quoted_name(self.name)}"


def fold_name(name: str, arguments: int) -> str:
    """The macro that takes the rows of an aggregate with so many parameters, as one list."""
    return f"fold {name}/{arguments}"


def row_type(params: Sequence[Field]) -> str:
    """The type of a row of an aggregate, as an item of a list."""
    if len(params) == 1:
        return sql_type(params[0].type)
    parts = ", ".join(f"{quoted_name(sql_name(field.name))} {sql_type(field.type)}" for field in params)
    return f"STRUCT({parts})"


Counts = frozenset[tuple[int, int]]
"""Numbers of arguments with which a name can be called, each with how many functions take so many."""


def counts_of(definitions: Iterable[Definition]) -> Counts:
    """The numbers of arguments with which a name can be called."""
    return frozenset(Counter(len(definition.function.params) for definition in definitions).items())


def macros_of(name: str, overloads: Sequence[Overload]) -> Iterator[Macro]:
    """What makes a name callable; all overloads are of one kind."""
    kind = overloads[0].definition.kind
    if kind == "aggregate":
        yield from _folds(name, overloads)
        return
    yield Macro(f"rows {name}" if kind == "table" else name, tuple(_scalars(overloads)))
    if kind == "table":
        bodies = {
            f"({', '.join(_names(overload))}) AS TABLE "
            f"(SELECT unnest({SCHEMA}.{quoted_name(f'rows {name}')}({', '.join(_names(overload))}), max_depth := 2))"
            for overload in {len(overload.params): overload for overload in overloads}.values()
        }
        yield Macro(name, tuple(sorted(bodies)), is_table=True)


def _names(overload: Overload) -> list[str]:
    return [quoted_name(sql_name(field.name)) for field in overload.params]


def _scalars(overloads: Sequence[Overload]) -> list[str]:
    bodies = []
    declared = _declared(overloads)
    for overload, kinds in zip(overloads, declared, strict=True):
        types = [sql_type(field.type) for field in overload.params]
        taken = [_taken(*one) for one in zip(_names(overload), types, kinds, strict=True)]
        params, passed = (", ".join(part) for part in (zip(*taken, strict=True) if taken else ((), ())))
        bodies.append(f"({params}) AS {quoted_name(overload.called)}({passed})")
    return bodies


def _taken(name: str, kind: str, declared: str = "") -> tuple[str, str]:
    """A parameter of a macro, and what is passed on of it: cast to what the function takes, whatever it is. A UNION is declared
    instead: the engine makes no macro that casts to one what it does not know yet.
    """
    if "UNION(" in kind:
        return f"{name} {kind}", name
    return f"{name} {declared}".rstrip(), f"{name}::{kind}"


def _declared(overloads: Sequence[Overload]) -> list[tuple[str, ...]]:
    """The types of each overload's parameters in its macro; '' where they need none to be told apart."""
    exact = [tuple(sql_type(field.type) for field in overload.params) for overload in overloads]
    wide = [tuple(_WIDEST.get(kind, kind) for kind in kinds) for kinds in exact]
    times = Counter(wide)
    counts = Counter(map(len, exact))
    # Of two that are the same once they are wide, both stay as they are.
    chosen = [w if times[w] == 1 else e for w, e in zip(wide, exact, strict=True)]
    return [kinds if counts[len(kinds)] > 1 else ("",) * len(kinds) for kinds in chosen]


def _folds(name: str, overloads: Sequence[Overload]) -> Iterator[Macro]:
    bodies: defaultdict[int, list[str]] = defaultdict(list)
    for overload, kinds in zip(overloads, _declared(overloads), strict=True):
        count = len(overload.params)
        param, rows = _taken(f'"{ROWS_GIVEN}"', f"{row_type(overload.params)}[]")
        # Types are told only where they are needed to choose.
        values = [f"value{place} {kind}" for place, kind in enumerate(kinds, 1) if kind]
        bodies[count].append(f"({', '.join([*values, param])}) AS {quoted_name(overload.called)}({rows})")
    for count, texts in bodies.items():
        yield Macro(fold_name(name, count), tuple(texts))


def called_types(definition: Definition) -> tuple[list[str], ValueType | None]:
    """What the engine's function behind a definition takes and gives; an aggregate takes the list of its rows."""
    function = definition.function
    if definition.kind == "aggregate":
        return [f"{row_type(function.params)}[]"], function.result
    return [sql_type(field.type) for field in function.params], function.result
