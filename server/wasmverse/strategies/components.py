"""The strategies of a component: which of its functions keep the contract."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from wasmverse.errors import ModuleRefused
from wasmverse.strategies import contract
from wasmverse.strategies.contract import DECIDE, strategy_function
from wasmverse.strategies.names import NAME_SHOWN, check_name
from wasmverse.text import printable
from wasmverse.wasm.component.types import PATH
from wasmverse.wasm.types import Function, ValueType, unnamed

_SHOWN = 400


def component_strategies(functions: Mapping[str, Function | None], name: str) -> dict[str, str]:
    """Registered name -> path, for every function of a strategy's type, exported as it is or in an interface.

    Parameters
    ----------
    functions : those of a component; see `wasm.component.inspect.ComponentContents`.
    name : the one that the component is uploaded with; ``decide`` flies under it, any other under its own.
    """
    return {registered_name(path, name): path for path in _among(functions)}


def _among(functions: Mapping[str, Function | None]) -> list[str]:
    return [
        path
        for path, function in functions.items()
        if function is not None and _shape(function) == _strategy_shape()
    ]


@cache
def _strategy_shape() -> tuple[tuple[ValueType, ...], ValueType | None]:
    return _shape(strategy_function())


def _shape(function: Function) -> tuple[tuple[ValueType, ...], ValueType | None]:
    """What must be the same: the types, whatever the parameters and the fields are called."""
    result = None if function.result is None else unnamed(function.result)
    return tuple(unnamed(param.type) for param in function.params), result


def registered_name(path: str, name: str) -> str:
    """The name that a function flies under: as `contract.registered_name`, in whatever interface it is."""
    return contract.registered_name(path.rpartition(PATH)[2], name)


def check_component_contract(
    functions: Mapping[str, Function | None], name: str, strategies_max: int
) -> dict[str, str]:
    """Make sure that a component keeps the contract; its strategies, as `component_strategies` has them.

    Raises
    ------
    ModuleRefused : it exports no strategy, too many, or two of one name.
    StrategyError : the name of a function cannot be a strategy's.
    """
    paths = _among(functions)
    if not paths:
        found = [
            f"{printable(path, NAME_SHOWN)}: {_type_shown(function)}" for path, function in functions.items()
        ]
        raise ModuleRefused(
            f"the component exports {printable('; '.join(found[:4]), _SHOWN) or 'no function'}; a strategy exports "
            f"{DECIDE}: {strategy_function()}, in its world or in an interface: export it so"
        )
    if len(paths) > strategies_max:
        raise ModuleRefused(
            f"the component exports {len(paths):,} strategies; {strategies_max:,} are allowed: export fewer, or put them into "
            "several components"
        )
    strategies = component_strategies(functions, name)
    for path in paths:
        registered = registered_name(path, name)
        if strategies[registered] != path:
            raise ModuleRefused(
                f"the exports {printable(path, NAME_SHOWN)} and {printable(strategies[registered], NAME_SHOWN)} would both fly "
                f"as {printable(registered, NAME_SHOWN)}; every strategy needs a name of its own: rename one"
            )
        check_name(registered)
    return strategies


def _type_shown(function: Function | None) -> str:
    return "a function of resources" if function is None else str(function)
