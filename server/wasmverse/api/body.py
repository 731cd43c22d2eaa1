"""Request bodies: bounded in size and time, parsed by hand, so that every error has the wire format's shape."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any, Self

import orjson
from starlette.requests import ClientDisconnect, Request

from wasmverse.api.as_of import take_as_of
from wasmverse.api.errors import HttpError
from wasmverse.api.http.connections import Kind, connection_of
from wasmverse.query.budget import SMALL_BYTES, ByteBudget, Lease
from wasmverse.query.public import DATABASES
from wasmverse.query.query import NO_ARGS, Format, Query

ARGS_DEPTH_MAX = 64
"""How deep lists and objects may nest in an argument: as deep as Arrow's types may, and a quarter of what orjson reads."""


class Room:
    """``with Room(budget, client) as room:`` is the room of one body; it is taken if the body is long, until that has been
    answered. Otherwise a client could hold a megabyte on every connection, by sending most of a body or by queueing with a long
    text.
    """

    def __init__(self, budget: ByteBudget, client: str) -> None:
        self._budget = budget
        self._client = client
        self._lease: Lease | None = None

    def __enter__(self) -> Self:
        """Take nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        if self._lease is not None:
            self._lease.release()

    def take(self, size: int) -> None:
        """Take room for a body that may have ``size`` bytes, once; raises HttpError 429 or 503 if there is none."""
        if self._lease is not None:
            return
        lacking = self._budget.lacks(self._client, size)
        if lacking:
            whose, status = ("one address", 429) if lacking < 0 else ("all clients", 503)
            raise HttpError(
                status,
                f"The long bodies of {whose} have all the room that there is for them; ask again in a second, or send less "
                f"than {SMALL_BYTES:,} bytes",
            )
        self._lease = self._budget.take(self._client, size)


def too_long(bytes_max: int) -> HttpError:
    """The refusal of a body that is longer than it may be."""
    return HttpError(413, f"The body is longer than {bytes_max:,} bytes, the limit here; send less")


async def read_body(request: Request, bytes_max: int, seconds_max: float, room: Room | None = None) -> bytes:
    """The whole body; a long one has a place in ``room``.

    Raises
    ------
    HttpError : 413 when it is longer than ``bytes_max``, whether it announced that or not; 408 when it took longer than
        ``seconds_max``; 400 when the client left.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > bytes_max:
        raise too_long(bytes_max)
    body = bytearray()
    connection = connection_of(request.scope)
    is_here = connection is not None and connection.kind is Kind.busy
    try:
        async with nullcontext() if is_here else asyncio.timeout(seconds_max):
            async for part in request.stream():
                body += part
                if len(body) > bytes_max:
                    raise too_long(bytes_max)
                if room is not None and len(body) > SMALL_BYTES:
                    room.take(int(announced) if announced.isdigit() else bytes_max)
    except TimeoutError:
        raise HttpError(
            408, f"The body did not arrive in {seconds_max:g} s, the limit here; send it faster"
        ) from None
    except ClientDisconnect:
        raise HttpError(400, "The client left before its body was whole") from None
    return bytes(body)


def parse_query(body: bytes, format: Format = "tuples", *, gzip: bool = False) -> Query:
    """The query in a JSON body; ``HttpError`` says which field is wrong, what was found and what is allowed."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HttpError(400, f'The body is not JSON ({error}); send {{"sql":"select 1"}}', 1064) from None
    return query_of(value, format, gzip=gzip)


def query_of(value: object, format: Format = "tuples", *, gzip: bool = False) -> Query:
    """The query in a JSON value; see ``parse_query``. Fields that are not known are passed over."""
    if not isinstance(value, dict):
        raise HttpError(400, f'The body is {_kind(value)}; send an object such as {{"sql":"select 1"}}', 1064)
    sql = value.get("sql")
    if not isinstance(sql, str):
        raise HttpError(400, f"'sql' is {_kind(sql)}; give the statement as a string", 1064)
    if not sql.strip():
        raise HttpError(400, "'sql' is empty; give a statement such as select 1", 1065)
    args = value.get("args")
    if args is not None and not isinstance(args, list):
        raise HttpError(400, f"'args' is {_kind(args)}; give a list with one value for each '?'", 1210)
    if args and _is_deeper(args, ARGS_DEPTH_MAX + 1):
        raise HttpError(
            400,
            f"'args' nests more than {ARGS_DEPTH_MAX} lists or objects in one value; give a flatter value, or JSON as text",
            1210,
        )
    database = value.get("database")
    if database is not None and not isinstance(database, str):
        raise HttpError(400, f"'database' is {_kind(database)}; give a string or leave it out", 1049)
    if database and database.lower() not in DATABASES:
        raise HttpError(
            400, f"Unknown database '{database[:64]}'; use {DATABASES[0]} or leave 'database' out", 1049
        )
    turn = value.get("turn")
    if turn is not None and (not isinstance(turn, int) or isinstance(turn, bool) or not 0 <= turn < 2**63):
        raise HttpError(400, f"'turn' is {_kind(turn)}; give the number of a kept turn or leave it out", 1210)
    sql, as_of = take_as_of(sql)
    if as_of and turn not in {None, as_of[-1]}:
        raise HttpError(
            400, f"The statement is AS OF TURN {as_of[-1]} and 'turn' is {turn}; name one turn", 1210
        )
    turn = as_of[-1] if as_of else turn
    bigint = value.get("bigint", "number")
    if bigint not in ("number", "string"):
        raise HttpError(400, '\'bigint\' must be "number" or "string"', 1210)
    packed = orjson.dumps(args) if args else NO_ARGS
    return Query(sql, packed, turn, format, bigint == "string", gzip, as_of[:-1])


def _is_deeper(value: list[Any], levels: int) -> bool:
    """Whether lists and objects nest in a list more than ``levels`` deep, that list counted; without recursion."""
    nested: list[Any] = [value]
    for _ in range(levels):
        nested = [
            item
            for outer in nested
            for item in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(item, dict | list)
        ]
        if not nested:
            return False
    return True


def _kind(value: object) -> str:
    """What a JSON value is, in words."""
    names = {
        dict: "an object",
        list: "a list",
        str: "a string",
        bool: "a boolean",
        type(None): "null or missing",
    }
    return names.get(type(value), f"the number {value}")
