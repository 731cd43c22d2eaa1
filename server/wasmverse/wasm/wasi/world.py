"""What the functions of WASI share with the host: the world that they answer from, and the log that they write."""

from __future__ import annotations

import ctypes
import hashlib
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from wasmverse.wasm.frame import PAGE_BYTES, HostMemory


@dataclass(frozen=True, slots=True)
class World:
    """What a guest can learn of the world.

    time_ns : what every clock shows all the time, in nanoseconds since 1970; 1 in place of 0, which Go takes for a broken clock.
    seed : of 64 bits; with the row and the number of the draw it makes the random numbers.
    """

    time_ns: int = 0
    seed: int = 0


NOWHERE = World()

SECOND_NS = 1_000_000_000


def world_of(tid: int, *parts: int) -> World:
    """What a guest sees in a turn: a second passes from one to the next, and the turn and ``parts`` (u64) make the seed."""
    digest = hashlib.blake2b(struct.pack(f"<{1 + len(parts)}Q", tid, *parts), digest_size=8).digest()
    return World(tid * SECOND_NS, int.from_bytes(digest, "little"))


# The beginning of the memory that the host and the functions share; the records of the log follow at LOG_AT.
SEED, TIME, END, USED, DROPPED, ENDING, CODE, LAST = 0, 8, 16, 20, 24, 28, 32, 36
_HEADER = struct.Struct("<QQIIIIII")
LOG_AT = 64
RECORD = struct.Struct("<II")
"""Before the bytes of each record: the row that wrote them, and how many they are."""

EXITED, RAISED = 1, 2
"""How a guest ended itself: what ``ENDING`` says."""

_MASK = (1 << 64) - 1


class WasiMemory:
    """The memory that the functions of WASI of one thread's guests share with the host.

    ::

        0   seed u64          16  end of the log u32       28  how a guest ended itself u32: 1 exited, 2 raised a signal
        8   time u64          20  where its next byte goes 32  its exit code, or the signal, u32
                              24  writes lost u32          36  address of the last record u32, 0 when there is none
        64  the log: of each record the row u32, the number of bytes u32, the bytes
    """

    def __init__(self, log_bytes_max: int) -> None:
        size = -(-(LOG_AT + log_bytes_max) // PAGE_BYTES) * PAGE_BYTES
        self.log_room = size - LOG_AT
        self.shared = HostMemory(size, size + PAGE_BYTES)
        self._base = ctypes.addressof(self.shared.memory.data_ptr().contents)
        self._header = (ctypes.c_ubyte * _HEADER.size).from_address(self._base)

    def begin(self, world: World, log_bytes_max: int) -> None:
        """Show another world, with an empty log that has room for so many bytes."""
        assert log_bytes_max <= self.log_room
        end = LOG_AT + log_bytes_max
        _HEADER.pack_into(
            self._header, 0, world.seed & _MASK, max(world.time_ns & _MASK, 1), end, LOG_AT, 0, 0, 0, 0
        )

    def log(self) -> tuple[bytes, int]:
        """The records since `begin`, and how many writes no longer had room among them."""
        used, dropped = struct.unpack_from("<II", self._header, USED)
        return ctypes.string_at(self._base + LOG_AT, used - LOG_AT), dropped

    def ending(self) -> str | None:
        """How the last guest ended itself since `begin`, in words; None when none did. Asked once, it is forgotten."""
        how, code = struct.unpack_from("<II", self._header, ENDING)
        struct.pack_into("<I", self._header, ENDING, 0)
        match how:
            case 0:
                return None
            case 1:
                return f"called proc_exit({code})"
            case _:
                return f"called proc_raise({code})"


def records(log: bytes) -> Iterator[tuple[int, bytes]]:
    """The row and the bytes of each record of an ``Outcome.log``; no two that follow each other are of one row."""
    at = 0
    while at < len(log):
        row, length = RECORD.unpack_from(log, at)
        at += RECORD.size
        yield row, log[at : at + length]
        at += length


_local = threading.local()


def wasi_memory(log_bytes_max: int) -> WasiMemory:
    """The memory of the calling thread, with room for at least that much log."""
    memory: WasiMemory | None = getattr(_local, "memory", None)
    if memory is None or memory.log_room < log_bytes_max:
        memory = _local.memory = WasiMemory(log_bytes_max)
    return memory
