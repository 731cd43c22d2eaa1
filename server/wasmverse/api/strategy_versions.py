"""Earlier versions of a strategy: one is flown again."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from wasmverse.api.client import uploader_of
from wasmverse.api.errors import HttpError
from wasmverse.api.gateway import gateway_of
from wasmverse.api.strategies import REFUSALS, json_response, judged, listed
from wasmverse.api.uploads import unless_left
from wasmverse.commands import FindVersion, UploadStrategy
from wasmverse.errors import StrategyError
from wasmverse.strategies.names import check_name
from wasmverse.strategies.trial_report import plain
from wasmverse.text import printable
from wasmverse.tokens import Identity

PROCEDURE = "rollback_strategy"

_TO: dict[str, Any] = {
    "parameters": [
        {
            "name": "to",
            "in": "query",
            "required": False,
            "description": "The sha256 of a kept version in hexadecimal digits, or how it begins; without it, the version that "
            "was replaced last.",
            "schema": {"type": "string", "pattern": "^[0-9a-f]{4,64}$"},
        }
    ]
}

router = APIRouter(prefix="/api/v1/strategies", tags=["strategies"], responses=REFUSALS)


@router.post("/{name}/rollback", openapi_extra=_TO)
async def roll_back(name: str, request: Request) -> Response:
    """Fly the module again that was replaced last, or with `?to=SHA` another one that is kept: it is uploaded once more.

    It is checked as any upload, may be refused as one, and gets a new version number; `restored_version` is the one that it had.
    Of the strategies that the module exports only `name` is changed. `strategy_version` lists what is kept.
    """
    gateway = gateway_of(request)
    identity = gateway.may_command(request)
    find = FindVersion(check_name(name), _hash(request.query_params.get("to")), identity.author)

    async def store(identity: Identity, upload: UploadStrategy) -> dict[str, Any]:
        upload = replace(upload, inspection=upload.inspection.only(name), is_rollback=True)
        if not upload.inspection.strategies:
            raise StrategyError(
                f"the module {upload.inspection.sha256} exports no {name!r} any more: push one that does"
            )
        return await gateway.carry_out(request, identity, upload, PROCEDURE)

    async with gateway.uploads.place(uploader_of(request, identity), ""):
        found = await gateway.ask(request, identity, find, PROCEDURE)
        work = judged(gateway, found["module"], name, identity, found["budget_fuel"], store)
        inspection, answer = await unless_left(request, work)
    [row] = answer["strategies"]
    strategy = listed(row) | {"trial": plain(inspection.trials[name])}
    return json_response(
        {"strategies": [strategy], "restored_version": found["version"], "turn": answer["tid"]}
    )


def _hash(text: str | None) -> str | None:
    """How the hash begins that was given."""
    if text is None:
        return None
    digits = text.lower()
    if not re.fullmatch(r"[0-9a-f]{4,64}", digits):
        raise HttpError(
            400,
            f"to is {printable(text, 70)!r}; give 4 to 64 hexadecimal digits with which the sha256 of a kept version begins",
        )
    return digits
