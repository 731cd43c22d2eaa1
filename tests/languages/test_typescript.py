"""TypeScript in QuickJS: types are checked, and what is said of a line is said of the line that was written."""

import subprocess
from pathlib import Path

import pytest

from tests.languages.pilot import Pilot
from tests.languages.toolchains import TABLE, source_of
from tests.strategies.guest import NODE, Ship
from wasmverse.errors import SourceRefused
from wasmverse.languages import build as building
from wasmverse.languages.build import build
from wasmverse.languages.compilers import find, how_to_install
from wasmverse.settings import Settings
from wasmverse.strategies.inspection import inspect_module

HELPERS = [source_of("typescript").with_name(name) for name in TABLE["typescript"].helpers]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in HELPERS:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def written(folder: Path, *lines: str) -> Path:
    path = folder / "tried.ts"
    head = ['import * as w from "./wasmverse.js";', "interface Unused {", "  readonly nothing: string;", "}"]
    path.write_text("\n".join([*head, *lines, ""]))
    return path


def complaints_of(path: Path) -> list[tuple[str, int, int, str]]:
    with pytest.raises(SourceRefused) as raised:
        build(path)
    return [(it.file.name, it.line, it.column, it.text) for it in raised.value.complaints]


def test_it_flies_with_a_module_beside_it_and_the_log_has_its_own_lines(folder: Path) -> None:
    (folder / "other.ts").write_text(
        "export const cells = (many: readonly number[]): number => many.length;\n"
    )
    path = written(
        folder,
        'import { cells } from "./other.ts";',
        "export const decide: w.Decide = (ship, system) => {",
        "  const near = w.nearest(w.NODE, ship, system)!;",
        "  return w.move(w.Direction.West, cells([near.x, near.y]), 7);",
        "};",
    )
    module = build(path).module.read_bytes()
    pilot = Pilot(inspect_module(module, "tried", Settings(budget_fuel=TABLE["typescript"].budget_fuel)))
    assert pilot.decide(Ship(), [(NODE, 0, 1, 2)]) == 0x772
    _, outcome = pilot.decide_all([(Ship(), [])])
    assert outcome.faults == 1
    assert b"TypeError: cannot read property 'x' of null" in outcome.log
    assert b"at decide (tried.ts:8:42)" in outcome.log


def test_every_type_is_checked_also_that_of_what_decide_returns(folder: Path) -> None:
    path = written(
        folder,
        "export const decide: w.Decide = (ship, system) => {",
        "  if (ship.fuel > 1) return w.move(7, 1);",
        "  return ship.x;",
        "};",
    )
    (folder / "other.ts").write_text("enum Mood { Glad }\n")
    assert [it[:3] for it in complaints_of(path)] == [
        ("other.ts", 1, 6),
        ("tried.ts", 5, 14),  # what it returns is no plan
        ("tried.ts", 6, 12),
        ("tried.ts", 6, 36),
    ]


def test_what_fails_at_the_build_is_said_with_the_place_where_it_was_written(folder: Path) -> None:
    path = written(folder, "export const decide: w.Decide = () => w.hold();", "const none = null! as { at: number };",
                   "none.at;")  # fmt: skip
    assert complaints_of(path)[0] == ("tried.ts", 7, 1, "TypeError: cannot read property 'at' of null")


def test_the_package_that_takes_types_out_is_named_where_it_is_missing(folder: Path) -> None:
    strip = Path(building.__file__).with_name("strip_types.mjs")
    compiler = folder / "tsc"
    compiler.touch()
    done = subprocess.run(
        ["node", strip, compiler, folder, folder / "to"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith(
        "not installed: npm install @swc/wasm-typescript, in the project's folder"
    )


def test_the_checkouts_compiler_is_found_from_anywhere_and_its_engine_comes_with_it(folder: Path) -> None:
    assert find(TABLE["typescript"], folder).path.endswith("strategies/typescript/node_modules/.bin/tsc")
    assert how_to_install(TABLE["typescript"]) == "make languages, in a checkout of Wasmverse"
