"""The contract of a strategy: the type of ``decide`` (strategy.wit), and which exports of a module keep it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from wasmverse.errors import ModulePlace, ModuleRefused
from wasmverse.strategies.names import NAME_SHOWN, check_name
from wasmverse.text import printable
from wasmverse.wasm.abi import core_function
from wasmverse.wasm.allowed import check_is_reactor, check_realloc
from wasmverse.wasm.layout import Layout
from wasmverse.wasm.sections import exports_of
from wasmverse.wasm.types import Function
from wasmverse.wasm.wit import parse_world

DECIDE = "decide"
"""The export that flies under the name that its module is uploaded with; any other flies under its own."""


@cache
def strategy_function() -> Function:
    """The type of ``decide``, from ``strategy.wit`` beside this file."""
    return parse_world(Path(__file__).with_name("strategy.wit").read_text())[DECIDE]


@cache
def strategy_signature() -> str:
    """The core signature that an export must have to be a strategy."""
    return str(core_function(strategy_function()))


def strategy_layout(narrower: Mapping[str, str] | None = None) -> Layout:
    """The columns of a strategy's rows; see `Layout.natural`."""
    return Layout.natural(strategy_function(), narrower)


def strategies_among(exports: Mapping[str, str], name: str) -> dict[str, str]:
    """Registered name -> export, for every export with a strategy's signature.

    Parameters
    ----------
    exports : all that a module exports, with their signatures; see `wasm.inspect.Contents`.
    name : the one that the module is uploaded with.
    """
    flown = (export for export, signature in exports.items() if signature == strategy_signature())
    return {registered_name(export, name): export for export in flown}


def export_of(module: bytes, name: str) -> str:
    """Which export of a module, known to fly a strategy under this name, does so: for a file that does not say it.

    Raises
    ------
    ModuleRefused : an older version let pass what cannot be read.
    """
    return strategies_among(exports_of(module), DECIDE).get(name, DECIDE)


def registered_name(export: str, name: str) -> str:
    """The name that an export flies under: ``decide`` has the uploaded one, any other its own with '-' turned to '_'."""
    return name if export == DECIDE else export.replace("-", "_")


def check_contract(exports: Mapping[str, str], name: str, strategies_max: int) -> dict[str, str]:
    """Make sure that a module keeps the contract; its strategies, as `strategies_among` has them.

    Raises
    ------
    ModuleRefused : it exports no strategy, too many or two of one name, no memory, or something else as allocator.
    StrategyError : the name of an export cannot be a strategy's.
    """
    strategies = strategies_among(exports, name)
    if len(strategies) > strategies_max:
        raise ModuleRefused(
            f"the module exports {len(strategies):,} strategies; {strategies_max:,} are allowed: "
            "export fewer, or put them into several modules"
        )
    if not strategies:
        if DECIDE not in exports:
            check_is_reactor(exports, "strategy")
        functions = sorted(export for export, signature in exports.items() if signature.startswith("("))
        shown = f"the module exports {', '.join(map(_shown, functions[:8])) or 'no function'}"
        if DECIDE in functions:
            shown = f"{DECIDE} has the signature {printable(exports[DECIDE], 200)}"
        raise ModuleRefused(
            f"{shown}; a strategy exports {DECIDE} with the signature {strategy_signature()}: export it so",
            ModulePlace("export", DECIDE),
        )
    for export, signature in exports.items():
        registered = registered_name(export, name)
        if signature == strategy_signature() and strategies[registered] != export:
            raise ModuleRefused(
                f"the exports {_shown(export)} and {_shown(strategies[registered])} would both fly as "
                f"{_shown(registered)}; every strategy needs a name of its own: rename one",
                ModulePlace("export", _shown(export)),
            )
    if exports.get("memory") != "memory":
        raise ModuleRefused(
            "the module exports no memory; what a ship sees is put there: export it as 'memory'"
        )
    check_realloc(exports)
    (result,) = core_function(strategy_function()).results
    for registered, export in strategies.items():
        post = f"cabi_post_{export}"
        if exports.get(post, f"({result}) -> nothing") != f"({result}) -> nothing":
            raise ModuleRefused(
                f"{_shown(post)} is called after {_shown(export)} with what that returned: it must be a function with the "
                f"signature ({result}) -> nothing: correct it, or leave it out",
                ModulePlace("export", _shown(post)),
            )
        check_name(registered)
    return strategies


def _shown(name: str) -> str:
    """A name from a module, fit for one line: it may be megabytes of anything."""
    return printable(name, NAME_SHOWN)
