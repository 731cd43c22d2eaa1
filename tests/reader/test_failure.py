"""What errors of the engine are told as; and that one which breaks it hurts no other query."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import orjson
import pytest

from tests.query.asking import run_query
from tests.query.conftest import RunningPool
from tests.reader.unjudged import MARK, let_unjudged_pass
from wasmverse.errors import QueryError, QueryTimeout
from wasmverse.query.pool import ReaderPool
from wasmverse.reader.failure import EngineFailed, to_query_error
from wasmverse.text import one_line

BREAKS = MARK + """select "="(v, 1) from range(3) t(v)"""
"""An internal error; the engine answers nothing from then on."""
CRASHES = MARK + """select "!="(row(1, 2), 7)"""
"""A SIGSEGV."""
INSIDE = re.compile(r"0x[0-9a-f]{4}|/work|\.so|_ZN|Stack Trace|Traceback|INTERNAL|FATAL")


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningPool]:
    """Two readers, of which one may work at a time, that let unjudged statements pass."""
    let_unjudged_pass(tmp_path / "site", monkeypatch)
    running = RunningPool(tmp_path, readers=1, reader_spares=1, query_cache_bytes_max=0, reader_nice=0)
    running.publish(1)
    try:
        yield running.start()
    finally:
        running.close()


async def number(pool: ReaderPool, which: int) -> int:
    result = await run_query(pool, f"select {which}", is_quick=True)
    return int(orjson.loads(result.body)["results"][0]["rows"][0][0])


@pytest.mark.parametrize("form", ["tuples", "arrow", "csv"])
def test_an_internal_error_ends_its_reader_and_hurts_nobody(broken: RunningPool, form: str) -> None:
    before = set(broken.pool.pids)

    async def crowd() -> list[object]:
        culprit = run_query(broken.pool, BREAKS, format=form, is_quick=True)  # type: ignore[arg-type]
        innocent = [number(broken.pool, which) for which in range(6)]
        return await asyncio.gather(innocent[0], culprit, *innocent[1:], return_exceptions=True)

    first, error, *others = broken.threads.run(crowd())
    assert [first, *others] == list(range(6))
    assert isinstance(error, QueryError) and error.code == 2013
    assert "internal error" in error.message and not INSIDE.search(error.message)
    assert broken.pool.counts.lost["internal"] == 1
    assert broken.rows("select count(*) from solar_system") == [[4]]
    assert len(before & set(broken.pool.pids)) <= 1, "the one that met it has ended"


def test_a_crash_is_told_as_one(broken: RunningPool) -> None:
    with pytest.raises(QueryError) as crash:
        broken.query(CRASHES)
    assert crash.value.code == 2013
    assert "SIGSEGV" in crash.value.message and "memory" not in crash.value.message
    assert broken.pool.counts.lost["crash"] == 1
    assert broken.rows("select 1") == [[1]]


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (duckdb.ConversionException("Conversion Error: no int\n\nLINE 1: x\n   ^"), 1292, "no int"),
        (OSError("Conversion Error: of a late row\n\nLINE 1: x"), 1292, "of a late row"),
        (OSError("Out of Range Error: too far"), 1690, "too far"),
        (
            duckdb.OutOfRangeException("Out of Range Error: Overflow in subtraction of UINT16 (0 - 5)!"),
            1690,
            "UINT16 (0 - 5)! Cast before you calculate: x::int",
        ),
        (
            OSError("Out of Range Error: Overflow in addition of INT64 (9223372036854775807 + 1)!"),
            1690,
            "x::hugeint",
        ),
        (OSError("INTERRUPT Error: Interrupted!"), 3024, "interrupted"),
        (OSError("Out of Memory Error: could not allocate"), 1041, "Out of memory"),
        (
            duckdb.InvalidInputException("Invalid Input Error: a\n\nStack Trace:\n/lib/x.so 0x7f1234"),
            1210,
            "a",
        ),
        (duckdb.BinderException('Binder Error: Referenced column "x" not found'), 1054, "'x'"),
        (MemoryError(), 1041, "Out of memory"),
        (RecursionError(), 1064, "too deeply"),
    ],
)
def test_what_a_statement_is_to_blame_for_is_told(error: Exception, code: int, text: str) -> None:
    told = to_query_error(error)
    assert told.code == code and text in told.message
    assert isinstance(told, QueryTimeout) == (code == 3024)
    assert not INSIDE.search(told.message) and "LINE" not in told.message


@pytest.mark.parametrize(
    "error",
    [
        duckdb.InternalException("INTERNAL Error: vector\n\nStack Trace:\n/lib/_duckdb.so [0x7f5146e1e56b]"),
        duckdb.FatalException("FATAL Error: Failed: database has been invalidated"),
        OSError("INTERNAL Error: of a late row"),
        OSError(5, "Input/output error"),
        duckdb.IOException("IO Error: Cannot open file /dev/shm/x"),
        duckdb.InvalidInputException(
            "Invalid Input Error: Python exception occurred while executing the UDF"
        ),
        KeyError("x"),
        AttributeError("'NoneType' object has no attribute 'x'"),
    ],
)
def test_what_no_statement_is_to_blame_for_is_not_told(error: Exception) -> None:
    with pytest.raises(EngineFailed) as failed:
        to_query_error(error)
    assert "0x7f" not in failed.value.detail and "\n" not in failed.value.detail


def test_texts_are_shown_in_one_short_line() -> None:
    assert one_line("a\nb\x1b[31m\u202e\0", 50) == "a b\\x1b[31m\\u202e\\x00"
    assert len(one_line("x" * 100_000, 50)) == 53
