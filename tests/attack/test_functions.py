"""Every function that queries may call, with typed random arguments, and casts between all types: none harms an engine.

What is found is printed as the statement that shows it. An hour: WASMVERSE_TEST_ATTACK_SECONDS=3600.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.attack import calls
from tests.attack.effort import cases_of_time, random_of
from tests.attack.native import Native, Outcome
from tests.query.builder import snapshot_tables
from wasmverse.reader.allowed import DENIALS, DENIED_TYPES, HARMFUL
from wasmverse.snapshots.snapshot import SnapshotWriter

SHOWN = [
    call
    for call in (
        *(call for denial in DENIALS.values() for call in denial.calls.values()),
        *(one["call"] for one in DENIED_TYPES.values()),
        *(one["call"] for one in HARMFUL),
    )
    if call.endswith(("SIGSEGV", "internal error", "later statement fails"))
]
"""The calls in functions.toml that show why, and what comes of them; without those that take ten seconds."""

RAW = """
import sys
import duckdb
from wasmverse.reader.relations import connect
try:
    connect(1 << 29, 1).execute(sys.argv[1]).fetchall()
except duckdb.Error as error:
    print(type(error).__name__)
"""

BATCH = 60
CASTS = 0.15
"""Of the statements."""


@pytest.fixture
def native(tmp_path: Path) -> Iterator[Native]:
    writer = SnapshotWriter(tmp_path / "snapshots", keep=2, bytes_max=1 << 30)
    writer.publish(1, snapshot_tables(1))
    native = Native(writer.folder)
    yield native
    native.close()
    native.errors.close()
    writer.close()


def is_known(name: str, outcome: Outcome) -> bool:
    """Whether functions.toml says that this comes of the function."""
    return any(
        outcome.kind == one["outcome"]
        and (name in one["names"] or "*" in one["names"])
        and re.search(one["detail"], outcome.detail)
        for one in HARMFUL
    )


def statements(numbers: random.Random) -> Iterator[tuple[str, str]]:
    """Names and statements without end; every function in turn, in a random order."""
    with duckdb.connect() as connection:
        functions = calls.signatures(connection)
    names = sorted(functions)
    while True:
        numbers.shuffle(names)
        for name in names:
            if numbers.random() < CASTS:
                yield "cast", calls.cast(numbers)
            yield name, calls.statement(numbers.choice(functions[name]), numbers)


def test_no_call_harms_an_engine(native: Native) -> None:
    each = statements(random_of("functions"))
    kinds: Counter[str] = Counter()
    known: Counter[str] = Counter()
    findings: list[str] = []
    for _ in cases_of_time(40):
        batch = [next(each) for _ in range(BATCH)]
        for (name, sql), outcome in zip(batch, native.run([sql for _, sql in batch]), strict=True):
            kinds[outcome.kind] += 1
            if is_known(name, outcome):
                known[name] += 1
            elif outcome.is_finding:
                # Once more, alone, so that neither a busy machine nor the statements before are blamed on it.
                again = native.run([sql])[0]
                # Native code that is denied memory may crash, and that depends on what was kept before.
                is_excused = outcome.kind == "hang" or outcome.may_be_memory
                if is_excused and not again.is_finding:
                    print(f"did not repeat: {name}: {outcome}\n    {sql}", flush=True)
                    continue
                findings.append(f"{name}: {outcome} then {again.kind}\n    {sql}")
                print(findings[-1], flush=True)
    print(dict(kinds), "known:", dict(known))
    assert not findings, "\n".join(findings)
    assert kinds["ok"] > kinds.total() / 5


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown[:60])
def test_what_is_denied_for_harm_still_does_it(shown: str) -> None:
    """Fails when a newer engine bears the call: then what it was denied for may be allowed again."""
    sql, _ = shown.rsplit(": ", 1)
    done = subprocess.run([sys.executable, "-c", RAW, sql], capture_output=True, check=False)
    # Which of the two is a matter of what lies in the memory.
    assert done.returncode < 0 or done.stdout.strip() == b"InternalException", done
