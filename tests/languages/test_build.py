"""Building a module: the compiler is found, or named; what it says is shown; a module is made whole or not at all."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from wasmverse.errors import BuildError, CompilerMissing, ModuleRefused, SourceRefused
from wasmverse.languages import build as building
from wasmverse.languages.build import build, source_of
from wasmverse.languages.compilers import find
from wasmverse.languages.complaints import complaints_in
from wasmverse.languages.flown import Fault, decide_in, decide_of
from wasmverse.languages.producers import with_producers
from wasmverse.languages.project import example_of, make_project
from wasmverse.languages.table import LANGUAGES, Compiler, Language
from wasmverse.pilot import NODE, Direction, Entity, Ship, System, hold, move
from wasmverse.settings import Settings
from wasmverse.strategies.calls import Call, Scene
from wasmverse.strategies.inspection import inspect_module
from wasmverse.strategies.limits import guest_limits
from wasmverse.strategies.relive import Relived, rebuilt, relive
from wasmverse.wasm.sections import language_of

PYTHON = LANGUAGES["python"]
HOLDS = "from wasmverse.pilot import hold\n\ndef decide(ship, system):\n    return hold(5)\n"


@pytest.fixture
def holding(tmp_path: Path) -> Path:
    path = tmp_path / "holding.py"
    path.write_text(HOLDS)
    return path


def test_a_module_is_put_beside_its_source(holding: Path) -> None:
    built = build(holding.parent)
    assert built.module == holding.with_suffix(".wasm")
    assert (built.language, built.found.compiler.name) == (PYTHON, "numba")
    assert built.found.version.count(".") == 2
    assert decide_in(built.module.read_bytes())(Ship(1, 2), System()) == hold(5)
    assert sorted(path.name for path in holding.parent.iterdir()) == ["holding.py", "holding.wasm"]


def test_a_module_can_be_put_elsewhere(holding: Path, tmp_path: Path) -> None:
    assert build(holding, tmp_path / "other.wasm").module.is_file()
    with pytest.raises(BuildError, match=r"/nowhere/x.wasm cannot be written: No such file or directory"):
        build(holding, Path("/nowhere/x.wasm"))


def test_what_a_compiler_refuses_leaves_the_module_of_before(holding: Path) -> None:
    before = build(holding).module.read_bytes()
    holding.write_text(HOLDS + "    return [1]\n")
    with pytest.raises(SourceRefused) as raised:
        build(holding)
    [complaint] = raised.value.complaints
    assert (complaint.file, complaint.line, complaint.column) == (holding, 5, 12)
    assert complaint.text.startswith("a list needs memory")
    assert holding.with_suffix(".wasm").read_bytes() == before


def test_a_strategy_is_asked_as_a_universe_asks_it() -> None:
    decide = decide_of(example_of(PYTHON))
    assert decide(Ship(50, 50), System([Entity(NODE, 53, 50)])) == move(Direction.EAST, 3)


def test_a_fault_is_told(tmp_path: Path) -> None:
    path = tmp_path / "faulty.py"
    path.write_text(
        "def decide(ship, system):\n    if ship.x == 1:\n        return 7\n    return 1 // ship.y\n"
    )
    decide = decide_of(path)
    with pytest.raises(Fault, match=r"returned Invalid\(0x7\)"):
        decide(Ship(1, 1), System())
    with pytest.raises(Fault, match="trapped: unreachable"):
        decide(Ship(2, 0), System())


def test_what_is_no_strategy_is_refused() -> None:
    with pytest.raises(ModuleRefused):
        decide_in(b"\0asm\1\0\0\0")


@pytest.mark.parametrize(
    ("files", "path", "text"),
    [
        (
            [],
            "",
            "is no strategy's source or folder; expected is a file that ends in .*`wasmverse strategy new`",
        ),
        (["a.txt"], "a.txt", "is no strategy's source; expected is a file that ends in"),
        ([], "nothing.py", "nothing.py does not exist"),
        (["a.py", "b.py"], "", r"may mean a.py \(Python\), b.py \(Python\); name the file"),
        (["test_a.py"], "", "is no strategy's source or folder"),
        (["a.ts"], "a.ts", "with .*asconfig.json.* beside it"),
    ],
)
def test_one_source_must_be_meant(tmp_path: Path, files: list[str], path: str, text: str) -> None:
    for file in files:
        (tmp_path / file).touch()
    with pytest.raises(BuildError, match=text):
        source_of(tmp_path / path)


def missing(*compilers: Compiler) -> Language:
    return replace(PYTHON, title="Lisp", compilers=compilers)


def test_a_missing_compiler_is_named_with_every_way_to_install_it(tmp_path: Path) -> None:
    base = Compiler("no-such-lisp", (("{compiler}", "{module}"),), ("--version",))
    language = missing(
        replace(base, apt=("lisp", "lld")), replace(base, pip=("lisp-bin",)), replace(base, npm=("lisp",))
    )
    with pytest.raises(CompilerMissing) as raised:
        find(language, tmp_path)
    message = raised.value.message
    assert message.startswith(
        "no compiler for Lisp is installed here: apt-get install lisp lld (Debian), or "
    )
    assert "-m pip install lisp-bin, or npm install lisp, in the project's folder" in message


def test_a_compiler_is_passed_over_without_all_that_it_needs(tmp_path: Path) -> None:
    base = Compiler("{python}", (("{compiler}", "{module}"),), ("--version",))
    useless = [
        replace(base, needs=("no-such-linker",)),
        replace(base, prints_folder=("-c", "print('/no/folder')")),
    ]
    with pytest.raises(CompilerMissing):
        find(missing(*useless), tmp_path)
    found = find(missing(*useless, replace(base, prints_folder=("-c", "print('/')"))), tmp_path)
    assert found.path == sys.executable
    assert found.version == ".".join(map(str, sys.version_info[:3]))


def test_commands_run_in_the_folder_with_their_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compiler that writes what it was told, one that says nothing, and one that fails."""
    source = tmp_path / "some.py"
    source.touch()
    program = "import os, sys; print(os.getcwd(), os.environ['ONE'], sys.argv[1:]); open(sys.argv[1], 'wb').write(b'abcdefgh')"
    base = Compiler("{python}", (("{compiler}", "-c", program, "{module}", "{file}"),), ("--version",))

    def use(**changes: object) -> None:
        monkeypatch.setitem(building.LANGUAGES, "python", missing(replace(base, **changes)))

    use(environment={"ONE": "1"})
    built = build(source, language="python", environment={"ONE": "2"})
    assert built.output.startswith(f"{tmp_path} 1 [")
    assert built.output.endswith("'some.py']")
    use(build=(("{compiler}", "-c", "pass", "{module}"),))
    with pytest.raises(SourceRefused, match="it failed without saying where"):
        build(source, language="python")
    use(build=(("{compiler}", "-c", "raise SystemExit('what a pity')", "{module}"),))
    with pytest.raises(SourceRefused, match=r"some.py: what a pity"):
        build(source, language="python")


SAID = {
    "python": ("a.py:3:4: no\na.py:5: well\n", [("a.py", 3, 4, "no"), ("a.py", 5, 0, "well")]),
    "assemblyscript": (
        "ERROR TS2304: Cannot find name 'upgade'.\n    :\n 18 │ upgade(1)\n    │ ~~~\n    └─ in a.ts(18,28)\n\nFAILURE\n",
        [("a.ts", 18, 28, "Cannot find name 'upgade'.")],
    ),
    "javascript": (
        "TypeError: not a function\n    at <anonymous> (a.js:7:5)\n    at decide (a.js:9:1)\n",
        [("a.js", 7, 5, "TypeError: not a function"), ("a.js", 9, 1, "TypeError: not a function")],
    ),
    "typescript": (
        "a.ts(7,5): error TS2322: Type 'number' is not assignable to type 'Plan'.\n  More of it.\n"
        "wasmverse.js(1,2): error: what?\nTypeError: not a function\n    at decide (a.ts:9:1)\n    at b.ts:2:3\n",
        [
            ("a.ts", 7, 5, "Type 'number' is not assignable to type 'Plan'."),
            ("wasmverse.js", 1, 2, "what?"),
            ("a.ts", 9, 1, "TypeError: not a function"),
            ("b.ts", 2, 3, "TypeError: not a function"),
        ],
    ),
    "lua": (
        "a.lua:7: attempt to call a nil value (global 'f')\nstack traceback:\n\ta.lua:7: in main chunk\n\t[C]: in ?\n",
        [("a.lua", 7, 0, "attempt to call a nil value (global 'f')")],
    ),
    "c": (
        "In file included from x:\na.c:3:10: error: use of undeclared identifier 'y'\n  int x = y;\na.c:9:1: warning: unused\n",
        [("a.c", 3, 10, "use of undeclared identifier 'y'")],
    ),
    "rust": (
        "a.rs:7:5: error[E0425]: cannot find value `x`\nerror: aborting\n",
        [("a.rs", 7, 5, "cannot find value `x`")],
    ),
    "go": ("# a\n./a.go:12:3: undefined: x\n", [("a.go", 12, 3, "undefined: x")]),
    "d": ("a.d(7,5): Error: undefined identifier `x`\n", [("a.d", 7, 5, "undefined identifier `x`")]),
    "nim": (
        "a.nim(7, 5) Error: undeclared identifier: 'x'\n",
        [("a.nim", 7, 5, "undeclared identifier: 'x'")],
    ),
    "wat": (
        "Traceback\nwasmtime._error.WasmtimeError: unexpected token\n     --> <anon>:3:34\n      |\n    3 |   (func\n",
        [("a.wat", 3, 34, "unexpected token")],
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_what_compilers_say_is_read(name: str, tmp_path: Path) -> None:
    output, expected = SAID[name]
    source = tmp_path / f"a{LANGUAGES[name].suffix}"
    found = complaints_in(output, LANGUAGES[name], source)
    assert [
        (it.file.relative_to(tmp_path).as_posix(), it.line, it.column, it.text) for it in found
    ] == expected


def test_a_module_says_in_which_language_it_was_written(holding: Path) -> None:
    module = build(holding).module.read_bytes()
    renamed = with_producers(with_producers(module, "C", {"clang": "14.0.6"}), "Zig", {"zig": ""})
    assert (language_of(module), language_of(renamed)) == ("Python", "Zig")
    assert renamed.count(b"producers") == 1
    assert decide_in(renamed)(Ship(1, 2), System()) == hold(5)


def test_assemblyscript_is_built_by_the_checkouts_compiler(tmp_path: Path) -> None:
    built = build(example_of(LANGUAGES["assemblyscript"]), tmp_path / "module.wasm")
    assert built.found.compiler.name == "asc"
    assert language_of(built.module.read_bytes()) == "AssemblyScript"


def test_an_assertion_in_assemblyscript_says_its_text_and_line(tmp_path: Path) -> None:
    project = make_project("mine", "assemblyscript", tmp_path)
    source = project.source
    text = source.read_text("utf-8")
    number = text[: text.index("  let direction")].count("\n") + 1
    source.write_text(
        text.replace("  let direction", '  assert(energy < 150, "zu reich: ä");\n  let direction', 1), "utf-8"
    )
    module = build(source).module.read_bytes()
    settings = Settings()
    guest = rebuilt(inspect_module(module, "mine", settings), "mine")

    def flown(energy: int) -> Relived:
        call = Call(1, 1, energy, 100, 2, 2, 2, 0, bytes((2, 0, 5, 5)) * 3_000)
        return relive(guest, Scene((call, call), 1, 1, 0, 200_000), guest_limits(settings))

    failed = flown(150)
    assert (failed.fault, failed.said) == ("trapped: unreachable", f"zu reich: ä at mine.ts:{number}")
    assert flown(149).fault is None, "also with more in sight than there was room for at first"
