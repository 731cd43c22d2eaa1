"""What the routes share: the universe, the service of queries, the settings. One per app, found on ``request.app.state``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from wasmverse.api.access import Access
from wasmverse.api.metrics import Metrics
from wasmverse.api.rate import RateLimit
from wasmverse.api.uploads import Uploads
from wasmverse.messages import Universe
from wasmverse.query.budget import ByteBudget
from wasmverse.query.service import QueryService
from wasmverse.settings import GatewaySettings
from wasmverse.tokens import Identity, Role


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
    confinement: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Kind of process -> layer -> nothing, or why it does not hold; for ``/health``."""

    def may_ask(self, connection: HTTPConnection, token: str = "") -> Identity:
        """Who asks, by a header or by ``token``; raises HttpError if they may not, or too often."""
        self.queries.spend(connection)
        return self.access.require(connection, Role.reader, token)

    def may_command(self, connection: HTTPConnection) -> Identity:
        """Who commands; raises HttpError if they may not, or too often."""
        self.commands.spend(connection)
        return self.access.require(connection, Role.pilot)


def gateway_of(connection: HTTPConnection) -> Gateway:
    """The gateway of the app that a request or WebSocket belongs to."""
    gateway = connection.app.state.gateway
    assert isinstance(gateway, Gateway)
    return gateway
