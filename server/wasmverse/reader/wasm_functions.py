"""The catalogue's functions in one reader: made known to the engine, bound to a version in each statement, called, counted."""

from __future__ import annotations

import inspect
import itertools
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
from duckdb.func import ARROW, SPECIAL

from wasmverse.errors import QueryError
from wasmverse.functions.called import code_names
from wasmverse.functions.definition import Definition
from wasmverse.functions.type_names import sql_type
from wasmverse.reader.callee import Callee, GuestFailed
from wasmverse.reader.clock import Clock
from wasmverse.reader.failure import to_query_error
from wasmverse.reader.macros import Macro, Overload, called_types, macros_of
from wasmverse.reader.query_plan import Called
from wasmverse.snapshots.modules import load_function
from wasmverse.wasm.component.code import Code
from wasmverse.wasm.fold import FoldError
from wasmverse.wasm.frame import HostMemory
from wasmverse.wasm.hosting import Compiled
from wasmverse.wasm.layout import SignatureError
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.wasi.world import World

FAILED = 3200
"""MySQL's number for a function of a user that failed, ER_UDF_ERROR."""

CALLEES_KEPT = 32
CODE_KEPT_BYTES = 64 << 20
MADE_MAX = 500
FAILURES_KEPT = 64
"""What a reader keeps: functions with their memory; machine code; functions that the engine knows, before all are forgotten;
failures of one statement."""

_MARK = re.compile(r"GuestFailed: \[(\d+)\]")


@dataclass(frozen=True, slots=True)
class _Made:
    """A function that the engine knows: what makes two the same to it."""

    name: str
    types: tuple[tuple[str, ...], str]
    is_try: bool


def _key(definition: Definition) -> tuple[str, str, int]:
    """What tells a version of a function from all others."""
    return definition.name, definition.parameters, definition.version


def function_limits(config: Mapping[str, Any]) -> Limits:
    """What a run of a function may use: the settings that begin with ``function_``, in place of a strategy's of the same name."""
    begin = "function_"
    own = {name.removeprefix(begin): value for name, value in config.items() if name.startswith(begin)}
    limits = Limits.of({**config, **own, "guest_log_bytes_max": 0})  # nobody reads what a function prints
    return replace(
        limits,
        values_bytes_max=own["values_bytes_max"],
        component_memory_bytes_max=limits.memory_bytes_max,
    )


class _Calls:
    """What the engine calls. It does not know the engine, which would own it otherwise and be owned by it.

    bound : the callee of each function of the engine's, in the running statement.
    """

    def __init__(self, clock: Clock) -> None:
        self.bound: dict[str, Callee] = {}
        self._clock = clock
        self._numbers = itertools.count(1)
        self._failures: OrderedDict[int, QueryError] = OrderedDict()

    def begin(self) -> None:
        """Forget the statement before."""
        self.bound = {}
        self._failures.clear()

    def call(self, called: str, columns: tuple[Any, ...], *, is_try: bool) -> Any:
        """The results of some rows. The engine would cut the text of what fails: so it is kept, and a mark of it is raised."""
        try:
            arrays = [
                column.chunk(0) if column.num_chunks == 1 else column.combine_chunks() for column in columns
            ]
            return self.bound[called].call(arrays, is_try=is_try, heed=self._clock.heed)
        except (GuestFailed, SignatureError, duckdb.InterruptException) as failed:
            number = next(self._numbers)
            told = (
                to_query_error(failed)
                if isinstance(failed, duckdb.Error)
                else QueryError(str(failed), code=FAILED)
            )
            self._failures[number] = told
            if len(self._failures) > FAILURES_KEPT:
                self._failures.popitem(last=False)
            raise GuestFailed(f"[{number}]") from None

    def failure_of(self, error: Exception) -> QueryError | None:
        """What belongs to an error's mark. There may be several: of other threads, and those that TRY(...) has dropped."""
        mark = _MARK.search(str(error))
        return None if mark is None else self._failures.get(int(mark[1]))


class WasmFunctions:
    """The catalogue's functions on one connection.

    Parameters
    ----------
    connection : where they are made.
    folder : where snapshots are published.
    limits : what one run of up to ``callee.ROWS`` rows may use.
    clock : whether the time of the statement is up.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, folder: Path, limits: Limits, clock: Clock
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._limits = limits
        self._calls = _Calls(clock)
        self._memories: list[HostMemory] = []
        self._modules: OrderedDict[str, tuple[Compiled, int]] = OrderedDict()
        self._code_bytes = 0
        self._callees: OrderedDict[Definition, Callee] = OrderedDict()
        self._numbers: dict[_Made, str] = {}
        self._macros: dict[str, tuple[Macro, ...]] = {}
        self._count = itertools.count(1)

    def begin(self) -> None:
        """Forget the statement before."""
        self._calls.begin()
        if len(self._numbers) >= MADE_MAX:
            self._forget()

    def bind(self, name: str, definitions: tuple[Definition, ...], world: World, *, is_try: bool) -> None:
        """Make a name call these functions, of one kind, in the statement that is to be run.

        Raises
        ------
        FileNotFoundError : a module is gone, and with it the turn.
        """
        overloads = []
        for definition in definitions:
            called = self._make(name, definition, is_try=is_try)
            self._calls.bound[called] = callee = self._callee(definition)
            callee.begin(world)
            overloads.append(Overload(definition, called))
        macros = tuple(macros_of(name, overloads))
        if self._macros.get(name) != macros:
            for macro in macros:
                self._connection.execute(macro.create)
            self._macros[name] = macros

    def called(self) -> list[Called]:
        """What the functions that the statement may call have taken so far."""
        callees = {id(callee): callee for callee in self._calls.bound.values()}.values()
        return [Called(*_key(one.definition), *astuple(one.use)) for one in callees]

    def end(self) -> list[list[Any]]:
        """Give back what belongs to the statement; what each function took, as `wire.AnswerHead` has it."""
        taken = []
        for callee in {id(callee): callee for callee in self._calls.bound.values()}.values():
            callee.end()
            if callee.use.rows:
                taken.append([*_key(callee.definition), *astuple(callee.use)])
        return taken

    def failure_of(self, error: Exception) -> QueryError | None:
        """What the client is told of an error if it is that of a function; the engine has wrapped it in one of its own."""
        return self._calls.failure_of(error)

    def _callee(self, definition: Definition) -> Callee:
        callee = self._callees.get(definition)
        if callee is None:
            compiled = self._compiled(definition)
            try:
                callee = Callee(definition, compiled, self._limits, self._memories)
            except (FoldError, SignatureError) as error:  # it was stored by a version that let it pass
                raise QueryError(
                    f"FUNCTION {definition.name} cannot be called: {error.message}", code=FAILED
                ) from error
            self._callees[definition] = callee
            if len(self._callees) > CALLEES_KEPT:
                _, oldest = self._callees.popitem(last=False)
                oldest.end()
        self._callees.move_to_end(definition)
        return callee

    def _compiled(self, definition: Definition) -> Compiled:
        names = code_names(definition.to_row())
        name = next((name for name in names if name in self._modules), None)
        if name is None:
            compiled, size = load_function(self._folder, names)
            name = names[0] if isinstance(compiled, Code) else names[1]
            self._modules[name] = compiled, size
            self._code_bytes += size
            while self._code_bytes > CODE_KEPT_BYTES and len(self._modules) > 1:
                self._code_bytes -= self._modules.popitem(last=False)[1][1]
        self._modules.move_to_end(name)
        return self._modules[name][0]

    def _make(self, name: str, definition: Definition, *, is_try: bool) -> str:
        """The engine's function behind a definition; made if there is none of these types yet."""
        takes, gives = called_types(definition)
        made = _Made(name, (tuple(takes), sql_type(gives) if gives else "BOOLEAN"), is_try)
        called = self._numbers.get(made)
        if called is None:
            called = f"call {name}/{next(self._count)}"
            self._tell(called, made)
            self._numbers[made] = called
        return called

    def _tell(self, called: str, made: _Made) -> None:
        takes, gives = made.types
        calls = self._calls

        def call(*columns: Any) -> Any:
            return calls.call(called, columns, is_try=made.is_try)

        # The engine counts a function's parameters and passes them by their place.
        kind = inspect.Parameter.POSITIONAL_ONLY
        names = [inspect.Parameter(f"p{place}", kind) for place in range(len(takes))]
        call.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]
        self._connection.create_function(called, call, list(takes), gives, type=ARROW, null_handling=SPECIAL)

    def _forget(self) -> None:
        """Let the engine forget all of them: catalogues change, and a reader may live long."""
        for macros in self._macros.values():
            for macro in macros:
                self._connection.execute(macro.drop)
        for called in self._numbers.values():
            self._connection.remove_function(called)
        self._macros.clear()
        self._numbers.clear()
