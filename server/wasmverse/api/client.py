"""On whose account a request is, where something is shared by client: an owner with a token, else an address."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from wasmverse.api.http.address import counted_address
from wasmverse.commands import CLAIMED
from wasmverse.query.query import Client
from wasmverse.tokens import Identity


def client_of(connection: HTTPConnection, identity: Identity) -> Client:
    """Whose share a query is a part of, and on which connection it came.

    A name without a token can be any, so then the address counts; of an IPv6 address, its network of 64 bits, which is the
    smallest that a customer is given.
    """
    host, port = connection.client if connection.client else ("", 0)
    if identity.owner.startswith(CLAIMED):
        return Client(counted_address(host), f"{host} {port}")
    return Client(identity.owner, f"{host} {port}")


def uploader_of(connection: HTTPConnection, identity: Identity) -> str:
    """Whose share an upload is a part of: an owner's with a token, else an address's, as names can be any."""
    if identity.owner.startswith(CLAIMED):
        return connection.client.host if connection.client else ""
    return identity.owner
