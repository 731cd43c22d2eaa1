"""How the pool and a reader talk: frames over a socket pair, one query and one answer at a time.

A frame is two little-endian lengths of 4 bytes, then a head (JSON) and a body (bytes) of these lengths. A query's body is its
arguments, an answer's the result. What a reader says is data to the pool, never code: a reader runs strangers' SQL.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast

import orjson

from wasmverse.query.query import Query
from wasmverse.query.result import Cut

if TYPE_CHECKING:
    import asyncio  # only the pool's end waits for several at once, and has loaded it

_LENGTHS = struct.Struct("<II")
HEAD_BYTES_MAX = 16 << 20
_SMALL_BYTES = 1 << 16
PART_BYTES = 1 << 18

GRACE_SECONDS = 0.5
"""How long after its time limit a query may take to be interrupted before its process is ended."""


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """All that a reader needs to know, sent as the first frame: it imports neither settings nor the schema.

    ``dictionary`` has the rows of ``storage.dictionary.rows``.
    """

    parent_pid: int
    snapshot_folder: str
    views: dict[str, str]
    dictionary: list[tuple[str, str, str, str, bool]]
    threads: int
    nice: int
    memory_bytes: int
    seconds_max: float
    rows_max: int
    bytes_max: int
    budget_fuel: int
    start_fuel: int
    guest_log_bytes_max: int
    strategy_log_lines_max: int
    strategy_log_line_characters_max: int
    component_memory_bytes_max: int
    component_table_elements_max: int
    guest_memory_bytes_max: int
    guest_table_elements_max: int
    block_faults_max: int
    function_budget_fuel: int
    function_start_fuel: int
    function_guest_memory_bytes_max: int
    function_guest_table_elements_max: int
    function_component_table_elements_max: int
    function_values_bytes_max: int
    process_threads_max: int
    user: int


class AnswerHead(TypedDict, total=False):
    """The head of a reader's answer: either ``error`` and its ``code`` are there, or the facts about the body.

    ``turn_missing`` marks the error that the turn has no snapshot (any more). ``retire`` asks to be replaced: the process holds
    memory that it does not use. ``confinement`` and ``pid`` are in the first answer, which answers no query: the layers around
    the process, each with nothing or why it does not hold, and its process id as others see it. ``ends`` says why the process
    ends after this answer, for the log: what else it was asked must be asked of another. ``functions`` has what each function of
    the catalogue took: name, names of its parameters' types, version; rows, rows that faulted, fuel, nanoseconds.
    """

    error: str
    code: int
    kind: str
    turn_missing: bool
    retire: bool
    ends: str
    turn: int
    rows: int
    cut: Cut
    is_stable: bool
    is_gzip: bool
    seconds: float
    functions: list[list[Any]]
    confinement: dict[str, str]
    pid: int


def pack(head: AnswerHead | ReaderConfig, body: bytes = b"") -> bytes:
    """A frame up to its body; the body follows on its own, so that it is never copied."""
    packed = orjson.dumps(asdict(head) if isinstance(head, ReaderConfig) else head)
    return _LENGTHS.pack(len(packed), len(body)) + packed


def pack_query(query: Query, turn: int) -> bytes:
    """The frame of a query, to be answered from ``turn``."""
    head = orjson.dumps(
        {
            "sql": query.sql,
            "turn": turn,
            "format": query.format,
            "big_as_string": query.big_as_string,
            "gzip": query.gzip,
            "earlier": query.earlier,
        }
    )
    return b"".join((_LENGTHS.pack(len(head), len(query.args)), head, query.args))


def receive_query(connection: socket.socket) -> Query | None:
    """The next query; None when the other side has gone."""
    lengths = _exactly(connection, _LENGTHS.size)
    if lengths is None:
        return None
    head_bytes, args_bytes = _LENGTHS.unpack(lengths)
    frame = _exactly(connection, head_bytes + args_bytes)
    if frame is None:
        return None
    head = orjson.loads(frame[:head_bytes])
    return Query(args=frame[head_bytes:], **{**head, "earlier": tuple(head["earlier"])})


def send(connection: socket.socket, head: AnswerHead, body: bytes = b"") -> None:
    """Write one frame; blocks until the other side has taken it."""
    frame = pack(head, body)
    if len(body) > _SMALL_BYTES:
        connection.sendall(frame)
        frame = body
    else:
        frame += body  # to copy it costs less than to wake the other side twice
    connection.sendall(frame)


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """The head of the next frame; None when the other side has gone."""
    lengths = _exactly(connection, _LENGTHS.size)
    if lengths is None:
        return None
    head = _exactly(connection, _LENGTHS.unpack(lengths)[0])
    value: dict[str, Any] | None = None if head is None else orjson.loads(head)
    return value


def drain(connection: socket.socket, seconds_max: float) -> None:
    """Pass over what still comes until the other side has gone, or is quiet for ``seconds_max``.

    A socket that is closed with something unread in it may take the last answer with it.
    """
    connection.settimeout(seconds_max)
    with contextlib.suppress(OSError):
        while connection.recv(1 << 20):
            pass


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


_NUMBER = (int, float)
_TYPES: dict[str, type | tuple[type, ...]] = {
    "error": str, "code": int, "kind": str, "turn_missing": bool, "retire": bool, "ends": str, "turn": int, "rows": int,
    "cut": str, "is_stable": bool, "is_gzip": bool, "seconds": _NUMBER, "functions": list, "confinement": dict, "pid": int,
}  # fmt: skip
_ANSWERS = (
    {"turn_missing"}, {"error", "code"}, {"turn", "rows", "cut", "is_stable", "is_gzip", "seconds"}, {"confinement", "pid"},
)  # fmt: skip
"""What every kind of answer has at least."""


def checked_head(head: Any) -> AnswerHead:
    """The head of an answer, if it can be one: a reader has run strangers' code, and may say anything.

    Raises
    ------
    ValueError : it cannot.
    """
    if not isinstance(head, dict):
        raise ValueError("the head of an answer is no object")
    for name, value in head.items():
        kinds = _TYPES.get(name)
        is_right = kinds is None or (
            isinstance(value, kinds) and (isinstance(value, bool) == (kinds is bool))
        )
        if not is_right:
            raise ValueError(f"{name} of an answer is {value!r:.40}")
    if not any(names <= head.keys() for names in _ANSWERS):
        raise ValueError(f"an answer has only {sorted(head)!r:.200}")
    return cast(AnswerHead, head)


async def read_head(stream: asyncio.StreamReader, body_bytes_max: int) -> tuple[AnswerHead, int]:
    """The head of the next frame from a reader, and the size of the body that follows.

    Raises
    ------
    EOFError : the reader has gone (``asyncio.IncompleteReadError`` is one).
    ValueError : the frame is larger than a reader may send, or no answer.
    """
    head_bytes, body_bytes = _LENGTHS.unpack(await stream.readexactly(_LENGTHS.size))
    if head_bytes > HEAD_BYTES_MAX or body_bytes > body_bytes_max:
        raise ValueError(f"a reader announces {head_bytes} + {body_bytes} bytes")
    return checked_head(orjson.loads(await stream.readexactly(head_bytes))), body_bytes


async def read_body(stream: asyncio.StreamReader, size: int) -> bytes | bytearray:
    """The body of a frame; a long one is read into its place, so that it is never there twice."""
    if size <= _SMALL_BYTES:
        return await stream.readexactly(size)
    body = bytearray(size)
    filled = 0
    while filled < size:
        part = await stream.read(min(size - filled, PART_BYTES))
        if not part:
            raise EOFError(f"the reader has gone after {filled} of {size} bytes")
        body[filled : filled + len(part)] = part
        filled += len(part)
    return body


async def skip_body(stream: asyncio.StreamReader, size: int) -> None:
    """Read a body and keep nothing of it."""
    while size:
        part = await stream.read(min(size, PART_BYTES))
        if not part:
            raise EOFError("the reader has gone")
        size -= len(part)
