"""What the routes share: the universe, the service of queries, the settings. One per app, found on ``request.app.state``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import HTTPConnection

from wasmverse.api.access import Access
from wasmverse.api.audit import Audit, described
from wasmverse.api.host import Host
from wasmverse.api.http.inner import is_charged
from wasmverse.api.metrics import Metrics
from wasmverse.api.rate import RateLimit
from wasmverse.api.uploads import Uploads
from wasmverse.commands import Command, CreateFunction, Question, UploadStrategy
from wasmverse.errors import WasmverseError
from wasmverse.messages import Universe
from wasmverse.query.budget import ByteBudget
from wasmverse.query.service import QueryService
from wasmverse.settings import GatewaySettings
from wasmverse.tokens import Identity, Role

log = logging.getLogger(__name__)

DONE = "done"
LEFT = "the client left before the answer; it may have taken effect"
"""The outcome of a command that was cancelled on its way; a client that waits is gone, or the server ends."""


@dataclass(slots=True)
class Gateway:
    """The parts behind the routes of one app."""

    universe: Universe
    service: QueryService
    settings: GatewaySettings
    metrics: Metrics
    access: Access
    queries: RateLimit
    commands: RateLimit
    uploads: Uploads
    bodies: ByteBudget
    audit: Audit
    host: Host
    confinement: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Kind of process -> layer -> nothing, or why it does not hold; for ``/health``."""

    def may_ask(self, connection: HTTPConnection, token: str = "") -> Identity:
        """Who asks, by a header or by ``token``; raises HttpError if they may not, or too often."""
        if not is_charged(connection.scope, "queries"):
            self.queries.spend(connection)
        return self.access.require(connection, Role.reader, token)

    def may_command(self, connection: HTTPConnection) -> Identity:
        """Who commands; raises HttpError if they may not, or too often."""
        if not is_charged(connection.scope, "commands"):
            self.commands.spend(connection)
        return self.access.require(connection, Role.pilot)

    async def carry_out(
        self, connection: HTTPConnection, identity: Identity, command: Command, procedure: str
    ) -> dict[str, Any]:
        """Have a command carried out; it is counted as ``procedure``, logged, and written into the audit, also if it is refused
        or its client leaves.

        Raises
        ------
        WasmverseError : as `Universe.ask`.
        """
        address = connection.client.host if connection.client else ""
        try:
            answer = await self.universe.ask(command)
        except WasmverseError as error:
            self.audit.note(command, procedure, identity.name, identity.owner, address, error.message)
            raise
        except asyncio.CancelledError:
            self.audit.note(command, procedure, identity.name, identity.owner, address, LEFT)
            _log(command, procedure, identity, address, LEFT)
            raise
        self.audit.note(command, procedure, identity.name, identity.owner, address, DONE)
        self.metrics.commands.labels(procedure).inc()
        _log(command, procedure, identity, address, DONE)
        return answer

    async def ask(
        self, connection: HTTPConnection, identity: Identity, question: Question, procedure: str
    ) -> dict[str, Any]:
        """Ask the universe what a command of ``procedure`` needs to know; only a refusal is written into the audit.

        Raises
        ------
        WasmverseError : as `Universe.ask`.
        """
        try:
            return await self.universe.ask(question)
        except WasmverseError as error:
            address = connection.client.host if connection.client else ""
            self.audit.note(question, procedure, identity.name, identity.owner, address, error.message)
            raise


def _log(command: Command, procedure: str, identity: Identity, address: str, outcome: str) -> None:
    values = described(command)
    what = " ".join(
        f"{name}={','.join(value) if isinstance(value, list) else value}" for name, value in values.items()
    )
    log.info(
        "%s from %s: %s %s%s",
        identity.name,
        address,
        procedure,
        what,
        "" if outcome == DONE else f" ({outcome})",
        extra={
            "event": "upload" if isinstance(command, UploadStrategy | CreateFunction) else "command",
            "who": identity.name,
            "address": address,
            "command": procedure,
            "arguments": values,
            "outcome": outcome,
        },
    )


def gateway_of(connection: HTTPConnection) -> Gateway:
    """The gateway of the app that a request or WebSocket belongs to."""
    gateway = connection.app.state.gateway
    assert isinstance(gateway, Gateway)
    return gateway
