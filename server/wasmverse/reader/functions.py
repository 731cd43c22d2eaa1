"""The functions of a statement that are not the engine's: which are meant, in the turn that it reads."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa

from wasmverse.errors import QueryError
from wasmverse.functions.definition import Definition
from wasmverse.functions.names import OWN, TRY
from wasmverse.query.public import SCHEMA
from wasmverse.reader.allowed import ALLOWED, NAME_CHARACTERS_MAX, shown
from wasmverse.reader.catalogue import Catalogue
from wasmverse.reader.macros import Counts, counts_of
from wasmverse.reader.query_plan import Called
from wasmverse.reader.statement import Checked, denied_in_from
from wasmverse.reader.strategy_functions import StrategyFunctions
from wasmverse.reader.wasm_functions import WasmFunctions
from wasmverse.text import printable
from wasmverse.wasm.wasi.world import World, world_of

UNKNOWN = 1305
"""MySQL's number for a function that does not exist."""

_ARTICLES = {"scalar": "a scalar function", "table": "a table function", "aggregate": "an aggregate"}


class Functions:
    """Strategies, and the functions of the catalogue.

    Parameters
    ----------
    strategies, catalogued : what makes either callable.
    taken : names that none of them can have here, in lower case: those of the engine's own functions.
    """

    def __init__(
        self, strategies: StrategyFunctions, catalogued: WasmFunctions, taken: Iterable[str]
    ) -> None:
        self._strategies = strategies
        self._catalogued = catalogued
        self._catalogue = Catalogue()
        self._taken = frozenset(taken)
        self._known: set[str] = set()

    def prepare(
        self, checked: Checked, tid: int, strategies: pa.Table, functions: pa.Table | None
    ) -> dict[str, Counts]:
        """Make the functions that a statement calls callable, each with the module that it has in turn ``tid``.

        strategies, functions : the tables ``strategy`` and ``wasm_function`` of the turn, as they are stored.

        Returns
        -------
        The aggregates among them: by name, what `macros.counts_of` says of each.

        Raises
        ------
        QueryError : 1305, one is known but cannot be called in this turn, or not where it stands.
        QueryRefused : one in FROM is no table function.
        duckdb.CatalogException : one is not known at all.
        FileNotFoundError : a module is gone, and with it the turn.
        """
        self._strategies.begin()
        self._catalogued.begin()
        wanted = [name for name in checked.foreign if name not in self._taken]
        if not wanted and not checked.tables:
            return {}
        world = world_of(tid)
        rows = zip(
            *(strategies[key].to_pylist() for key in ("name", "sha256", "export", "budget_fuel")), strict=True
        )
        flown = {name: (sha256, export, fuel) for name, sha256, export, fuel in rows}
        catalogue = self._catalogue.show(functions)
        aggregates: dict[str, Counts] = {}
        for name in wanted:
            if name in OWN:
                continue
            if name in flown:
                self._strategies.bind(name, *flown[name], world)
                self._known.add(name)
                continue
            definitions, is_try = _meant(name, catalogue)
            if not definitions:
                raise self._missing(name, [*flown, *catalogue])
            self._bind(name, definitions, world, is_try, in_from=False)
            if definitions[0].kind == "aggregate":
                aggregates[name] = counts_of(definitions)
        for name in checked.tables:
            definitions, is_try = _meant(name, catalogue)
            if name in self._taken or not definitions:
                raise denied_in_from(name)
            self._bind(name, definitions, world, is_try, in_from=True)
        return aggregates

    def called(self, functions: pa.Table | None) -> list[Called]:
        """The functions that the prepared statement may call, with what that has taken so far: strategies, then the catalogue's.

        functions : as ``prepare`` was given; it has what earlier calls took.
        """
        catalogued = self._catalogued.called()
        if functions is None or not catalogued:
            return [*self._strategies.called(), *catalogued]
        columns = (functions[name].to_pylist() for name in ("name", "parameters", "version", "rows", "fuel"))
        before = {tuple(key): fuel / rows for *key, rows, fuel in zip(*columns, strict=True) if rows}
        told = [
            replace(one, fuel_per_row=before.get((one.name, one.parameters, one.version)))
            for one in catalogued
        ]
        return [*self._strategies.called(), *told]

    def end(self) -> list[list[Any]]:
        """Give back what belongs to the statement; what each function took, see `WasmFunctions.end`."""
        return self._catalogued.end()

    def failure_of(self, error: Exception) -> QueryError | None:
        """What the client is told of an error that is a function's; None of any other."""
        return self._catalogued.failure_of(error)

    def _bind(
        self,
        name: str,
        definitions: tuple[Definition, ...],
        world: World,
        is_try: bool,
        in_from: bool,
    ) -> None:
        kind = definitions[0].kind
        if in_from != (kind == "table"):
            remedy = (
                f"write select ... from {shown(name)}(...)"
                if kind == "table"
                else f"write select {shown(name)}(...)"
            )
            raise QueryError(f"FUNCTION {SCHEMA}.{shown(name)} is {_ARTICLES[kind]}: {remedy}", code=UNKNOWN)
        for definition in definitions:
            if definition in self._catalogue.refusals:
                why = printable(self._catalogue.refusals[definition])
                raise QueryError(
                    f"FUNCTION {SCHEMA}.{shown(name)} cannot be called any more: {why}; create it again",
                    code=UNKNOWN,
                )
        self._catalogued.bind(name, definitions, world, is_try=is_try)
        self._known.add(name)

    def _missing(self, name: str, known: list[str]) -> Exception:
        if name in self._known:
            return QueryError(f"FUNCTION {SCHEMA}.{shown(name)} does not exist in this turn", code=UNKNOWN)
        # The engine's own words for it: the text may be the other dialect's. Its guesses would be of hidden names.
        return duckdb.CatalogException(
            f"Catalog Error: Scalar Function with name {shown(name)} does not exist!{_guess(name, known)}"
        )


def _meant(name: str, catalogue: Mapping[str, tuple[Definition, ...]]) -> tuple[tuple[Definition, ...], bool]:
    """The functions that a name calls, and whether as the form that gives NULL where they fail. A name of its own goes first."""
    if name in catalogue:
        return catalogue[name], False
    return catalogue.get(name.removeprefix(TRY), ()), True


def _guess(name: str, others: Iterable[str]) -> str:
    """What may have been meant, among the names that can be called."""
    if len(name) > NAME_CHARACTERS_MAX:
        return ""
    close = difflib.get_close_matches(name, [*ALLOWED, *OWN, *others], n=1, cutoff=0.7)
    return f' Did you mean "{close[0]}"?' if close else ""
