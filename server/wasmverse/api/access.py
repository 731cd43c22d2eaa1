"""Who asks, and whether they may. On loopback everybody may; beyond it, and behind a public URL, commands need a token, and so
does reading if that is set."""

from __future__ import annotations

import base64
import secrets

from starlette.requests import HTTPConnection

from wasmverse.api.errors import HttpError
from wasmverse.api.http.origin import check_sites, is_loopback
from wasmverse.commands import CLAIMED, OPERATOR_OWNER
from wasmverse.errors import SettingsError
from wasmverse.settings import SiteSettings
from wasmverse.tokens import PREFIX, Identity, Role, Tokens, is_reserved

ANONYMOUS = "anonymous"
USER_MAX = 64
DENIED = 1045


class Access:
    """The rule for one server, with the tokens of its universe.

    ``is_open`` : commands need no token. ``is_public`` : reading needs none. ``ready_token`` is an admin's for as long as this
    server runs; it is stored nowhere.
    """

    def __init__(self, settings: SiteSettings, tokens: Tokens, ready_token: str | None = None) -> None:
        self.tokens = tokens
        self._ready_token = ready_token
        self.is_open = _is_open(settings)
        self.is_public = settings.is_reading_public

    def require(self, connection: HTTPConnection, role: Role, token: str = "") -> Identity:
        """Who asks, if they have ``role``; ``token`` is one that did not come in the Authorization header.

        Raises
        ------
        HttpError : 401, the token is missing or unknown; 403, its role is too low.
        """
        user, given = _credentials(connection)
        token = token or given
        identity = self._find(token) if token else None
        if identity is None and (self.is_open or (role is Role.reader and self.is_public)):
            if role > Role.reader and user and user != ANONYMOUS and is_reserved(user):
                raise HttpError(403, f"The user name {user!r} is reserved for the server; choose another")
            name = user or ANONYMOUS
            return Identity(name, Role.pilot, CLAIMED + name)
        if identity is None:
            what = "That token is not known here" if token else "This needs a token"
            raise HttpError(
                401,
                f"{what}; send it as 'Authorization: Bearer ...' (`wasmverse token create` makes one)",
                DENIED,
            )
        if role > Role.reader and identity.owner != OPERATOR_OWNER and is_reserved(identity.name):
            raise HttpError(
                403,
                f"The token's name {identity.name!r} is reserved for the server; it may only read: revoke it and make one of "
                "another name",
            )
        if identity.role < role:
            raise HttpError(
                403, f"{identity.name} is a {identity.role.name}; this needs a {role.name}'s token"
            )
        return identity

    def _find(self, token: str) -> Identity | None:
        if self._ready_token is not None and secrets.compare_digest(
            token.encode(), self._ready_token.encode()
        ):
            return Identity(OPERATOR_OWNER, Role.admin, OPERATOR_OWNER)
        return self.tokens.find(token)


def make_ready_token(settings: SiteSettings) -> str | None:
    """A token for the link that the server prints; None where none is needed, or where others could see the link."""
    if _is_open(settings) or not is_loopback(settings.host):
        return None
    return PREFIX + secrets.token_urlsafe(24)


def check_access(settings: SiteSettings, tokens: Tokens) -> None:
    """Refuse to serve beyond loopback without a token, or with names and proxies that are not valid.

    Raises
    ------
    SettingsError : tokens are needed at ``settings.host`` and there is none; ``hosts`` or ``proxies`` cannot be used.
    """
    access = Access(settings, tokens)
    check_sites(settings, access.is_open)
    if not access.is_open and not is_loopback(settings.host) and not access.tokens.all():
        raise SettingsError(
            f"{settings.host} can be reached from other machines and there is no token; make one with "
            "`wasmverse token create NAME --role admin`, or listen on 127.0.0.1"
        )


def _is_open(settings: SiteSettings) -> bool:
    """Whoever reaches the server through a proxy is not on this machine, though the proxy is."""
    is_local = is_loopback(settings.host) and is_loopback(settings.public_name or settings.host)
    return settings.access == "open" or (settings.access == "auto" and is_local)


def _credentials(connection: HTTPConnection) -> tuple[str, str]:
    """User name and token of the Authorization header; the password of Basic is a token too."""
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return "", value.strip()
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
    except ValueError:  # no base64, no UTF-8, or not even ASCII
        raise HttpError(
            401, "The Authorization header is not base64 of user:password; send it as curl -u does", DENIED
        ) from None
    if len(user) > USER_MAX or not user.isprintable():
        raise HttpError(
            401,
            f"The user name has unprintable characters or more than {USER_MAX}; choose a plainer one",
            DENIED,
        )
    return user, password
