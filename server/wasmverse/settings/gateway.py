"""The gateway: where it listens, its limits for connections and live queries, and who may do what."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from wasmverse.settings.confinement import ConfinementSettings
from wasmverse.settings.functions import FunctionCheckSettings, FunctionSettings, FunctionUploadSettings
from wasmverse.settings.group import Group
from wasmverse.settings.guests import CheckSettings, GuestSettings, UploadSettings
from wasmverse.settings.logs import LogSettings
from wasmverse.settings.mcp import McpSettings

PUBLIC_URL = re.compile(
    r"https?://(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?"
)


class AddressSettings(Group):
    """Where the server listens, and under which names it is reached."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    hosts: tuple[str, ...] = Field(
        (),
        description="Further names of this server, without port; JSON list, `*` for all where tokens are needed.",
    )
    public_url: str | None = Field(
        None,
        description="URL by which visitors reach the server through a proxy; its path is the base path.",
    )
    proxies: tuple[str, ...] = Field(
        (),
        description="Addresses and networks of proxies in front, which tell whose requests they pass on; JSON list.",
    )

    @field_validator("public_url")
    @classmethod
    def _normalize(cls, url: str | None) -> str | None:
        """In lower case up to the path, without a default port, with a slash at the end; an empty one is none."""
        if not url:
            return None
        parts = urlsplit(url) if PUBLIC_URL.fullmatch(url) else None
        try:
            port = None if parts is None else parts.port
        except ValueError:
            parts = None
        if parts is None:
            raise ValueError(
                "http:// or https://, a name, and perhaps a port and a path, such as https://universe.example/wasmverse/"
            )
        origin = f"{parts.scheme}://{parts.netloc.lower()}"
        if port == {"http": 80, "https": 443}[parts.scheme]:
            origin = origin.removesuffix(f":{port}")
        return f"{origin}{parts.path.rstrip('/')}/"

    @property
    def base_path(self) -> str:
        """The path under which visitors find the server, such as ``/wasmverse``; empty at the root."""
        return urlsplit(self.public_url or "").path.rstrip("/")

    @property
    def public_name(self) -> str | None:
        """The name or address in ``public_url``."""
        return urlsplit(self.public_url or "").hostname

    @property
    def public_origin(self) -> str | None:
        """What a browser sends as ``Origin`` from pages at ``public_url``."""
        parts = urlsplit(self.public_url or "")
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else None


class ConnectionSettings(Group):
    """The limits of connections, requests and answers."""

    body_bytes_max: int = Field(1 << 20, ge=1 << 10, description="Size of a query's request body, in bytes.")
    bodies_bytes_max: int = Field(
        64 << 20,
        ge=1 << 20,
        description="Bytes of all bodies of more than 64 KiB until they are answered; an address may have a quarter.",
    )
    body_seconds_max: float = Field(
        15.0, gt=0, description="Time in which a request must have arrived whole, in seconds."
    )
    send_seconds_max: float = Field(
        30.0, gt=0, description="Time in which a client must take the next part of an answer, in seconds."
    )
    send_bytes_per_second_min: int = Field(
        64 << 10,
        ge=0,
        description="Bytes a second at which a client must take a long answer, after `send_seconds_max`; 0 is any.",
    )
    connections_max: int = Field(
        4_096, ge=1, description="Connections open at the same time, live queries included."
    )
    connections_max_per_address: int = Field(
        3_072,
        ge=1,
        description="Connections from one address (of IPv6, one /64); named proxies may have all.",
    )
    head_seconds_max: float = Field(
        10.0, gt=0, description="Time in which a request's head must have arrived, in seconds."
    )
    idle_seconds_max: float = Field(
        30.0, gt=0, description="Time that a kept connection may wait for its next request, in seconds."
    )
    request_seconds_max: float = Field(
        600.0,
        gt=0,
        description="Time for one request, from its first byte to its answer's last one, in seconds.",
    )


class LiveSettings(Group):
    """The limits of live queries."""

    watches_max: int = Field(16, ge=1, description="Live queries on one connection.")
    watch_bytes_max: int = Field(
        64 << 10,
        ge=1 << 10,
        description="Statements and arguments of the live queries on one connection, in bytes.",
    )
    watchers_max_per_address: int = Field(
        2_048, ge=1, description="Live connections from one address at the same time."
    )
    live_bytes_max: int = Field(
        4 << 20, ge=1 << 10, description="Size of a live query's result, in bytes; a larger one is refused."
    )
    live_ping_seconds: float = Field(
        20.0, ge=1, description="Seconds between pings to a live connection, and for its answer."
    )


class AccessSettings(Group):
    """Who may do what, and how often."""

    cors_origins: tuple[str, ...] = Field(
        ("*",),
        description="Origins whose pages may read; JSON list, `*` for all. Commands need the server's own.",
    )
    frame_ancestors: tuple[
        Annotated[str, Field(pattern=r"^(https?://[A-Za-z0-9.*:\[\]-]+|\*|'self')$")], ...
    ] = Field(
        (),
        description="Origins whose pages may show the page in a frame; JSON list, `*` for all.",
    )
    access: Literal["auto", "open", "token"] = Field(
        "auto",
        description="Whether commands and uploads need a token: `auto` is `open` on loopback, `token` beyond.",
    )
    is_reading_public: bool = Field(
        True, description="Whether queries need no token where commands need one."
    )
    queries_per_second_max: float = Field(
        1_000.0,
        ge=0,
        description="Queries from one address, a second on average; twice as many at once. 0 is no limit.",
    )
    commands_per_second_max: float = Field(
        20.0, ge=0, description="Commands and uploads from one address, a second on average. 0 is no limit."
    )
    pictures_per_second_max: float = Field(
        2.0,
        ge=0,
        description="Pictures of places that are painted for one address, a second on average. 0 is no limit.",
    )


class SiteSettings(AccessSettings, AddressSettings):
    """Under which names the server is reached, and who may do what there."""


class GatewaySettings(
    CheckSettings,
    FunctionCheckSettings,
    SiteSettings,
    LogSettings,
    ConfinementSettings,
    McpSettings,
    AccessSettings,
    LiveSettings,
    ConnectionSettings,
    AddressSettings,
    FunctionUploadSettings,
    UploadSettings,
    FunctionSettings,
    GuestSettings,
):
    """All that the gateway goes by; it has uploads and functions checked."""
