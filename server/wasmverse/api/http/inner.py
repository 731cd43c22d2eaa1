"""Requests that a tool makes to routes of this same app: parts of one request of a client, which is logged and charged once."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.types import Scope

_CHARGED = "wasmverse.charged"
"""In a scope: the limits that the client's request has been counted against. Its inner requests have the same set."""

_INNER = "wasmverse.inner"


def begin(scope: Scope) -> None:
    """From now on this request, and those made for it, are counted once against each limit."""
    scope[_CHARGED] = set[str]()


def make_inner(scope: Scope, outer: MutableMapping[str, Any]) -> None:
    """Mark a request as part of another, which has begun."""
    scope[_INNER] = True
    scope[_CHARGED] = outer[_CHARGED]


def is_inner(scope: Scope) -> bool:
    """Whether it is part of another request."""
    return _INNER in scope


def is_charged(scope: MutableMapping[str, Any], limit: str) -> bool:
    """Whether its client has paid already; if not, it is noted that it does so now."""
    charged: set[str] | None = scope.get(_CHARGED)
    if charged is None:
        return False
    if limit in charged:
        return True
    charged.add(limit)
    return False
