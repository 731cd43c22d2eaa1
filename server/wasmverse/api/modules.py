"""The modules that anybody may have: the rules of a turn, and the strategies that come with Wasmverse.

With both a client can try a strategy by itself (docs/abi.md, "The rules as a module"). Strategies that were uploaded are their
authors', and are not given out.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

import wasmverse
from wasmverse.api.errors import HttpError
from wasmverse.api.page import FOREVER

FOLDER = Path(wasmverse.__file__).with_name("bundled")
RULES = "rules"
WASM = ".wasm"

router = APIRouter(prefix="/api/v1", tags=["modules"])


@cache
def rules_module() -> tuple[str, bytes] | None:
    """The hash of the rules' module and the module, as they were when first asked for; None where it was not built."""
    try:
        module = (FOLDER / f"{RULES}{WASM}").read_bytes()
    except FileNotFoundError:
        return None
    return sha256(module).hexdigest(), module


def rules_hash() -> str | None:
    """SHA-256 of the rules' module."""
    rules = rules_module()
    return None if rules is None else rules[0]


@router.get("/rules/{file}", response_class=Response, responses={404: {"description": "Another version"}})
async def rules(file: str) -> Response:
    """The rules of a turn as a WebAssembly module, `{hash}.wasm`; /connect says which hash this server plays by."""
    rules = rules_module()
    if rules is None:
        raise HttpError(404, "The rules were not built as a module: run `make setup`, and start again")
    if file != f"{rules[0]}{WASM}":
        raise HttpError(
            404, f"This server plays by {rules[0]}{WASM}: ask for that, as `rules` of /connect says"
        )
    return _module(rules[1], FOREVER)


@router.get("/bundled/{file}", response_class=Response, responses={404: {"description": "No such strategy"}})
async def bundled(file: str) -> Response:
    """The module of a strategy that comes with Wasmverse, `{name}.wasm`."""
    found = {path.name: path for path in FOLDER.glob(f"strategy_*{WASM}")}
    if file not in found:
        raise HttpError(
            404,
            f"No strategy of this name comes with Wasmverse; there are {', '.join(sorted(found)) or 'none'}",
        )
    return _module(found[file].read_bytes(), "no-cache")


def _module(content: bytes, caching: str) -> Response:
    headers = {"Cache-Control": caching, "X-Content-Type-Options": "nosniff"}
    return Response(content, 200, headers, "application/wasm")
