"""The documentation is true: settings, dependencies, links, named files, commands; and no file names a package registry."""

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
import pytest
import typer.main
from pydantic.fields import FieldInfo

from wasmverse.cli.main import app
from wasmverse.settings import Settings
from wasmverse.storage import kept_faults
from wasmverse.universe import rules

ROOT = Path(__file__).parent.parent

CODE_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CODE_SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<(?:img|a)\b[^>]*?\b(?:src|href)=\"([^\"]+)\"")


def tracked_files() -> list[Path]:
    """Every file of the repository, including those not yet committed, without what builds make."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


FILES = tracked_files()
PAGES = [path for path in FILES if path.suffix == ".md"]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


# ---- docs/settings.md

SETTINGS_PAGE = ROOT / "docs/settings.md"
ROW = re.compile(
    r"^\| `(?P<name>\w+)` \| `(?P<variable>\w+)` \| (?P<unit>[^|]+) \| (?P<default>[^|]+) "
    r"\| (?P<allowed>[^|]+) \| (?P<help>[^|]+) \|$",
    re.MULTILINE,
)
ROWS = {row["name"]: row.groupdict() for row in ROW.finditer(SETTINGS_PAGE.read_text("utf-8"))}
SIZES = (("GiB", 30), ("MiB", 20), ("KiB", 10))


def shown(value: float, unit: str) -> str:
    """A limit as the page writes it: sizes in powers of 1,024, other numbers with thousands apart."""
    if unit == "bytes":
        for name, power in SIZES:
            if value >= 1 << power and value % (1 << power) == 0:
                return f"{int(value) >> power} {name}"
    if value >= 1 << 63:
        return "2^63"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def allowed(field: FieldInfo, unit: str) -> str:
    """The range of a field in words."""
    choices = [True, False] if field.annotation is bool else get_args(field.annotation)
    if choices and get_origin(field.annotation) in {None, Literal}:
        *most, last = (f"`{choice}`" for choice in choices)
        return f"{', '.join(most)} or {last}"
    limits = {
        kind: shown(getattr(rule, kind), unit)
        for rule in field.metadata
        for kind in ("ge", "gt", "le", "lt")
        if getattr(rule, kind, None) is not None
    }
    if "ge" in limits and "le" in limits:
        return f"{limits['ge']} to {limits['le']}"
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return ", ".join(f"{words[kind]} {limit}" for kind, limit in limits.items()) or "any"


def test_settings_are_all_there_in_their_order() -> None:
    assert list(ROWS) == list(Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_setting_is_as_documented(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    field = Settings.model_fields[name]
    row = ROWS[name]
    assert row["variable"] == f"WASMVERSE_{name.upper()}"
    assert row["help"] == field.description
    assert row["allowed"] == allowed(field, row["unit"])
    for unit in ("bytes", "seconds"):
        assert (unit in name.split("_")) <= (row["unit"] == unit), f"{name} is in {unit}"
    monkeypatch.delenv(row["variable"], raising=False)
    default = getattr(Settings(), name)
    if default is None:
        assert row["default"] == "not set"
        return
    text = row["default"].split("`")[1]
    if unit_note := row["default"].partition("` ")[2]:
        assert unit_note == f"({shown(default, row['unit'])})"
    monkeypatch.setenv(row["variable"], str(Path(text).expanduser()) if text.startswith("~") else text)
    assert getattr(Settings(), name) == default


# ---- docs/rules-detail.md, strategies/README.md


def test_what_commands_cost_is_as_documented() -> None:
    """The oracle proves what the kernels do; this, that authors are told the same."""
    costs = (rules.COST_HOLD, rules.COST_MOVE, rules.COST_UPGRADE)
    said = "hold {}, move {}, upgrade {}".format(*costs)
    assert said in (ROOT / "docs/rules-detail.md").read_text("utf-8")
    for_authors = (ROOT / "strategies/README.md").read_text("utf-8")
    assert re.findall(r"^\| `[01dnc]{8}` \| .* \| (\d+) energy \|$", for_authors, re.MULTILINE) == [
        str(cost) for cost in costs
    ]
    helpers = (ROOT / "strategies/assemblyscript/lib/wasmverse.ts").read_text("utf-8")
    assert f"UPGRADE_COST: u32 = {rules.COST_UPGRADE};" in helpers
    page = (ROOT / "web/src/help/rules.ts").read_text("utf-8")
    told = r"Hold for (\d+) energy, move up to as many cells as it has thrusters for (\d+), or buy .* for (\d+)\."
    assert re.findall(told, page) == [tuple(map(str, costs))]


def test_how_many_faults_are_kept_is_as_documented() -> None:
    said = " ".join((ROOT / "docs/query.md").read_text("utf-8").split())
    assert f"keeps the newest {kept_faults.FAULTS_KEPT} of each strategy" in said
    assert (
        f"only after {kept_faults.SAME_TURNS} turns, and {kept_faults.FAULTS_MAX} faults are kept in all"
        in said
    )


# ---- docs/dependencies.md

SOURCE_LOCKS = (
    "strategies/toolchains.lock",
    "strategies/engines/sources.lock",
    "strategies/engines/lua_sources.lock",
    "functions/sentiment/sources.lock",
    "tests/bench/clickhouse.lock",
)
DEPENDENCIES_PAGE = ROOT / "docs/dependencies.md"
REASON = re.compile(r"^\| `([^`]+)` \| [^|]{10,} \|$", re.MULTILINE)


def wanted_packages() -> Iterator[tuple[str, str]]:
    """(manifest, package) for every direct dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    for requirement in (line for group in groups for line in group):
        name = re.match(r"[\w.-]+", requirement)
        assert name is not None, requirement
        yield "pyproject.toml", name[0]
    for manifest in (
        "web/package.json",
        *(f"strategies/{name}/package.json" for name in ("assemblyscript", "typescript")),
    ):
        package = json.loads((ROOT / manifest).read_text("utf-8"))
        for kind in ("dependencies", "devDependencies"):
            for name in package.get(kind, {}):
                yield manifest, name
    for lock in SOURCE_LOCKS:
        for name in re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text("utf-8"), re.MULTILINE):
            yield lock, name
    table = "server/wasmverse/languages/languages.toml"
    languages = tomllib.loads((ROOT / table).read_text("utf-8")).values()
    compilers = [compiler for language in languages for compiler in language["compilers"]]
    for name in sorted({name for compiler in compilers for name in compiler.get("apt", ())}):
        yield table, name


def explained_packages() -> dict[str, set[str]]:
    """Manifest -> packages that have a row with a reason; each section of the page names its manifest in its heading."""
    found: dict[str, set[str]] = {}
    for section in DEPENDENCIES_PAGE.read_text("utf-8").split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        manifest = CODE_SPAN.search(heading)
        if manifest is not None:
            found.setdefault(manifest[1], set()).update(REASON.findall(body))
    return found


def test_every_dependency_has_its_reason() -> None:
    explained = explained_packages()
    missing = [
        (manifest, name) for manifest, name in wanted_packages() if name not in explained.get(manifest, set())
    ]
    assert not missing


def test_no_reason_without_its_dependency() -> None:
    wanted = set(wanted_packages())
    gone = [
        (manifest, name)
        for manifest, names in explained_packages().items()
        for name in names
        if (manifest, name) not in wanted
    ]
    assert not gone


# ---- links


def anchors(page: Path) -> set[str]:
    """The names that headings can be linked by, as code hosts make them."""
    text = CODE_BLOCK.sub("", page.read_text("utf-8"))
    titles = re.findall(r"^#{1,6} +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_point_at_something(page: Path) -> None:
    text = CODE_SPAN.sub("", CODE_BLOCK.sub("", page.read_text("utf-8")))
    wrong = []
    for match in LINK.finditer(text):
        link = match[1] or match[2]
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        is_there = target in FILES or any(target in file.parents for file in FILES)
        if not is_there or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            wrong.append(link)
    assert not wrong, f"{name_of(page)} links to what is not in the repository: {wrong}"


PATH = re.compile(r"(?<![\w./-])(?:[\w-]+/)+[\w-]+\.(?:md|py|sql|toml|ts|wit)\b")
STARTS = [ROOT / start for start in ("", "server/wasmverse", "web", "web/src", "strategies/assemblyscript")]
"""Folders that names of files in comments and pages are relative to; so is the file's own folder, and those around it."""
ELSEWHERE = {
    *("design/mvp/CanonicalABI.md", "design/mvp/WIT.md"),
    *(f"first_try/{name}" for name in ("README.md", "first_try.py", "test_first_try.py")),
}
"""In the WebAssembly component model's repository, and what the README's reader makes."""


def test_every_file_that_is_named_is_there() -> None:
    """In comments too: a name that has gone stale sends a newcomer looking for what was moved."""
    wrong = {
        (name_of(path), found)
        for path in FILES
        if path.suffix not in {".svg", ".lock", ".webp", ".xz"}
        for found in PATH.findall(path.read_text("utf-8"))
        if found not in ELSEWHERE and not any((start / found).exists() for start in (*STARTS, *path.parents))
    }
    assert not wrong


@pytest.mark.parametrize("suffix", [".css", ".mjs", ".py", ".sql", ".ts"])
def test_no_file_is_longer_than_contributing_says(suffix: str) -> None:
    lengths = {name_of(path): len(path.read_bytes().splitlines()) for path in FILES if path.suffix == suffix}
    assert lengths
    assert {name: lines for name, lines in lengths.items() if lines > 450} == {}


def test_contributing_fits_a_screen() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()) <= 60


# ---- commands


def commands_in(page: Path) -> Iterator[list[str]]:
    """The command lines in a page's code, as words, continued lines joined and prompts left out."""
    text = page.read_text("utf-8")
    lines = [
        line for _, block in CODE_BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()
    ]
    lines += CODE_SPAN.findall(CODE_BLOCK.sub("", text))
    for line in lines:
        plain = re.sub(r"^\s*\$ ", "", line)
        words = re.sub(r"^\S*bin/", "", plain).split(maxsplit=1)
        if words and words[0] in {"make", "wasmverse"}:
            try:
                yield shlex.split(re.sub(r"^\S*bin/", "", plain), comments=True)
            except ValueError:  # prose that begins like a command
                continue


@cache
def command_line() -> Any:
    """All commands; to make them takes as long as to look at thirty."""
    return typer.main.get_command(app)


@cache
def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def complaint_of(words: list[str]) -> str | None:
    """Why a documented command cannot work; None when it can."""
    if words[0] == "make":
        unknown = [word for word in words[1:] if "=" not in word and word not in make_targets()]
        return f"make has no target {unknown}" if unknown else None
    command = command_line()
    rest = words[1:]
    while isinstance(command, click.Group | typer.main.TyperGroup) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        if name not in command.commands:
            return f"wasmverse has no command {name!r}; it has {sorted(command.commands)}"
        command = command.commands[name]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    unknown = [
        word for word in rest if word.startswith("--") and word.strip("[]").split("=")[0] not in options
    ]
    return f"{' '.join(words[:3])} has no option {unknown}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_documented_commands_exist(page: Path) -> None:
    wrong = {" ".join(words): complaint for words in commands_in(page) if (complaint := complaint_of(words))}
    assert not wrong


def test_the_readme_shows_the_commands() -> None:
    shown_commands = {" ".join(words[:2]) for words in commands_in(ROOT / "README.md")}
    assert {
        "make run",
        "make test",
        "wasmverse serve",
        "wasmverse strategy",
        "wasmverse query",
    } <= shown_commands


# ---- where packages come from is the installer's business

HOSTS = [
    ".".join(labels)
    for labels in (
        ("registry", "npmjs", "org"),
        ("registry", "npmjs", "com"),
        ("registry", "yarnpkg", "com"),
        ("npm", "pkg", "github", "com"),
        ("pypi", "org"),
        ("pypi", "python", "org"),
        ("files", "pythonhosted", "org"),
    )
]


@pytest.mark.parametrize("host", HOSTS)
def test_no_file_names_a_registry(host: str) -> None:
    named = [name_of(path) for path in FILES if host.encode() in path.read_bytes()]
    assert not named


@pytest.mark.parametrize("lock", [path for path in FILES if path.name == "package-lock.json"], ids=name_of)
def test_package_lock_has_versions_and_hashes_only(lock: Path) -> None:
    packages = json.loads(lock.read_text("utf-8"))["packages"]
    installed = {name: package for name, package in packages.items() if name}
    assert installed
    assert not [name for name, package in installed.items() if "resolved" in package]
    assert not [name for name, package in installed.items() if "integrity" not in package]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", *SOURCE_LOCKS])
def test_requirements_lock_has_versions_and_hashes_only(lock: str) -> None:
    lines = (ROOT / lock).read_text("utf-8").splitlines()
    code = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    pin = re.compile(r"[\w.-]+(\[[\w,-]+\])?==[\w.+!-]+( ; [^\\]+)? \\")
    digest = re.compile(r"--hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in code if pin.fullmatch(line)]
    assert not [line for line in code if not pin.fullmatch(line) and not digest.fullmatch(line)]
