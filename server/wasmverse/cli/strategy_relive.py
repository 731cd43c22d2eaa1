"""``wasmverse strategy relive``: a local build is given what a strategy was given when it faulted."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any

import typer

from wasmverse.cli.http_client import TokenOption, UrlOption, request
from wasmverse.cli.options import read_file
from wasmverse.cli.terminal import fail
from wasmverse.errors import WasmverseError
from wasmverse.settings import load_settings
from wasmverse.strategies.calls import Call, Scene, calls_in
from wasmverse.strategies.names import check_name
from wasmverse.strategies.plans import INVALID, command_of, plan_words
from wasmverse.text import counted, printable

_ID_MAX = 2**63 - 1
_BEFORE_SHOWN = 8
_OUT_OF_FUEL = "ran out of fuel"


def relive(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[ID] FILE",
            help="A fault_id of strategy_fault, and a build of the strategy.",
            show_default=False,
        ),
    ],
    latest: Annotated[
        str | None,
        typer.Option(
            "--latest", metavar="NAME", help="The newest fault of this strategy, in place of an ID."
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Which of FILE's strategies. \\[default: the one that faulted]"),
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Give a build on this machine what a strategy was given when it faulted, and say what it does with it.

    Which faults are kept says [bold]wasmverse query "select fault_id, tid, eid, reason from strategy_fault where strategy =
    'mine'"[/bold]. Ends with 0 if the build returns a plan, with 1 if it faults.
    """
    where, file = _which(arguments, latest)
    module = read_file(file)
    row = _kept(where, url, token)
    _tell_then(row)
    if not _tell_now(row, module, name or row["strategy"]):
        raise typer.Exit(1)


def _which(arguments: list[str], latest: str | None) -> tuple[str, Path]:
    """Which fault, as a condition, and the file."""
    if len(arguments) != (1 if latest else 2):
        fail(
            "relive takes an ID and a FILE, or --latest NAME and a FILE: `wasmverse strategy relive 12 mine.wasm`",
            status=2,
        )
    if latest:
        try:
            return f"strategy = '{check_name(latest)}'", Path(arguments[0])
        except WasmverseError as error:
            fail(error.message)
    fault, file = arguments
    if not (fault.isascii() and fault.isdigit() and int(fault) <= _ID_MAX):
        fail(
            f"{printable(fault, 40)!r} is no fault_id: give a number that strategy_fault has, or --latest NAME",
            status=2,
        )
    return f"fault_id = {int(fault)}", Path(file)


def _kept(where: str, url: str | None, token: str | None) -> dict[str, Any]:
    sql = f"select * from strategy_fault where {where} order by fault_id desc limit 1"
    answer = request("POST", url, "/api/v2/query/rows", token=token, json={"sql": sql}).json()
    rows: list[dict[str, Any]] = answer["results"][0]["rows"]
    if not rows:
        fail(
            f"no fault is kept with {where}: see which are with "
            '`wasmverse query "select fault_id, tid, strategy, reason from strategy_fault"`'
        )
    return rows[0]


def _tell_then(row: dict[str, Any]) -> None:
    print(
        f"fault {row['fault_id']}: turn {row['tid']:,}, ship {row['eid']} in system {row['sid']}, "
        f"{row['strategy']} version {row['version']}"
    )
    seen = base64.b64decode(row["seen"])
    kinds = seen[::4]
    print(
        f"asked  at ({row['x']}, {row['y']}) with energy {row['energy']}, shield {row['shield']}, blasters {row['blasters']}, "
        f"thrusters {row['thrusters']}, harvesters {row['harvesters']}, last plan {row['last_plan']:#x}; "
        f"it saw {counted(kinds.count(1), 'ship')} and {counted(kinds.count(2), 'node')}"
    )
    plan = "" if row["plan"] is None else f" {row['plan']:#x}"
    print(f"then   {printable(row['reason'], 500)}{plan}")


def _tell_now(row: dict[str, Any], module: bytes, name: str) -> bool:
    """Whether the build returns a valid plan, for no more fuel than it may take where that was the fault."""
    from wasmverse.strategies.checker_start import inspect_module_apart  # noqa: PLC0415 - large imports, only where needed
    from wasmverse.strategies.limits import guest_limits  # noqa: PLC0415
    from wasmverse.strategies.relive import rebuilt, relive  # noqa: PLC0415

    scene = _scene(row)
    try:
        settings = load_settings()
        guest = rebuilt(inspect_module_apart(module, name, settings), name)
        now = relive(guest, scene, guest_limits(settings))
    except WasmverseError as error:
        fail(error.message)
    is_valid = command_of(now.plan) != INVALID
    if now.fault is not None:
        print(f"now    {now.fault}")
    else:
        print(f"now    returned {now.plan:#x}: {plan_words(now.plan)}")
    for place, frame in enumerate(now.frames):
        print(f"       {'called by' if place else 'in'} {frame}")
    for line in now.said.splitlines():
        print(f"said   {printable(line, 500)}")
    budget = row["budget_fuel"]
    if now.fuel is not None:
        print(f"fuel   {now.fuel:,} of {budget:,}")
    _tell_before(len(scene.calls) - 1, row["calls_before"], now.before)
    is_spent = row["reason"].startswith(_OUT_OF_FUEL) and now.fuel is not None and now.fuel > budget
    return now.fault is None and is_valid and not is_spent


def _scene(row: dict[str, Any]) -> Scene:
    """What is to be given to the build; the server may answer anything."""
    try:
        seen = base64.b64decode(row["seen"])
        last = Call._make((*(int(row[key]) for key in Call._fields[:-1]), seen))
        calls = (*calls_in(base64.b64decode(row["calls"])), last)
        return Scene(calls, row["tid"], row["block_row"], row["world_seed"], row["budget_fuel"])
    except (KeyError, TypeError, ValueError) as error:
        fail(f"the server's answer is no fault ({printable(repr(error), 200)}): ask a server of this version")


def _tell_before(kept: int, before: int, faults: tuple[tuple[int, str], ...]) -> None:
    """What became of the calls that the same instance had answered."""
    if before:
        asked = "they were" if kept == before else f"the last {kept:,} of them were"
        print(f"before {before:,} other ships were answered by the same instance; {asked} asked again first")
    for distance, why in faults[:_BEFORE_SHOWN]:
        print(f"       the call {distance:,} before this one faults too: {why}")
