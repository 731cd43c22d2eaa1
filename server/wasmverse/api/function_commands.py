"""What clients have done to functions, by statements and by requests: checked, and handed to the universe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from starlette.requests import Request

from wasmverse.api.client import uploader_of
from wasmverse.api.gateway import Gateway
from wasmverse.api.uploads import unless_left
from wasmverse.commands import DropFunction
from wasmverse.errors import QueryError
from wasmverse.functions.check import creation
from wasmverse.functions.dry_run import dry_run_check, rows_query
from wasmverse.functions.grammar import Create, Drop, ShowCreate, ShowFunctions, Statement
from wasmverse.functions.wanted import WIT_BYTES_MAX, Wanted
from wasmverse.query.query import Client, Query
from wasmverse.settings import GatewaySettings
from wasmverse.tokens import Identity

STATEMENT_BYTES = 64 << 10
"""What a statement that creates a function may have besides its module and its WIT in base64."""

_UNKNOWN_FUNCTION = 1305

_SPENT = "select version, rows, faults, fuel_per_row, nanoseconds_per_row from wasm_function where is_current and name = ?"
_FUNCTIONS = """select name, kind, signature, version, language, author, bytes, created_at, calls, rows, faults, fuel_per_row,
nanoseconds_per_row from wasm_function where is_current and name like ? order by name, signature"""
_CREATE = """select name as "Function", statement as "Create Function" from wasm_function where is_current and name = ?
order by signature"""


def statement_bytes_max(settings: GatewaySettings) -> int:
    """The longest body of a statement."""
    in_base64 = (settings.function_module_bytes_max + WIT_BYTES_MAX) * 4 // 3
    return max(settings.body_bytes_max, in_base64 + STATEMENT_BYTES)


async def create_function(
    request: Request,
    gateway: Gateway,
    identity: Identity,
    module: bytes,
    wanted: Wanted,
    *,
    may_replace: bool,
) -> dict[str, Any]:
    """Check a module apart and store the function; the universe's answer. There must be a place among the uploads.

    Raises
    ------
    WasmverseError : it is refused.
    """

    async def store() -> dict[str, Any]:
        async with gateway.uploads.checked_function(module, wanted) as checked:
            command = creation(module, checked, identity.author, may_replace=may_replace)
            return await gateway.carry_out(request, identity, command, "create_function")

    return await unless_left(request, store())


async def drop_function(
    request: Request,
    gateway: Gateway,
    identity: Identity,
    name: str,
    parameters: str | None,
    *,
    may_be_missing: bool,
    is_aggregate: bool | None = None,
) -> dict[str, Any]:
    """Remove a function; the universe's answer."""
    command = DropFunction(name, parameters, may_be_missing, identity.author, is_aggregate)
    return await gateway.carry_out(request, identity, command, "drop_function")


async def run_dry(
    gateway: Gateway, client: Client, module: bytes, wanted: Wanted, sql: str
) -> dict[str, Any]:
    """Run a module over the rows of a query, beside the present version if there is one: a `DryRun` as plain values, with the
    turn of the rows, and what the present version has cost so far.

    Raises
    ------
    WasmverseError : the module or the query is refused.
    """
    async with gateway.uploads.checked_function(module, wanted) as checked:
        pass
    is_compared = True
    query = Query(rows_query(checked[0], sql, is_compared=True), format="arrow")
    try:
        result = await gateway.service.query(query, client=client)
    except QueryError as error:
        if error.code != _UNKNOWN_FUNCTION:
            raise
        is_compared = False
        query = replace(query, sql=rows_query(checked[0], sql, is_compared=False))
        result = await gateway.service.query(query, client=client)
    check = dry_run_check(checked, bytes(result.body), gateway.settings, is_compared=is_compared)
    async with gateway.uploads.checked(check) as found:
        pass
    spent = await gateway.service.query(
        Query(_SPENT, orjson.dumps([wanted.name]), result.turn, "rows"), client=client
    )
    [rows] = orjson.loads(spent.body)["results"]
    # Of several functions of one name the view does not say which it was.
    present = rows["rows"][0] if is_compared and len(rows["rows"]) == 1 else None
    return {**found.as_json(), "turn": result.turn, "present": present}


async def carry_out(
    request: Request, gateway: Gateway, identity: Identity, statement: Create | Drop
) -> tuple[int, int]:
    """Carry out a statement; how many functions it made or removed, and the turn after which it did."""
    if isinstance(statement, Drop):
        answer = await drop_function(
            request,
            gateway,
            identity,
            statement.name,
            statement.parameters,
            may_be_missing=statement.may_be_missing,
            is_aggregate=statement.is_aggregate,
        )
        return answer["dropped"], answer["tid"]
    size = len(statement.module)
    async with gateway.uploads.place(uploader_of(request, identity), str(size), size):
        answer = await create_function(
            request, gateway, identity, statement.module, statement.wanted, may_replace=statement.may_replace
        )
    return 1, answer["tid"]


def query_of_show(statement: Statement, query: Query) -> Query:
    """The SELECT that answers a statement that shows functions."""
    if isinstance(statement, ShowFunctions):
        return replace(query, sql=_FUNCTIONS, args=orjson.dumps([statement.like or "%"]))
    assert isinstance(statement, ShowCreate)
    return replace(query, sql=_CREATE, args=orjson.dumps([statement.name]))
