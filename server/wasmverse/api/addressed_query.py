"""A query that an address holds, ``GET /api/v1/query?sql=...``, for programs that can only open addresses; and its entity tag.

The tag of a result is known before the query runs: a turn never changes, so turn and query determine the bytes. A client that
has them is answered 304 without a reader being asked.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.datastructures import QueryParams

from wasmverse.api.body import query_of
from wasmverse.api.errors import HttpError
from wasmverse.query.query import Format, Query

FORMATS: Mapping[str, Format] = {"csv": "csv", "json": "rows", "arrow": "arrow"}

_OF_THIS_SERVER = secrets.token_bytes(16)
"""In every tag: after a restart the same turn may be another universe's, or a limit may cut at another row."""

_TAG = re.compile(r'(?:W/)?"([^"]*)"')

PARAMETERS: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "query", "required": name == "sql", "description": text, "schema": schema}
        for name, text, schema in (
            ("sql", "One SELECT", {"type": "string", "minLength": 1, "example": "select * from turns"}),
            (
                "format",
                "CSV, or JSON as query/rows has it, or an Arrow stream",
                {"type": "string", "enum": list(FORMATS), "default": "csv"},
            ),
            ("args", "A JSON list with one value for each '?'", {"type": "string", "example": "[7]"}),
            ("turn", "The turn to read; the newest when left out", {"type": "integer", "minimum": 0}),
            (
                "bigint",
                "64-bit integers in JSON as numbers or strings",
                {"type": "string", "enum": ["number", "string"], "default": "number"},
            ),
        )
    ]
}
"""What the OpenAPI document says of the address."""


def query_of_address(given: QueryParams, *, gzip: bool) -> Query:
    """The query in an address; HttpError 400 says which parameter is wrong, what was found and what is allowed."""
    unknown = sorted(set(given.keys()) - {"sql", "format", "args", "turn", "bigint", "database"})
    if unknown:
        raise HttpError(
            400,
            f"The address has {_shown(unknown[0])}; it may have sql, args, format, turn, bigint and database",
            1210,
        )
    twice = [name for name in given if len(given.getlist(name)) > 1]
    if twice:
        raise HttpError(400, f"The address has '{twice[0]}' more than once; give it once", 1210)
    name = given.get("format", "csv")
    if name not in FORMATS:
        raise HttpError(400, f"'format' is {_shown(name)}; give {', '.join(FORMATS)}", 1210)
    turn = given.get("turn")
    if turn is not None and not re.fullmatch(r"[0-9]{1,18}", turn):
        raise HttpError(
            400, f"'turn' is {_shown(turn)}; give the number of a kept turn or leave it out", 1210
        )
    args = given.get("args") or None
    try:
        values = None if args is None else orjson.loads(args)
    except orjson.JSONDecodeError as error:
        raise HttpError(400, f"'args' is not JSON ({error}); give a list such as [7]", 1210) from None
    fields = {
        "sql": given.get("sql", ""),
        "args": values,
        "turn": None if turn is None else int(turn),
        "database": given.get("database"),
        "bigint": given.get("bigint", "number"),
    }
    return query_of(fields, FORMATS[name], gzip=gzip)


def tag_of(query: Query, turn: int) -> str:
    """The entity tag of the answer to a query of one turn, which is the same for the same bytes."""
    parts = (query.sql, query.args.decode(), turn, query.format, query.big_as_string, query.gzip)
    digest = hashlib.blake2b(orjson.dumps(parts), digest_size=16, key=_OF_THIS_SERVER)
    return f'"{digest.hexdigest()}"'


def has_tag(if_none_match: str, tag: str) -> bool:
    """Whether a client's If-None-Match names a tag, compared weakly (RFC 9110, 13.1.2). ``*`` names none: no answer is known
    to be there before it was made.
    """
    return any(f'"{found}"' == tag for found in _TAG.findall(if_none_match))


def _shown(text: str) -> str:
    return repr(text if len(text) <= 64 else f"{text[:64]}...")
