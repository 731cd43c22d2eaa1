"""The process that plays a duel of modules that strangers sent, and ends; see `checks.process`.

Its argument is what is to be played, as JSON; the modules follow on standard input. Only what its confinement needs is imported
before that.
"""

from __future__ import annotations

from wasmverse.checks.process import Inspector, serve


def _load(arguments: list[str], settings_json: str, sent: bytes) -> Inspector:
    import json  # noqa: PLC0415 - all of it confined
    from functools import partial  # noqa: PLC0415
    from typing import Any  # noqa: PLC0415

    from wasmverse.errors import ModuleRefused, StrategyError  # noqa: PLC0415
    from wasmverse.settings import CheckSettings  # noqa: PLC0415
    from wasmverse.strategies.duel import play  # noqa: PLC0415
    from wasmverse.strategies.duel_start import Sizes  # noqa: PLC0415
    from wasmverse.strategies.guests import Guests  # noqa: PLC0415
    from wasmverse.strategies.inspection import inspect_module  # noqa: PLC0415
    from wasmverse.strategies.limits import guest_limits  # noqa: PLC0415
    from wasmverse.wasm.hosting import AnyGuest  # noqa: PLC0415

    wanted = json.loads(arguments[0])
    settings = CheckSettings.model_validate_json(settings_json)

    def inspect() -> tuple[dict[str, Any], bytes]:
        guests, found = Guests(), dict[str, AnyGuest]()
        at = 0
        for name, size in wanted["modules"]:
            module = sent[at : at + size]
            at += size
            try:
                inspection = inspect_module(module, name, settings)
            except (ModuleRefused, StrategyError) as error:
                raise type(error)(f"{name}: {error.message}") from error
            guests.add(inspection.sha256, inspection.compiled)
            for strategy, export in inspection.strategies.items():
                if strategy in found:
                    raise StrategyError(f"two strategies are called {strategy}: rename one of the exports")
                found[strategy] = guests.find(inspection.sha256, export, partial(bytes, module))
        return {"strategies": play(found, Sizes(*wanted["sizes"]), guest_limits(settings))}, b""

    return Inspector(
        wanted["seconds"],
        settings.compile_memory_bytes_max,
        settings.guest_memory_bytes_max,
        settings.confinement_required,
        inspect,
    )


def main() -> None:
    """Play, and say who won."""
    serve(_load)


if __name__ == "__main__":
    main()
