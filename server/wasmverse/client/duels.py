"""A duel on this machine, played by `wasmverse duel` in a process of its own; it needs no server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from wasmverse.client.answers import Duel
from wasmverse.client.requests import Module
from wasmverse.errors import SettingsError


@contextmanager
def command(
    modules: Sequence[Module],
    turns: int,
    seed: int,
    systems: int | None,
    ships: int | None,
    nodes: int | None,
) -> Iterator[list[str]]:
    """The command of a duel, for as long as its files are there; modules that are bytes are called "a", "b", ... in order.

    It finds files and names of bundled strategies as on the command line.
    """
    options = {"turns": turns, "seed": seed, "systems": systems, "ships": ships, "nodes": nodes}
    given = [f"--{name}={value}" for name, value in options.items() if value is not None]
    with TemporaryDirectory(prefix="wasmverse-duel-") as folder:
        files = [_file(module, place, Path(folder)) for place, module in enumerate(modules)]
        yield [sys.executable, "-m", "wasmverse.cli", "duel", "--json", *given, "--", *map(str, files)]


def _file(module: Module, place: int, folder: Path) -> Path:
    if isinstance(module, bytes):
        file = folder / f"{chr(ord('a') + place)}.wasm"
        file.write_bytes(module)
        return file
    return Path(module)


def account_of(status: int, output: bytes, complaint: bytes) -> Duel:
    """The account of a duel that has ended; raises SettingsError with the command's words if it was refused."""
    if status:
        text = complaint.decode(errors="replace").strip().removeprefix("wasmverse: ")
        raise SettingsError(text or f"the duel ended with status {status}")
    account: Duel = json.loads(output)
    return account
