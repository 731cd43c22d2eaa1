"""What each function of WASI preview 1 answers, as guests see it."""

import struct

import numpy as np
import pytest

from tests.wasm.builder import compile_wat, numbered
from tests.wasm.wasi_guests import (
    BADF,
    INVAL,
    LIMITS,
    NOTCAPABLE,
    NOTDIR,
    NOTSOCK,
    NOTSUP,
    SPIPE,
    called,
    flown,
    guest_of,
    load,
    wasi_wat,
)
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.wasi.signatures import SIGNATURES
from wasmverse.wasm.wasi.world import World


def test_all_46_are_there_and_can_be_imported_together() -> None:
    assert len(SIGNATURES) == 46
    table = numbered(1)
    assert table.run(Guest.of(compile_wat(wasi_wat("(i64.const 7)", imports_all=True)), "f")).faults == 0
    assert table.results.tolist() == [7]


@pytest.mark.parametrize(
    ("name", "arguments", "errno"),
    [
        ("args_get", (0, 0), 0),
        ("environ_get", (0, 0), 0),
        ("sched_yield", (), 0),
        ("clock_res_get", (4, 0), INVAL),
        ("clock_time_get", (4, 0, 0), INVAL),
        ("fd_advise", (1, 0, 0, 0), SPIPE),
        ("fd_allocate", (1, 0, 0), SPIPE),
        ("fd_close", (1,), 0),
        ("fd_datasync", (2,), 0),
        ("fd_fdstat_set_flags", (1, 0), 0),
        ("fd_fdstat_set_rights", (1, 0, 0), NOTCAPABLE),
        ("fd_filestat_set_size", (1, 0), INVAL),
        ("fd_filestat_set_times", (1, 0, 0, 0), INVAL),
        ("fd_pread", (0, 0, 0, 0, 0), SPIPE),
        ("fd_prestat_get", (2, 0), BADF),
        ("fd_prestat_dir_name", (2, 0, 0), BADF),
        ("fd_pwrite", (1, 0, 0, 0, 0), SPIPE),
        ("fd_read", (0, 0, 0, 0), 0),
        ("fd_read", (1, 0, 0, 0), BADF),
        ("fd_readdir", (0, 0, 0, 0, 0), NOTDIR),
        ("fd_renumber", (1, 2), NOTSUP),
        ("fd_seek", (1, 0, 0, 0), SPIPE),
        ("fd_sync", (1,), 0),
        ("fd_tell", (1, 0), SPIPE),
        ("fd_write", (0, 0, 0, 0), BADF),
        ("fd_write", (3, 0, 0, 0), BADF),
        ("fd_write", (-1, 0, 0, 0), BADF),
        ("path_open", (1, 0, 0, 0, 0, 0, 0, 0, 0), NOTDIR),
        ("path_symlink", (0, 0, 1, 0, 0), NOTDIR),
        ("path_symlink", (0, 0, 3, 0, 0), BADF),
        ("poll_oneoff", (0, 0, 0, 0), INVAL),
        ("random_get", (0, 0), 0),
        ("sock_shutdown", (1, 0), NOTSOCK),
        ("sock_accept", (1, 0, 0), NOTSOCK),
    ],
)
def test_what_a_function_answers(name: str, arguments: tuple[int, ...], errno: int) -> None:
    assert called(name, *arguments) == errno


@pytest.mark.parametrize("name", [name for name in SIGNATURES if name.startswith(("fd_", "path_", "sock_"))])
def test_no_other_descriptor_is_open(name: str) -> None:
    """No files, no directories, no sockets: whatever it is asked of, a descriptor from 3 on is a bad one."""
    for descriptor in (3, 4, 0x7FFFFFFF, -1):
        arguments = [0] * len(SIGNATURES[name].params)
        arguments[2 if name == "path_symlink" else 0] = descriptor
        assert called(name, *arguments) == BADF


def test_there_are_no_arguments_and_no_environment() -> None:
    for name in ("args_sizes_get", "environ_sizes_get"):
        assert (
            called(name, 8, 12, then=load(8), extra='(data (i32.const 8) "\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff")')
            == 0
        )


def test_no_clock_shows_zero() -> None:
    """Go's runtime ends itself when one does."""
    assert called("clock_time_get", 1, 1, 8, then=load(8), world=World(time_ns=0)) == 1


def test_clocks_show_the_world_s_time_and_nothing_else() -> None:
    world = World(time_ns=1_234_567_890_123_456_789)
    for clock in range(4):
        assert called("clock_time_get", clock, 1, 8, then=load(8), world=world) == world.time_ns
        assert called("clock_res_get", clock, 8, then=load(8), world=world) == 1_000_000_000


def test_standard_streams_are_terminals() -> None:
    """So that a C library writes line by line: an instance does not live to flush what it keeps."""
    rights = [called("fd_fdstat_get", fd, 8, then=load(16)) for fd in range(3)]
    assert rights == [1 << 1, 1 << 6, 1 << 6]
    for fd in range(3):
        assert called("fd_fdstat_get", fd, 8, then=load(8)) == 2
        assert called("fd_fdstat_get", fd, 8, then=load(24)) == 0
        assert called("fd_filestat_get", fd, 8, then=load(24)) == 2
        assert called("fd_filestat_get", fd, 8, then=load(64), world=World(time_ns=5)) == 5


def test_all_that_waits_has_happened() -> None:
    clock, read, write, bad = (
        struct.pack("<QB7xI4xQQH6x", user, 0, fd, 10**15, 0, 0)
        if kind == 0
        else struct.pack("<QB7xI28x", user, kind, fd)
        for user, kind, fd in ((11, 0, 1), (22, 1, 0), (33, 2, 2), (44, 1, 9))
    )
    data = "".join(f"\\{byte:02x}" for byte in clock + read + write + bad)
    extra = f'(data (i32.const 64) "{data}")'
    events = [
        struct.pack("<5Q", *(called("poll_oneoff", 64, 512, 4, 1024, then=load(512 + 32 * n + 8 * k), extra=extra)
        for k in range(4)), 0)[:32] for n in range(4)
    ]  # fmt: skip
    assert events == [
        struct.pack("<QHB5xQH6x", user, error, kind, 0, flags)
        for user, error, kind, flags in ((11, 0, 0, 0), (22, 0, 1, 1), (33, 0, 2, 0), (44, BADF, 1, 1))
    ]
    assert called("poll_oneoff", 64, 512, 4, 1024, then=load(1024), extra=extra) == 4
    bad_kind = '(data (i32.const 72) "\\03")'
    assert called("poll_oneoff", 64, 512, 1, 1024, extra=bad_kind) == INVAL


@pytest.mark.parametrize(
    ("name", "code"), [("proc_exit", 0), ("proc_exit", 3), ("proc_exit", -1), ("proc_raise", 6)]
)
def test_an_end_is_a_fault_that_says_its_code(name: str, code: int) -> None:
    end = f"(call ${name} (i32.const {code}))" + ("(drop)" if name == "proc_raise" else "")
    body = f"""(if (i32.eq (local.get $n) (i32.const 1)) (then {end}))
      (if (i32.eq (local.get $n) (i32.const 2)) (then (unreachable))) (i64.const 9)"""
    outcome, results = flown(body, rows=4)
    assert (outcome.faulted, outcome.reason) == ([1, 2], f"called {name}({code % (1 << 32)})")
    assert results == [9, 0, 0, 9]
    # The one that trapped afterwards did not exit.
    alone = numbered(4)
    assert guest_of(body).run(alone.frame, 2, 4, LIMITS).reason == "trapped: unreachable"


# Random numbers

RANDOM = "(drop (call $random_get (i32.const 8) (i32.const 8))) (i64.load (i32.const 8))"


def test_random_numbers_come_from_seed_row_and_draw() -> None:
    table = numbered(50)
    guest = guest_of(RANDOM)

    def drawn(seed: int, start: int = 0) -> list[int]:
        assert guest.run(table.frame, start, 50, LIMITS, World(seed=seed)).faults == 0
        return table.results.tolist()

    first = drawn(1)
    assert len(set(first)) == 50 and len(set(first) | set(drawn(2))) == 100
    # Counter-based: what a row draws does not depend on the rows before it.
    assert drawn(1)[20:] == drawn(1, start=20)[20:]
    assert drawn(1) == first
    twice = flown(
        f"{RANDOM.replace('(i64.load', '(drop (i64.load')}) {RANDOM}", rows=50, world=World(seed=1)
    )[1]
    assert not set(twice) & set(first)


def test_random_numbers_look_it() -> None:
    bits = np.unpackbits(np.array(flown(RANDOM, rows=2_000)[1], np.uint64).view(np.uint8))
    assert abs(float(bits.mean()) - 0.5) < 0.005


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 23])
def test_as_many_random_bytes_as_were_asked_for(length: int) -> None:
    body = f"(drop (call $random_get (i32.const 9) (i32.const {length}))) (i64.load (i32.const {9 + length}))"
    assert flown(body)[1] == [0]
    if length >= 8:
        last = f"(drop (call $random_get (i32.const 9) (i32.const {length}))) (i64.load (i32.const {1 + length}))"
        assert flown(last)[1] != [0]
