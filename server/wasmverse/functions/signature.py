"""What a function's types are, from what was declared, from a WIT text and from the exports of its module; all must agree.

A refusal (``ModuleRefused``) spells out both signatures, and says how to mend it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from wasmverse.errors import ModuleRefused
from wasmverse.functions.definition import Definition
from wasmverse.functions.type_names import UNION_MAX, is_number, sql_type
from wasmverse.functions.wanted import Wanted
from wasmverse.text import printable
from wasmverse.wasm.abi import cases_of, core_function, fields_of
from wasmverse.wasm.allowed import check_realloc
from wasmverse.wasm.fold import Steps, front_of
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.layout import Layout, SignatureError
from wasmverse.wasm.types import (
    F32,
    F64,
    S32,
    S64,
    U32,
    Field,
    Function,
    List,
    Option,
    Record,
    Result,
    Tuple,
    ValueType,
    Variant,
)
from wasmverse.wasm.wit import WitError, parse_world

_CORE: dict[str, ValueType] = {"i32": S32, "i64": S64, "f32": F32, "f64": F64}
_SHOWN = 64
_SIGNATURE_SHOWN = 300
_LISTED = 8


def define(
    wanted: Wanted,
    exports: Mapping[str, str],
    sha256: str,
    language: str,
    types: Mapping[str, Function] | None = None,
) -> Definition:
    """The function that a module makes of what is wanted.

    Parameters
    ----------
    exports : all that the module exports, with their core signatures; see `wasm.inspect.Contents`.
    types : of its functions, where it tells them itself, as a component does; a WIT that comes with it is not needed then.

    Raises
    ------
    ModuleRefused : it does not make one.
    """
    world = types or _world(wanted)
    functions = {name: signature for name, signature in exports.items() if signature.startswith("(")}
    if wanted.kind == "aggregate":
        made = _aggregate(wanted, world, functions, sha256, language)
    else:
        made = _function(wanted, world, functions, sha256, language)
    if made.function.result is None:
        raise ModuleRefused(
            "the function returns nothing; one of SQL returns a value for each row: have it return one"
        )
    if wanted.abi == "basic" or (world is None and not wanted.has_params and not wanted.has_result):
        _check_basic(made)
    return made


def steps_of(definition: Definition) -> list[tuple[str, Function]]:
    """Every export that is called, with the type that it must have."""
    function = definition.function
    if definition.kind != "aggregate":
        return [(definition.export, function)]
    state = definition.state
    assert state is not None
    a, b = Field("state", state), Field("other", state)
    steps = [
        (definition.initialize, Function((), state)),
        (definition.iterate, Function((a, *function.params), state)),
        (definition.merge, Function((a, b), state)),
        (definition.terminate, Function((a,), function.result)),
    ]
    return [(export, type_) for export, type_ in steps if export is not None]


def folding(definition: Definition, guest: Guest) -> tuple[Guest, Function]:
    """What runs an aggregate over lists of rows: a guest of its module with what calls its steps in front, and that one's type.

    Raises
    ------
    FoldError : nothing can call these steps.
    """
    steps = aggregate_steps(definition)
    assert definition.initialize and definition.iterate and definition.terminate
    front = front_of(
        steps, guest.names, definition.initialize, definition.iterate, definition.merge, definition.terminate
    )
    return replace(guest, front=front), steps.folded


def aggregate_steps(definition: Definition) -> Steps:
    """An aggregate's types. Raises FoldError: nothing can fold rows of these."""
    state, result = definition.state, definition.function.result
    assert state and result
    return Steps(definition.function.params, state, result)


def check_exports(definition: Definition, exports: Mapping[str, str]) -> None:
    """Make sure that the module has what is called, and what passing its values needs.

    Raises
    ------
    ModuleRefused : an export has another signature, or there is no memory or allocator.
    """
    needs_memory = False
    for export, function in steps_of(definition):
        needed, found = str(core_function(function)), exports[export]
        if needed != found:
            raise ModuleRefused(
                f"the export {_shown(export)} has the signature {printable(found, _SIGNATURE_SHOWN)}; "
                f"{_in_sql(definition, function)} needs {printable(needed, _SIGNATURE_SHOWN)} by the Canonical ABI: "
                "declare other types, or build it with that signature"
            )
        try:
            needs_memory |= Layout.natural(function).needs_memory
        except SignatureError as error:
            raise ModuleRefused(f"{_in_sql(definition, function)}: {error.message}") from error
        for type_ in (*(field.type for field in function.params), function.result):
            _check_unions(type_)
        post = f"cabi_post_{export}"
        results = ", ".join(core_function(function).results)
        if post in exports and exports[post] != f"({results}) -> nothing":
            raise ModuleRefused(
                f"{_shown(post)} has the signature {printable(exports[post], _SIGNATURE_SHOWN)}; it is called with what "
                f"{_shown(export)} returned and returns nothing, ({results}) -> nothing: correct it, or leave it out"
            )
    if needs_memory and exports.get("memory") != "memory":
        raise ModuleRefused(
            "the module exports no memory; strings, lists and records are passed there: export it as 'memory'"
        )
    check_realloc(exports)


def _world(wanted: Wanted) -> dict[str, Function] | None:
    if wanted.wit is None:
        return None
    try:
        return parse_world(wanted.wit)
    except WitError as error:
        raise ModuleRefused(f"{error.message} (in WITH WIT)") from error


def _function(
    wanted: Wanted,
    world: Mapping[str, Function] | None,
    exports: Mapping[str, str],
    sha256: str,
    language: str,
) -> Definition:
    export = _export(wanted, world, exports)
    if world is not None:
        if export not in world:
            raise ModuleRefused(
                f"the WIT exports {_listed(world)}, not {_shown(export)}: name one of these with USING EXPORT, or add it"
            )
        function = world[export]
    elif wanted.has_params or wanted.has_result:
        function = Function(wanted.params, wanted.result)
    else:
        function = _of_core(export, exports[export])
    _check_declared(wanted, function)
    if wanted.kind == "table":
        item = function.result.item if isinstance(function.result, List) else None
        if not isinstance(item, Record):
            raise ModuleRefused(
                f"a table function returns a list of records; this one is {printable(str(function), _SIGNATURE_SHOWN)}: declare "
                "RETURNS TABLE(name type, ...), or leave TABLE out"
            )
    return Definition(
        wanted.name,
        wanted.kind,
        function,
        wanted.abi or "canonical",
        sha256,
        language,
        export,
        pages_max=wanted.pages_max,
    )


def _aggregate(
    wanted: Wanted,
    world: Mapping[str, Function] | None,
    exports: Mapping[str, str],
    sha256: str,
    language: str,
) -> Definition:
    assert wanted.steps is not None
    initialize, iterate, merge, terminate = (step and _step(step, exports) for step in wanted.steps)
    assert initialize is not None
    assert iterate is not None
    assert terminate is not None
    params, result, state = wanted.params, wanted.result, U32 if wanted.is_handle else wanted.state
    if world is not None:
        for step in (initialize, iterate, merge, terminate):
            if step is not None and step not in world:
                raise ModuleRefused(f"the WIT exports {_listed(world)}, not {_shown(step)}: add it")
        begun, gone_on, ended = world[initialize], world[iterate], world[terminate]
        if begun.params or begun.result is None or not gone_on.params:
            raise ModuleRefused(
                f"{_shown(initialize)} is {_type(begun)} and {_shown(iterate)} {_type(gone_on)} in the WIT; they must be "
                "func() -> state and func(state, a row) -> state: correct them"
            )
        function = Function(gone_on.params[1:], ended.result)
        _check_declared(wanted, function)
        params, result, state = function.params, function.result, begun.result
        if wanted.state is not None and sql_type(wanted.state) != sql_type(state):
            raise ModuleRefused(
                f"the state is declared as {sql_type(wanted.state)} and is {sql_type(state)} in the WIT: declare that"
            )
    if state is None:
        raise ModuleRefused("the type of the aggregate's state is not known: write WITH STATE and a type")
    made = Definition(
        wanted.name,
        "aggregate",
        Function(params, result),
        wanted.abi or "canonical",
        sha256,
        language,
        "",
        state,
        wanted.is_handle,
        initialize,
        iterate,
        merge,
        terminate,
        wanted.pages_max,
    )
    if world is not None:
        for step, function in steps_of(made):
            if _plain(world[step]) != _plain(function):
                raise ModuleRefused(
                    f"{_shown(step)} is {_type(world[step])} in the WIT; it must be {_type(function)}: correct it"
                )
    return made


def _export(wanted: Wanted, world: Mapping[str, Function] | None, exports: Mapping[str, str]) -> str:
    """Which export is called."""
    kebab = wanted.name.replace("_", "-")
    if wanted.export is not None:
        candidates = [wanted.export]
    elif world is not None and len(world) == 1:
        candidates = [wanted.name, kebab, *world]
    else:
        candidates = [wanted.name, kebab]
    for candidate in candidates:
        if candidate in exports:
            return candidate
    raise ModuleRefused(
        f"the module exports {_listed(exports)}, not {_shown(candidates[0])}: name the one to call with USING EXPORT"
    )


def _step(name: str, exports: Mapping[str, str]) -> str:
    """Which export is one of an aggregate's."""
    for candidate in (name, name.replace("_", "-")):
        if candidate in exports:
            return candidate
    raise ModuleRefused(f"the module exports {_listed(exports)}, not {_shown(name)}: name its exports")


def _of_core(export: str, signature: str) -> Function:
    """The type of a function of which only the core signature is known: numbers alone."""
    params, _, results = signature.partition(" -> ")
    names = [name for name in params[1:-1].split(", ") if name]
    found = [] if results == "nothing" else results.split(", ")
    if len(found) > 1 or not {*names, *found} <= _CORE.keys():
        raise ModuleRefused(
            f"{_shown(export)} has the signature {printable(signature, _SIGNATURE_SHOWN)}, which is no function of numbers with "
            "one result: declare its types, or send its WIT"
        )
    fields = tuple(Field(f"a{place}", _CORE[name]) for place, name in enumerate(names, 1))
    return Function(fields, _CORE[found[0]] if found else None)


def _check_declared(wanted: Wanted, function: Function) -> None:
    """Refuse a declaration that says something else than the WIT: their types must have the same names in SQL."""
    declared = Function(
        wanted.params if wanted.has_params else function.params,
        wanted.result if wanted.has_result else function.result,
    )
    if _plain(declared) != _plain(function):
        raise ModuleRefused(
            f"declared is {_sql(declared)}, but the WIT says {_sql(function)}: declare that, or leave the types out"
        )


def _check_basic(made: Definition) -> None:
    for _, function in steps_of(made):
        types = [*(field.type for field in function.params), function.result]
        for type_ in types:
            if type_ is not None and not is_number(type_):
                raise ModuleRefused(
                    f"ABI BASIC passes numbers alone, and {printable(sql_type(type_), _SHOWN)} is none: write ABI CANONICAL"
                )


def _plain(function: Function) -> tuple[Sequence[str], str | None]:
    """A function's types by their names in SQL, which is what a declaration can say."""
    result = None if function.result is None else sql_type(function.result)
    return [sql_type(field.type) for field in function.params], result


def _sql(function: Function) -> str:
    params, result = _plain(function)
    return printable(f"({', '.join(params)}) RETURNS {result or 'nothing'}", _SIGNATURE_SHOWN)


def _in_sql(definition: Definition, function: Function) -> str:
    return f"{definition.name}{_sql(function)}" if definition.kind != "aggregate" else _sql(function)


def _type(function: Function) -> str:
    return printable(str(function), _SIGNATURE_SHOWN)


def _check_unions(type_: ValueType | None) -> None:
    """Refuse a variant of which SQL can have no UNION."""
    match type_:
        case Variant(cases):
            if len(cases) > UNION_MAX:
                raise ModuleRefused(
                    f"a variant has {len(cases)} cases; a UNION of SQL has at most {UNION_MAX}: make several of it"
                )
            inner = [case.type for case in cases]
        case Record() | Tuple():
            inner = [part.type for part in fields_of(type_)]
        case Option() | Result():
            inner = [case.type for case in cases_of(type_)]
        case List(item):
            inner = [item]
        case _:
            return
    for part in inner:
        _check_unions(part)


def _listed(names: Mapping[str, object]) -> str:
    shown = sorted(names)[:_LISTED]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return (", ".join(map(_shown, shown)) or "no function") + more


def _shown(name: str) -> str:
    return printable(name, _SHOWN)
