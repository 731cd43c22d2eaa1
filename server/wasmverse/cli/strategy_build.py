"""``wasmverse strategy new`` and ``build``: from a source to a module, and on to a server."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from wasmverse.cli.http_client import TokenOption, UrlOption, connected, server_of
from wasmverse.cli.terminal import fail
from wasmverse.errors import Complaint, ServerError, SourceRefused, WasmverseError
from wasmverse.languages.build import MODULE_SUFFIX, Built, build, source_of
from wasmverse.languages.project import make_project
from wasmverse.languages.table import LANGUAGES
from wasmverse.strategies.names import check_name
from wasmverse.strategies.trial_report import lines_of
from wasmverse.text import printable

_SHOWN_MAX = 20
_DEBOUNCE_MILLISECONDS = 200

LanguageOption = Annotated[
    str | None,
    typer.Option("--language", help=f"One of {', '.join(LANGUAGES)}.", show_default=False),
]


def new(
    name: Annotated[
        str,
        typer.Argument(help="Of the strategy: lower-case letters, digits and '_'.", show_default=False),
    ],
    language: Annotated[str, typer.Option("--language", help=f"One of {', '.join(LANGUAGES)}.")] = "python",
) -> None:
    """Make a folder NAME with a strategy that flies, to be changed: its source, a test and a README.

    Build it with [bold]wasmverse strategy build NAME[/bold].
    """
    try:
        project = make_project(name, language, Path())
    except WasmverseError as error:
        fail(error.message)
    for file in sorted(project.files):
        print(file)
    print(f"change {project.source}, then: wasmverse strategy build {project.folder}")


def build_command(
    path: Annotated[Path, typer.Argument(help="A strategy's source, or the folder of its project.")] = Path(),
    to: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The module to write. \\[default: beside the source]"),
    ] = None,
    language: LanguageOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Build again whenever a file is saved.")] = False,
    push: Annotated[bool, typer.Option("--push", help="Upload what was built.")] = False,
    name: Annotated[
        str | None, typer.Option("--name", help="The name it flies under. \\[default: the source's]")
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Build a strategy's module, in whatever language: finds the compiler, or says what to install.

    With [bold]--watch --push[/bold] every save flies from the next turn on; what the compiler or the server refuses is
    printed, and the version before flies on.
    """
    if not watch:
        _build(path, to, language, name, server_of(url) if push else None, token)
        return
    try:
        source, _ = source_of(path, language)
    except WasmverseError as error:
        fail(error.message)
    last: bytes | None = None
    for _ in _saves(source.parent):
        try:
            module = _build(source, to, language, name, server_of(url) if push else None, token, unless=last)
            last = module if module is not None else last
        except typer.Exit:
            continue  # what was wrong has been printed


def _saves(folder: Path) -> Iterator[None]:
    """Once at the beginning, and then whenever something in a folder has changed, until Ctrl-C."""
    from watchfiles import Change, DefaultFilter, watch  # noqa: PLC0415 - only where needed

    class Sources(DefaultFilter):
        """All but what builds and tests make."""

        def __call__(self, change: Change, path: str) -> bool:
            return super().__call__(change, path) and not path.endswith((".wasm", ".unfinished"))

    yield
    print(f"watching {folder.resolve()}; Ctrl-C ends it")
    for _ in watch(folder, watch_filter=Sources(), debounce=_DEBOUNCE_MILLISECONDS, raise_interrupt=False):
        print(time.strftime("\n%H:%M:%S"))
        yield


def _build(
    path: Path,
    to: Path | None,
    language: str | None,
    name: str | None,
    url: str | None,
    token: str | None,
    unless: bytes | None = None,
) -> bytes | None:
    """Build, and upload to a server unless the module is the one that was uploaded before; the module, if it was uploaded.

    Ends the program after a refusal, which is printed.
    """
    try:
        built = build(path, to, language=language)
        name = check_name(name or built.module.stem) if url else ""
        module = built.module.read_bytes()
    except SourceRefused as refusal:
        show_refusal(refusal)
        old = to or source_of(path, language)[0].with_suffix(MODULE_SUFFIX)
        if old.exists():
            print(f"{_from_here(old)} is from an earlier build, without these changes", file=sys.stderr)
        raise typer.Exit(1) from refusal
    except WasmverseError as error:
        fail(error.message)
    _show(built, len(module))
    if url is None:
        return None
    if module == unless:
        print("the module is the same as before; nothing was sent")
        return None
    upload(module, name, url, token, built.language.budget_fuel)
    return module


def _show(built: Built, size: int) -> None:
    if built.output:
        Console(stderr=True, highlight=False).print(Text(built.output, style="yellow"))
    by = " ".join(filter(None, (built.found.compiler.name, built.found.version)))
    print(
        f"{_from_here(built.module)}  {size:,} bytes  ({built.language.title}, {by}, {built.seconds:.1f} s)"
    )


def upload(module: bytes, name: str, url: str, token: str | None, budget_fuel: int | None = None) -> None:
    """Send a module to a server and print what became of it; ends the program when it is refused."""
    with connected(url, token) as universe:
        try:
            before = {row.name: row.sha256 for row in universe.strategies()}
        except ServerError:  # who may upload need not be able to read
            before = {}
        pushed = universe.push(module, name, budget_fuel=budget_fuel)
    for row in pushed.strategies:
        same = ", unchanged" if row.sha256 and row.sha256 == before.get(row.name) else ""
        print(
            f"{row.name} version {row.version} flies from turn {pushed.turn + 1} ({row.bytes:,} bytes{same})"
        )
        if row.trial is not None:  # an older server says nothing of it
            print(lines_of(row.trial)[-1])
            for warning in row.trial["warnings"]:
                print(f"warning: {printable(warning, 500)}", file=sys.stderr)


def show_refusal(refusal: SourceRefused) -> None:
    """Print each complaint with the line that it is about, on a terminal; elsewhere as ``file:line:column: text``."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for complaint in refusal.complaints[:_SHOWN_MAX]:
        shown = Complaint(_from_here(complaint.file), complaint.line, complaint.column, complaint.text)
        place, _, text = str(shown).partition(": ")
        console.print(Text.assemble((f"{place}: ", "bold"), (text, "red")))
        line = _line(complaint) if console.is_terminal else None
        if line is not None:
            number = f"{complaint.line:>6} │ "
            console.print(Text.assemble((number, "dim"), line))
            if complaint.column:
                before = "".join("\t" if it == "\t" else " " for it in line[: complaint.column - 1])
                console.print(Text.assemble((f"{'':>6} │ ", "dim"), before, ("^", "bold red")))
    more = len(refusal.complaints) - _SHOWN_MAX
    if more > 0:
        console.print(f"and {more} more")


def _line(complaint: Complaint) -> str | None:
    """The line of a file that a complaint is about, if there is one."""
    try:
        lines = complaint.file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    return lines[complaint.line - 1] if 0 < complaint.line <= len(lines) else None


def _from_here(path: Path) -> Path:
    """A path as short as it can be written from where the user stands."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
