"""What is sent to a live connection: results, as text or Arrow, and errors."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import orjson

from wasmverse.errors import WasmverseError
from wasmverse.query.budget import SMALL_BYTES
from wasmverse.query.result import Result

ARROW_HEAD = struct.Struct("<QQ")
"""In front of an Arrow frame: the subscription's id and the turn, 8 bytes each, little-endian."""


@dataclass(frozen=True, slots=True)
class LongResult:
    """A result that is made into a message when it is sent, and keeps its room in the gateway until then."""

    result: Result
    turn: int
    is_arrow: bool

    def message(self, identity: int) -> str | bytes:
        """As it is sent to a subscription."""
        if self.is_arrow:
            return ARROW_HEAD.pack(identity, self.turn) + self.result.body
        return f'{{"id":{identity},"turn":{self.turn},{self.result.body.decode()}}}'


Payload = str | bytes | LongResult


def payload(result: Result, turn: int, identity: int, text: str, *, is_arrow: bool) -> Payload:
    """The message with a result for a subscription; ``text`` is a short JSON body, decoded once for all who watch it."""
    if len(result.body) > SMALL_BYTES:
        return LongResult(result, turn, is_arrow)
    if is_arrow:
        return ARROW_HEAD.pack(identity, turn) + result.body
    return f'{{"id":{identity},"turn":{turn},{text}}}'


def error_text(identity: int | None, error: WasmverseError) -> str:
    """The message that a subscription, or none in particular, met an error."""
    shape = {"id": identity, "error": {"code": error.code, "message": error.message}}
    return orjson.dumps(shape).decode()
