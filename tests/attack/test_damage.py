"""Damaged universes: whatever happened to the bytes, one opens at a turn that was committed and is exactly that, or is refused in
one line; what can be recovered is, and nothing that was committed is left out in silence.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.attack.effort import cases_of_time, random_of
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.log import FLUSH, read_log
from wasmverse.storage.duckdb.store import DuckdbStore

SECONDS = 15.0
CHECKPOINT = 1
TURNS = 6


class Whole(NamedTuple):
    """An undamaged universe: the hashes of its turns, where each ends in the log, and the sizes of its files."""

    folder: Path
    states: dict[int, str]
    ends: list[int]
    file_bytes: int
    log_bytes: int


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("damage")
    path = folder / "u.duckdb"
    settings = Settings(systems=3, ships=4, nodes=6, database_path=path)
    simulation = DuckdbStore(Database.open(path), settings)
    for _ in range(CHECKPOINT):
        simulation.advance()
    simulation.database.checkpoint()
    states, ends = {simulation.tid: simulation.state_hash()}, []
    log = folder / "u.duckdb.wal"
    for _ in range(TURNS + 2):
        if len(ends) == TURNS:
            for name in (path, log):
                shutil.copy(name, folder / name.name.replace("u.", "whole."))
        simulation.advance()
        states[simulation.tid] = simulation.state_hash()
        ends.append(log.stat().st_size)
    simulation.close()
    path.unlink()
    return Whole(folder, states, ends[:TURNS], (folder / "whole.duckdb").stat().st_size, ends[TURNS - 1])


@pytest.fixture(scope="module")
def trials(whole: Whole) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.attack.damage", str(whole.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


def random_case(rng: random.Random, whole: Whole) -> dict[str, Any]:
    is_log = rng.random() < 0.7
    size = whole.log_bytes if is_log else whole.file_bytes
    # Half of the file is free blocks; what is read lies in front.
    places = (rng.randrange(size), rng.randrange(min(size, 300_000)), rng.randrange(64))
    if is_log:
        places = (*places, min(size - 1, max(0, rng.choice(whole.ends) + rng.randrange(-24, 24))))
    length = rng.choice((1, 16, 512, 4096, size))
    return {
        "file": "log" if is_log else "file",
        "kind": rng.choice(("cut", "zeros", "flip", "flip", "garbage")),
        "place": rng.choice(places),
        "length": length,
        "bit": rng.randrange(8),
        "recover": rng.random() < 0.3,
        "bytes": rng.randbytes(min(length, 4096)).hex(),
    }


def try_case(trials: subprocess.Popen[str], case: dict[str, Any]) -> dict[str, Any]:
    assert trials.stdin is not None and trials.stdout is not None
    trials.stdin.write(json.dumps(case) + "\n")
    trials.stdin.flush()
    answer = json.loads(trials.stdout.readline())
    assert isinstance(answer, dict)
    return answer


def complaint(whole: Whole, case: dict[str, Any], answer: dict[str, Any]) -> str | None:
    """What is wrong with how a case went; None if nothing is."""
    answers = answer["answers"]
    for each in answers:
        if "unexpected" in each:
            return f"unexpected: {each['unexpected']}"
        for key in ("opened", "played"):
            if key in each and whole.states.get(each[key][0]) != each[key][1]:
                return f"a state that never was: {each}"
        if "refused" in each and ("\n" in each["refused"] or len(each["refused"]) < 40):
            return f"refused in an unclear way: {each}"
    opened, again = answers[0], answers[1]
    log_ends = whole.ends
    touched = case["place"] if case["file"] == "log" else whole.log_bytes
    sound = CHECKPOINT + sum(end <= touched for end in log_ends)
    if "opened" in opened:
        tid = opened["opened"][0]
        if "opened" not in again or again["opened"][0] != tid + 1:
            return f"what was played after it opened is not there: {again}"
        if tid < sound:
            return f"opened at turn {tid}, {sound} was whole"
        is_last = case["kind"] == "cut" or case["place"] >= log_ends[-2]
        if case["file"] == "log" and not is_last and tid < CHECKPOINT + TURNS:
            # A header or all of the rest that is gone hides nothing that could be found.
            lost = case["length"] > whole.log_bytes - case["place"]
            return None if lost else f"opened at turn {tid} and left out the later ones in silence"
        return None
    if not case["recover"]:
        return None
    recovered, after = answers[2], answers[3]
    if "done" in recovered:
        if "opened" not in after:
            return f"recovered, but not opened: {recovered} {after}"
        if not {"u.damaged-1.duckdb", "u.damaged-1.duckdb.wal"} <= set(answer["files"]):
            return f"old files were not kept: {answer['files']}"
        in_header = case["file"] == "log" and case["place"] < 64
        if case["file"] == "log" and not in_header and after["opened"][0] < sound:
            return f"recovered turn {after['opened'][0]}, {sound} was whole"
        return None
    if case["file"] == "log":
        return f"not recovered, though only the log is damaged: {recovered}"
    return None


def test_a_damaged_universe_is_refused_or_opens_at_a_turn_that_was(
    whole: Whole, trials: subprocess.Popen[str]
) -> None:
    rng = random_of("damage")
    bad, went = [], Counter[str]()
    for _ in cases_of_time(SECONDS):
        case = random_case(rng, whole)
        answer = try_case(trials, case)
        if (problem := complaint(whole, case, answer)) is not None:
            bad.append((problem, case))
            if "unexpected" in problem and "Expecting value" in problem:
                break
        went[f"{case['file']} {next(iter(answer['answers'][0]))}"] += 1
    print(dict(went))
    assert not bad, f"{len(bad)} of {went.total()}: {bad[:5]}"
    assert went.total() > 2


@pytest.mark.parametrize(
    ("case", "tid"),
    [
        ({"file": "log", "kind": "zeros", "place": -700, "length": 700}, 6),
        ({"file": "log", "kind": "flip", "place": 3}, 7),
        ({"file": "log", "kind": "flip", "place": 9, "bit": 1}, 7),
        ({"file": "log", "kind": "garbage", "place": 0, "bytes": "ab" * 60}, 1),
    ],
    ids=["zeros at the end", "flip in the header", "flip in the id", "garbage for a header"],
)
def test_what_is_sound_in_a_log_is_recovered(
    whole: Whole, trials: subprocess.Popen[str], case: dict[str, Any], tid: int
) -> None:
    case = {"length": 1, "bit": 3, "bytes": "", "recover": True, **case}
    if case["place"] < 0:
        case["place"] += whole.log_bytes
    answer = try_case(trials, case)
    assert complaint(whole, case, answer) is None
    refused, _again, done, after = answer["answers"]
    assert "run `wasmverse universe recover --db " in refused["refused"]
    assert f"goes on from turn {tid}, made of " in done["done"], done
    assert after["opened"] == [tid, whole.states[tid]]


def test_a_length_that_hides_later_turns_is_not_passed_over(
    whole: Whole, trials: subprocess.Popen[str]
) -> None:
    """DuckDB itself opens at turn 2, and overwrites the others."""
    case = {"file": "log", "kind": "flip", "place": whole.ends[0] + 3, "length": 1, "bit": 5, "recover": True}
    answer = try_case(trials, case)
    assert complaint(whole, case, answer) is None
    refused, _again, done, _after = answer["answers"]
    assert "with committed turns after it" in refused["refused"]
    assert "goes on from turn 2, made of " in done["done"]


def test_a_log_is_read_as_duckdb_writes_it(whole: Whole) -> None:
    data = (whole.folder / "whole.duckdb.wal").read_bytes()
    log = read_log(data)
    assert list(log.commits) == whole.ends
    assert (log.end, log.hides_commits) == (len(data), False)
    assert data.endswith(FLUSH)
    assert read_log(data[:-1]).commits == log.commits[:-1]
    assert not read_log(data[:-1]).hides_commits
    assert read_log(b"").header_bytes == 0
