"""What goes out on a connection, and in how many writes."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from wasmverse.api.http.protocols import JoinedWrites

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Transport:
    """Notes what is written, and refuses it once closed, as uvloop's does."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        if self.is_closed:
            raise RuntimeError("the handler is closed")
        self.written.append(data)

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.is_closed


async def joined(*steps: Any) -> list[bytes]:
    """What was written after each step: bytes are written, "wait" lets the loop go on, else a method is called."""
    loop, transport, failures = asyncio.get_running_loop(), Transport(), []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    writes = JoinedWrites(cast(Any, transport), loop)
    for step in steps:
        if isinstance(step, bytes):
            writes.write(step)
        elif step == "wait":
            await asyncio.sleep(0)
        else:
            getattr(writes, step)()
    await asyncio.sleep(0)
    assert not failures
    return transport.written


@pytest.mark.parametrize(
    ("steps", "written"),
    [
        ([HEAD, b"body", b""], [HEAD + b"body", b""]),
        ([HEAD, "wait", b"body"], [HEAD, b"body"]),
        ([HEAD], [HEAD]),
        ([HEAD, "close"], [HEAD]),
        ([HEAD, "abort"], []),
        ([HEAD, b"HTTP/1.1 is in the body"], [HEAD + b"HTTP/1.1 is in the body"]),
        ([HEAD, b"one", HEAD, b"two"], [HEAD + b"one", HEAD + b"two"]),
        ([b"part of a body"], [b"part of a body"]),
    ],
    ids=[
        "one answer",
        "a late body",
        "no body",
        "closed",
        "aborted",
        "a body like a head",
        "two answers",
        "no head",
    ],
)
def test_a_head_waits_for_its_body_and_for_nothing_else(steps: list[Any], written: list[bytes]) -> None:
    assert asyncio.run(joined(*steps)) == written
