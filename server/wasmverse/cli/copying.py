"""``wasmverse copy``: move a universe from one engine to another."""

from __future__ import annotations

from wasmverse.cli.options import FromPlace, FromUniverse, ToPlace, ToUniverse, settings_of
from wasmverse.cli.terminal import fail, step_console
from wasmverse.errors import WasmverseError


def copy(
    source: FromUniverse,
    target: ToUniverse,
    place: ToPlace = None,
    from_place: FromPlace = None,
) -> None:
    """Copy a universe, as it is at the end of a turn, to a new place: a file, a PostgreSQL database, or several.

    What is copied goes on as FROM would, with its history, strategies, functions and tokens. FROM is left as it is: in a database
    it may be played meanwhile, a file must not be open. The copy is read again and compared; the last line has its hash.
    """
    from wasmverse.storage.copying import Places, copy_universe  # noqa: PLC0415 - large imports, only where needed

    console = step_console()
    read, made = (
        settings_of(database_path=first, place_urls=others or None)
        for first, others in ((source, from_place), (target, place))
    )
    try:
        whole = copy_universe(
            Places(read.database_path, read.place_urls),
            Places(made.database_path, made.place_urls),
            console.print,
        )
    except WasmverseError as error:
        fail(error.message)
    print(f"{made.database_path} goes on from turn {whole.tid:,}: state_hash {whole.state_hash()}")
