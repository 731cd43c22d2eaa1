"""WASI 0.2 as the host answers it: clocks, random numbers and standard output from the world of a run; the rest traps.

These are functions of the host, which cost some microseconds a call: an import that is never called costs nothing. What they
answer is what the functions of preview 1 answer (``wasm.wasi``), so the same source says the same, however it was built.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime import component as wc
from wasmtime.component._linker import FUNCTIONS, func_finalize, func_impl

from wasmverse.wasm.component.imports import interface_of
from wasmverse.wasm.wasi.world import RECORD, SECOND_NS, World

_MASK = (1 << 64) - 1
_WRITE_MAX = 4_096
"""Bytes that a stream takes at a time, as it says; more are a trap."""
DRAW_MAX = 1 << 12
"""Random bytes of one call at most."""
CALL_FUEL = 50_000
"""Fuel that a call of one of these functions costs: as much as a guest uses in the time that it takes."""
_DRAWN_A_CALL = 64
"""Random bytes that take as long as a call: so many more cost as much once more."""


class NeedsRow(wasmtime.WasmtimeError):
    """Something was asked whose answer depends on the row, and the host does not know it."""


@dataclass(slots=True)
class Desk:
    """What a run's guest can learn, and what it has written.

    start_fuel : what is left of an instance's fuel for its start, from which the calls of its first call are paid: runtimes set
        themselves up then.
    row : the row under way; None while several are run by one call, of which the host does not know which one it is at.
    """

    world: World
    log_bytes_max: int
    row: int | None = None
    has_asked_row: bool = False
    start_fuel: int = 0
    is_out_of_fuel: bool = False
    log: bytearray = field(default_factory=bytearray)
    dropped: int = 0
    _last: int | None = None
    _drawn: tuple[int, int] = (-1, 0)

    def begin(self, row: int | None) -> None:
        """Before a call: for this row, or for several."""
        self.row = row
        self.has_asked_row = False

    def known_row(self) -> int:
        """The row under way. Raises NeedsRow."""
        self.has_asked_row = True
        if self.row is None:
            raise NeedsRow("this call's answer depends on the row")
        return self.row

    def write(self, data: bytes) -> None:
        """To the log: behind what the same row has written before, or counted as lost."""
        row = self.known_row()
        if not data:
            return
        begins = self._last is None or RECORD.unpack_from(self.log, self._last)[0] != row
        if len(self.log) + len(data) + (RECORD.size if begins else 0) > self.log_bytes_max:
            self.dropped += 1
            return
        if begins:
            self._last = len(self.log)
            self.log += RECORD.pack(row, 0)
        assert self._last is not None
        self.log += data
        RECORD.pack_into(self.log, self._last, row, len(self.log) - self._last - RECORD.size)

    def draw(self, count: int) -> bytes:
        """Random bytes: the next draws of the row."""
        row = self.known_row()
        drawn = self._drawn[1] if self._drawn[0] == row else 0
        key = mix(self.world.seed + mix(row))
        draws = -(-count // 8)
        self._drawn = row, drawn + draws
        values = (mix(key ^ draw) for draw in range(drawn + 1, drawn + draws + 1))
        return b"".join(value.to_bytes(8, "little") for value in values)[:count]


def mix(value: int) -> int:
    """The output of SplitMix64, as the functions of preview 1 have it."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & _MASK
    return value ^ value >> 31


_NOW = threading.local()


def sit_at(desk: Desk) -> None:
    """Have the functions of the guests that run in this thread answer from this desk."""
    _NOW.desk = desk


Function = Callable[..., Any]
_Functions = Mapping[str, Function]


def _charged(function: Function) -> Function:
    """The function, for fuel: the guest waits for it as for its own instructions."""

    def call(store: wasmtime.StoreContext, *values: Any) -> Any:
        desk: Desk = _NOW.desk
        fuel = CALL_FUEL
        if function is _random_bytes:
            fuel *= 1 + min(values[0], DRAW_MAX) // _DRAWN_A_CALL
        if desk.start_fuel >= fuel:
            desk.start_fuel -= fuel
            return function(desk, store, *values)
        context, left = store._context(), ctypes.c_uint64()
        ffi.wasmtime_context_get_fuel(context, ctypes.byref(left))
        desk.is_out_of_fuel = left.value < fuel
        ffi.wasmtime_context_set_fuel(context, max(0, left.value - fuel))
        if desk.is_out_of_fuel:
            raise wasmtime.WasmtimeError("all fuel consumed")
        return function(desk, store, *values)

    return call


def _time(desk: Desk) -> int:
    """The world's time in nanoseconds, 1 in place of none: some runtimes take 0 for no clock."""
    return max(1, desk.world.time_ns)


def _time_of_day(nanoseconds: int) -> wc.Record:
    record = wc.Record()
    vars(record).update(zip(("seconds", "nanoseconds"), divmod(nanoseconds, 1_000_000_000), strict=True))
    return record


def _random_bytes(desk: Desk, _store: Any, count: int) -> bytes:
    if count > DRAW_MAX:
        raise wasmtime.WasmtimeError(f"{count} random bytes are asked for; {DRAW_MAX} is the most at a time")
    return desk.draw(count)


def _random_word(desk: Desk, _store: Any) -> int:
    return int.from_bytes(desk.draw(8), "little")


def _write(desk: Desk, store: Any, stream: Any, _nothing: bytes) -> wc.Variant:
    stream.drop(store)
    desk.write(_NOW.written)
    return wc.Variant("ok")


def _taken(_desk: Desk, store: Any, stream: Any) -> int:
    stream.drop(store)
    return _WRITE_MAX


def _flushed(_desk: Desk, store: Any, stream: Any) -> wc.Variant:
    stream.drop(store)
    return wc.Variant("ok")


def _exit(_desk: Desk, _store: Any, status: Any) -> None:
    code = 0 if getattr(status, "tag", None) == "ok" else 1
    raise wasmtime.WasmtimeError(f"called exit({code})")


_OUTPUT, _INPUT = 1, 2
"""Kinds of the host's resources: streams, of which no more is to be known than that they are there."""

_WALL: _Functions = {
    "now": lambda desk, _store: _time_of_day(_time(desk)),
    "resolution": lambda _desk, _store: _time_of_day(SECOND_NS),
}
_MONOTONIC: _Functions = {
    "now": lambda desk, _store: _time(desk),
    "resolution": lambda _desk, _store: SECOND_NS,
}
_RANDOM: _Functions = {"get-random-bytes": _random_bytes, "get-random-u64": _random_word}
_INSECURE: _Functions = {"get-insecure-random-bytes": _random_bytes, "get-insecure-random-u64": _random_word}
_SEED: _Functions = {
    "insecure-seed": lambda desk, store: (_random_word(desk, store), _random_word(desk, store))
}
_ENVIRONMENT: _Functions = {
    "get-environment": lambda _desk, _store: [],
    "get-arguments": lambda _desk, _store: [],
    "initial-cwd": lambda _desk, _store: None,
}
_STREAMS: _Functions = {
    "[method]output-stream.check-write": _taken,
    "[method]output-stream.write": _write,
    "[method]output-stream.blocking-write-and-flush": _write,
    "[method]output-stream.flush": _flushed,
    "[method]output-stream.blocking-flush": _flushed,
}

_ANSWERED: Mapping[str, _Functions] = {
    "clocks/wall-clock": _WALL,
    "clocks/monotonic-clock": _MONOTONIC,
    "random/random": _RANDOM,
    "random/insecure": _INSECURE,
    "random/insecure-seed": _SEED,
    "cli/environment": _ENVIRONMENT,
    "cli/stdout": {"get-stdout": lambda _desk, _store: wc.ResourceHost.own(1, _OUTPUT)},
    "cli/stderr": {"get-stderr": lambda _desk, _store: wc.ResourceHost.own(2, _OUTPUT)},
    "cli/stdin": {"get-stdin": lambda _desk, _store: wc.ResourceHost.own(0, _INPUT)},
    "cli/terminal-stdout": {"get-terminal-stdout": lambda _desk, _store: None},
    "cli/terminal-stderr": {"get-terminal-stderr": lambda _desk, _store: None},
    "cli/terminal-stdin": {"get-terminal-stdin": lambda _desk, _store: None},
    "cli/exit": {"exit": _exit},
    "filesystem/preopens": {"get-directories": lambda _desk, _store: []},
    "io/streams": _STREAMS,
}
"""By interface, the functions that are answered."""


def link(linker: wc.Linker, imports: Iterable[str]) -> None:
    """Define what can be answered of the interfaces that a component imports, by their names in full."""
    with linker.root() as root:
        for name in imports:
            functions = _ANSWERED.get(interface_of(name))
            if functions is None:
                continue
            with root.add_instance(name) as instance:
                if functions is _STREAMS:
                    for resource, number in (("output-stream", _OUTPUT), ("input-stream", _INPUT)):
                        instance.add_resource(
                            resource, wc.ResourceType.host(number), lambda _store, _rep: None
                        )
                for key, function in functions.items():
                    _define(instance, key, _charged(function))


def _define(instance: wc.LinkerInstance, key: str, function: Function) -> None:
    """As ``instance.add_func``, but what is written is taken as bytes first: wasmtime-py makes a Python object of each of them, a
    second's work for a megabyte that costs the guest one call's fuel.
    """
    name = key.encode()
    error = ffi.wasmtime_component_linker_instance_add_func(
        instance.ptr(), name, len(name), _taking_bytes, FUNCTIONS.allocate(function), func_finalize
    )
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)


@ffi.wasmtime_component_func_callback_t  # type: ignore[untyped-decorator]
def _taking_bytes(
    number: Any, context: Any, type_: Any, values: Any, count: int, results: Any, results_count: int
) -> Any:
    for place in range(count):
        value = values[place]
        if value.kind != ffi.WASMTIME_COMPONENT_LIST.value:
            continue
        size = value.of.list.size
        if size <= _WRITE_MAX:
            _NOW.written = _bytes_of(value.of.list)
        ffi.wasmtime_component_vallist_delete(ctypes.byref(value.of.list))  # it is an empty one now
        if size > _WRITE_MAX:
            error = wasmtime.WasmtimeError(f"{size} bytes are written at a time; {_WRITE_MAX} is the most")
            return ctypes.cast(error._consume(), ctypes.c_void_p).value
    return func_impl(number, context, type_, values, count, results, results_count)


def _bytes_of(elements: Any) -> bytes:
    """The bytes of one of the engine's lists of them."""
    if not elements.size:
        return b""
    step, at = ctypes.sizeof(ffi.wasmtime_component_val_t), ffi.wasmtime_component_val_t.of.offset
    return ctypes.string_at(elements.data, step * elements.size)[at::step]
