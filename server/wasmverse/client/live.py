"""Live queries: what is sent on their WebSocket and what comes; nothing here opens a connection."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

import httpx

from wasmverse.client.answers import Answer
from wasmverse.client.requests import error_of, unanswered, values_of
from wasmverse.errors import ServerDenied

HEAD = struct.Struct("<QQ")
"""In front of an Arrow frame: the subscription's id and the turn."""

DENIED = 1045
TOO_MANY = 1226


def address_of(url: str) -> str:
    """Where the WebSocket of a server is; raises ServerUnreachable where ``url`` is not the address of one."""
    scheme, mark, rest = url.partition("://")
    kinds = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}  # requests know these four too
    if not mark or scheme.lower() not in kinds:
        raise unanswered(url, httpx.UnsupportedProtocol(scheme))
    return f"{kinds[scheme.lower()]}://{rest}/api/v1/live"


def options_of(token: str | None, seconds_max: float) -> dict[str, Any]:
    """The options with which websockets connects."""
    return {
        "additional_headers": {"Authorization": f"Bearer {token}"} if token else {},
        "proxy": None,  # as for requests
        "open_timeout": seconds_max,
        "compression": None,
        "max_size": None,  # results are as long as the server lets them be
    }


def subscription(sql: str, args: Sequence[Any] | None) -> str:
    """The message that asks for a live query; raises TypeError where ``args`` is no list."""
    return json.dumps({"id": 1, "sql": sql, "args": values_of(args), "format": "arrow"})


def read(message: str | bytes) -> Answer:
    """The answer in a message.

    Raises
    ------
    ServerError : the message is a refusal.
    """
    if isinstance(message, bytes):
        _, turn = HEAD.unpack_from(message)
        return Answer(memoryview(message)[HEAD.size :], turn)
    error = json.loads(message)["error"]
    code = error["code"]
    if code == DENIED:
        raise ServerDenied(error["message"], code=code)
    raise error_of(429 if code == TOO_MANY else 400, error["message"], code)
