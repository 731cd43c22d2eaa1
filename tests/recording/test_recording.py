"""A recording is input from outside: whatever it holds, the answer is one line and status 2, and no byte of it goes unchecked."""

import base64
import hashlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from typer.testing import CliRunner

from tests.recording.builder import Run, facts_of, upload_of, write_facts
from tests.recording.test_recorder import TINY
from wasmverse.cli.main import app
from wasmverse.commands import SpawnEntity
from wasmverse.errors import RecordingError
from wasmverse.recording.format import (
    _SEAL,
    Dropped,
    Given,
    Limits,
    Recording,
    Start,
    Stop,
    Turn,
    Universe,
    check_of,
    command_fact,
)
from wasmverse.settings import Settings
from wasmverse.strategies.limits import guest_limits
from wasmverse.wasm.limits import Limits as GuestLimits


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    run = Run(tmp_path_factory.mktemp("run"), TINY)
    run.play(2)
    run.simulation.carry_out(upload_of("mine", "(i64.const 0x41)"))
    run.simulation.carry_out(SpawnEntity(3, 1, 50, 50, "mine"))
    run.play(3)
    run.close()
    return run.recording.read_bytes()


@pytest.fixture
def path(recorded: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "run.jsonl"
    path.write_bytes(recorded)
    return path


def refused(path: Path) -> str:
    """What `wasmverse replay` says of it."""
    outcome = CliRunner().invoke(app, ["replay", str(path), "--threads", "1"])
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert outcome.stderr.startswith(f"wasmverse: {path}")
    assert outcome.stderr.count("\n") == 1
    assert len(outcome.stderr) < 800
    return outcome.stderr


def test_any_byte_that_is_flipped_is_found(recorded: bytes, tmp_path: Path) -> None:
    rng = random.Random(5)
    lines = recorded.count(b"\n")
    path = tmp_path / "flipped.jsonl"
    for place in [*rng.sample(range(len(recorded)), 250), 0, len(recorded) - 1]:
        content = bytearray(recorded)
        content[place] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        recording = Recording(path)
        try:
            read = [fact for _, fact in recording]
        except RecordingError as error:
            assert f"{path} line" in error.message or "no whole line" in error.message
        else:
            # Only the end of the last line can be taken for one that a crash cut off, and then it is named.
            assert len(read) == lines - 1
            assert recording.cut_line == lines


@pytest.mark.parametrize("cut", [1, 2, 30])
def test_a_last_line_that_was_cut_off_is_left_out_and_named(
    recorded: bytes, tmp_path: Path, cut: int
) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_bytes(recorded[:-cut])
    recording = Recording(path)
    facts = [fact for _, fact in recording]
    assert (len(facts), recording.cut_line) == (recorded.count(b"\n") - 1, recorded.count(b"\n"))
    assert isinstance(facts[-1], Turn)
    assert recording.end == recorded.rfind(b"\n", 0, -1) + 1


def test_lines_that_are_missing_or_in_another_order_are_found(recorded: bytes, path: Path) -> None:
    lines = recorded.splitlines(keepends=True)
    for broken in (
        lines[:3] + lines[4:],
        [*lines[:3], lines[4], lines[3], *lines[5:]],
        lines[:4] + lines[3:],
    ):
        path.write_bytes(b"".join(broken))
        assert "is damaged or out of place" in refused(path)


def sealed(path: Path, *bodies: bytes) -> Path:
    """Lines of anything, with the right checks."""
    check, lines = "", []
    for body in bodies:
        check = check_of(body, check)
        lines.append(body[:-1] + _SEAL + check.encode() + b'"}\n')
    path.write_bytes(b"".join(lines))
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no whole line; a recording begins with its universe"),
        (b"\n", "line 1 is damaged"),
        (b"{}\n", "line 1 is damaged"),
        (b'{"fact":"universe"}\n', "line 1 is damaged"),
        (b"\0" * 100, "has no whole line"),
        (b"\xff\xfe\n" * 5, "line 1 is damaged"),
        (b"[" * 100_000 + b"\n", "line 1 is damaged"),
    ],
    ids=repr,
)  # fmt: skip
def test_rubbish_is_refused(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    assert message in refused(path)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "line 1 is not understood; it: Unable to extract tag"),
        (b"[1, 2}", "line 1 is not understood"),
        (b"[" * 9_000 + b"}", "line 1 is not understood"),
        (b'{"fact":"earthquake"}', "line 1 is not understood"),
        (b'{"fact":"turn","tid":1}', "line 1 is a turn; a recording begins with its universe"),
        (b'{"fact":"universe","format":"1"}', "line 1 is not understood; universe.format: Input should be a valid integer"),
        (b'{"fact":"universe","format":1,"extra":1}', "line 1 is not understood; universe.wasmverse: Field required"),
        (b'{"fact":"turn","tid":1,"extra":1}', "line 1 is not understood; turn.extra: Extra inputs are not permitted"),
        (b'{"fact":"universe","format":1e400}', "line 1 is not understood"),
    ],
    ids=repr,
)  # fmt: skip
def test_facts_that_are_none_are_refused(path: Path, body: bytes, message: str) -> None:
    assert message in refused(sealed(path, body))


def test_a_folder_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    assert "is not there, or no ordinary file: name a recording" in refused(tmp_path)
    assert "is not there" in refused(tmp_path / "nothing")


def forged(path: Path, kind: type[Any], **values: Any) -> str:
    """What is said of a recording with other values in the first fact of a kind."""
    facts = facts_of(path)
    place = next(index for index, fact in enumerate(facts) if isinstance(fact, kind))
    facts[place] = facts[place].model_copy(update=values)
    write_facts(path, facts)
    return refused(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": 3}, "has format 3; up to 2 is understood"),
        ({"systems": 0}, "universe.systems: Input should be greater than or equal to 1"),
        ({"systems": 10**30}, "universe.systems: "),
        ({"systems": 250_001}, "universe.systems: Input should be less than or equal to 250000"),
        ({"ships": -1}, "universe.ships: "),
        ({"nodes": 5_000}, "universe.nodes: "),
        ({"seed": 2**63}, "universe.seed: "),
        ({"block_systems": 0}, "universe.block_systems: "),
    ],
    ids=repr,
)  # fmt: skip
def test_absurd_universes_are_refused(path: Path, values: dict[str, Any], message: str) -> None:
    assert message in forged(path, Universe, **values)


def test_a_universe_that_cannot_fit_is_refused(path: Path) -> None:
    facts = facts_of(path)
    facts[0] = facts[0].model_copy(update={"systems": 250_000, "ships": 4_096, "nodes": 4_096})
    write_facts(path, facts)
    outcome = CliRunner().invoke(app, ["replay", str(path)])
    assert outcome.exit_code == 2
    assert "GB of memory; this machine has" in outcome.stderr


def test_limits_that_no_setting_allows_are_refused(path: Path) -> None:
    start = next(fact for fact in facts_of(path) if isinstance(fact, Start))
    limits = start.limits.model_copy(update={"budget_fuel": 1})
    assert "limits are not allowed: budget_fuel is 1; allowed is: greater than or equal to 100" in forged(
        path, Start, limits=limits
    )


MODULES = {
    "not base64!": "the module of mine is not base64",
    base64.b64encode(b"other").decode(): "the module of mine has the sha256",
}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_that_is_not_the_one_of_its_hash_is_refused(path: Path, module: str) -> None:
    given = next(fact for fact in facts_of(path) if isinstance(fact, Given))
    assert MODULES[module] in forged(path, Given, command=given.command.model_copy(update={"module": module}))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (b"\x7fELF", "a WebAssembly module begins with"),
        (bytes(wasmtime.wat2wasm('(module (import "env" "now" (func)))')), "the module imports env.now"),
        (bytes(wasmtime.wat2wasm("(module)")), "the module exports no function"),
    ],
)
def test_modules_are_checked_as_uploads_are(path: Path, module: bytes, message: str) -> None:
    upload = upload_of("mine", "(i64.const 0)")
    inspection = replace(upload.inspection, sha256=hashlib.sha256(module).hexdigest())
    command = command_fact(replace(upload, module=module, inspection=inspection))
    assert f"{path} cannot be played: " in (told := forged(path, Given, command=command))
    assert message in told


def test_the_first_strategies_are_checked_too(path: Path) -> None:
    universe = facts_of(path)[0]
    assert isinstance(universe, Universe)
    module = b"\x7fELF"
    stored = {"module": base64.b64encode(module).decode(), "sha256": hashlib.sha256(module).hexdigest()}
    founder = universe.strategies[0].model_copy(update=stored)
    assert "a WebAssembly module begins with" in forged(path, Universe, strategies=[founder])


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([1], "line 1 is a start; a recording begins with its universe"),
        ([0, 0], "line 2 is a second universe"),
        ([0, 2], "line 2 is a turn after a universe; a start must be between them"),
        ([0, 1, 3], "line 3 is of turn 2, the line before it of turn 0"),
        ([0, 1, 2, 2], "line 4 is of turn 1, the line before it of turn 1"),
        ([0, 1, 2, 3, 2], "line 5 is of turn 1, the line before it of turn 2"),
        ([0, 1, -1], "line 3 is of turn 5, the line before it of turn 0"),
    ],
)
def test_facts_in_an_order_that_cannot_be_are_refused(path: Path, order: list[int], message: str) -> None:
    facts = facts_of(path)
    write_facts(path, [facts[index] for index in order])
    assert message in refused(path)


def test_only_a_command_can_be_dropped(path: Path) -> None:
    facts = facts_of(path)
    write_facts(path, [*facts[:3], Dropped(tid=1), *facts[3:]])
    assert "line 4 drops a command, but a turn is before it" in refused(path)
    write_facts(path, [*facts, Stop(tid=5, state="0" * 64, roster="0" * 64)])
    assert "is a stop after a stop; a start must be between them" in refused(path)


def test_every_limit_that_guests_fly_with_is_on_record() -> None:
    settings = Settings(component_memory_bytes_max=1 << 20, component_table_elements_max=7)
    recorded = Limits.of(settings).model_dump()
    assert guest_limits(settings) == GuestLimits.of(recorded)
