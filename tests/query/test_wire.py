"""Frames between the pool and a reader: what is packed is what is received."""

import asyncio
import socket
import struct
from typing import Any

import pytest

from wasmverse.query import wire
from wasmverse.query.query import Query


@pytest.mark.parametrize(
    "query",
    [
        Query("select 1"),
        Query("select ?, ?", b'[1.0,"\xc3\xa9"]', 7, "csv", True, True, (2, 5)),
        Query("select '" + "x" * 200_000 + "'", b"[" + b"1," * 100_000 + b"1]", format="live"),
    ],
    ids=["plain", "everything", "long"],
)
def test_a_query_arrives_as_it_was_sent_with_its_turn(query: Query) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        ours.sendall(wire.pack_query(query, 9) + wire.pack_query(query, 10))
        ours.shutdown(socket.SHUT_WR)
        assert wire.receive_query(theirs) == query.at(9)
        assert wire.receive_query(theirs) == query.at(10)
        assert wire.receive_query(theirs) is None


def test_a_query_that_breaks_off_is_none() -> None:
    frame = wire.pack_query(Query("select 1"), 1)
    for size in (3, 8, len(frame) - 1):
        ours, theirs = socket.socketpair()
        with theirs:
            with ours:
                ours.sendall(frame[:size])
            assert wire.receive_query(theirs) is None


FACTS = {
    "turn": 1,
    "rows": 2,
    "cut": "",
    "is_stable": True,
    "is_gzip": False,
    "seconds": 0.5,
    "retire": False,
}


@pytest.mark.parametrize(
    "head",
    [
        FACTS,
        FACTS | {"functions": [["f", "", 1, 2, 3, 4, 5]], "seconds": 1, "new": 3},
        {"error": "no", "code": 1064, "kind": "QueryRefused", "ends": "why"},
        {"error": "", "turn_missing": True},
        {"confinement": {}, "pid": 7},
    ],
)
def test_what_a_reader_answers_is_a_head(head: dict[str, Any]) -> None:
    assert wire.checked_head(head) == head


@pytest.mark.parametrize(
    "head",
    [
        5,
        [],
        {},
        {"error": "no"},
        {key: value for key, value in FACTS.items() if key != "turn"},
        FACTS | {"functions": 5},
        FACTS | {"rows": "2"},
        FACTS | {"rows": True},
        FACTS | {"is_stable": 1},
        FACTS | {"seconds": None},
        {"error": 5, "code": 1064},
        {"error": "no", "code": "1064"},
        {"error": "no", "code": 1064, "kind": []},
        {"turn_missing": 1},
        {"confinement": {}, "pid": 1.5},
    ],
)
def test_what_no_reader_answers_is_no_head(head: Any) -> None:
    frame = wire.pack(head)

    async def read() -> None:
        stream = asyncio.StreamReader()
        stream.feed_data(frame)
        await wire.read_head(stream, 100)

    with pytest.raises(ValueError, match="answer"):
        asyncio.run(read())


def test_an_answer_is_a_head_and_a_body_of_any_size() -> None:
    for body in (b"", b"x" * 10, b"x" * (1 << 17)):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            wire.send(ours, {"rows": 1}, body)
            head_bytes, body_bytes = struct.unpack("<II", theirs.recv(8))
            assert (theirs.recv(head_bytes), body_bytes) == (b'{"rows":1}', len(body))
            assert theirs.recv(body_bytes, socket.MSG_WAITALL) == body
