"""Checks under which name a request reached this server, and which site's page sent it, before any route sees it.

A browser lets the pages of every site send requests to the servers that its user reaches. Three headers that no page can
forge tell them apart: ``Host`` is the name under which the page found this server (in DNS rebinding, a name of the attacker's
that resolves to our address), ``Origin`` and ``Sec-Fetch-Site`` tell which site the page is from.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wasmverse.api.errors import HttpError, error_response, note_refusal
from wasmverse.errors import SettingsError
from wasmverse.settings import SiteSettings
from wasmverse.text import printable

BAD_HOST = 1130
SHOWN_MAX = 100
HOST_MAX = 260
"""Bytes of a Host header: the longest DNS name, a colon and a port."""
QUERIES = ("/query/rows", "/query/tuples")
"""Paths at which POST only reads."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})
WILDCARDS = frozenset({"", "0.0.0.0", "::"})

_SITE = re.compile(
    r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::(?P<port>[0-9]{1,5}))?", re.ASCII
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_FORWARDED = frozenset(
    {
        b"forwarded",
        b"via",
        b"x-real-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"true-client-ip",
        b"fly-client-ip",
        b"fastly-client-ip",
        b"cdn-loop",
        b"x-original-host",
        b"x-original-for",
        b"x-amzn-trace-id",
        b"x-cloud-trace-context",
        b"x-request-start",
    }
)
_FORWARDED_PREFIXES = (b"x-forwarded-", b"cf-", b"x-envoy-", b"x-arr-", b"x-azure-", b"x-tunnel-")


class Site(NamedTuple):
    """A name or address in its one canonical form, and the port if it was given."""

    name: str
    port: int | None


def parse_site(text: str) -> Site | None:
    """``name[:port]`` as it stands in a Host header or behind an origin's scheme; None when it is anything else.

    Upper case and the dot at the end of a full name make no difference; an IPv4 address mapped into IPv6 is that address.
    Addresses in other forms than the four numbers (``127.1``, ``2130706433``) are names like any other: browsers write
    them out before they send them.
    """
    match = _SITE.fullmatch(text.lower())
    if match is None:
        return None
    name, port = match["name"], None if match["port"] is None else int(match["port"])
    if port is not None and not 0 < port < 1 << 16:
        return None
    if name.startswith("["):
        try:
            address = ipaddress.IPv6Address(name[1:-1])
        except ValueError:
            return None
        return Site(str(address.ipv4_mapped or address), port)
    return Site(name, port)


def address_of(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that ``name`` is, if it is one."""
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server at ``host``."""
    address = address_of(host)
    return host == "localhost" if address is None else address.is_loopback


class HostRule:
    """The names that a server has.

    Always: ``localhost`` and the loopback addresses, the address or name that it listens on, that of ``settings.public_url``,
    and ``settings.hosts``. A server that needs tokens and listens on all addresses also has each of its addresses, as numbers,
    which no DNS name can stand for, and the machine's name. The port is not checked: a forwarded port has another number.
    """

    def __init__(self, settings: SiteSettings, is_open: bool) -> None:
        self._is_any = "*" in settings.hosts
        if self._is_any and is_open:
            raise SettingsError(
                "hosts is '*' on a server where everybody may command: any page could, through a name of its own; "
                "list the names in WASMVERSE_HOSTS, or set WASMVERSE_ACCESS=token"
            )
        self._names = {_name_of(text) for text in settings.hosts if text != "*"}
        if settings.public_name is not None:
            name = settings.public_name
            self._names.add(_name_of(f"[{name}]" if ":" in name else name))
        self._has_addresses = False
        if settings.host not in WILDCARDS:
            address = address_of(settings.host)
            self._names.add(settings.host.lower() if address is None else str(address))
        elif not is_open:
            self._has_addresses = True
            self._names.add(socket.gethostname().lower())

    def has(self, name: str) -> bool:
        """Whether ``name``, in canonical form, is one of this server's."""
        return (
            is_loopback(name)
            or name in self._names
            or self._is_any
            or (self._has_addresses and address_of(name) is not None)
        )


def _name_of(text: str) -> str:
    site = parse_site(text)
    if site is None or site.port is not None:
        raise SettingsError(
            f"WASMVERSE_HOSTS has {_quoted(text)}; give names or addresses without a port, "
            'such as ["universe.example"]'
        )
    return site.name


class ProxyRule:
    """Which peers are proxies named in ``settings.proxies``."""

    def __init__(self, settings: SiteSettings) -> None:
        self._networks = tuple(_network_of(text) for text in settings.proxies)
        self._found = lru_cache(1024)(self._find)

    def is_named(self, peer: str) -> bool:
        """Whether the address ``peer`` is one of theirs."""
        return bool(self._networks) and self._found(peer)

    def _find(self, peer: str) -> bool:
        address = address_of(peer)
        if address is None:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)


class SiteGuard:
    """The outermost ASGI middleware: refuses requests under a wrong name, from a page of another site, or through an unknown
    proxy.

    It also makes every route that has GET answer HEAD.
    """

    def __init__(self, app: ASGIApp, settings: SiteSettings, is_open: bool) -> None:
        self.app = app
        self._is_open = is_open
        self._rule = HostRule(settings, is_open)
        self._origins = frozenset(origin.lower() for origin in settings.cors_origins)
        self._public_origin = settings.public_origin
        self._is_proxy = ProxyRule(settings).is_named
        # Few hosts and peers ask often; made-up ones only displace each other from the cache.
        self._site_of_host = lru_cache(1024)(self._judge_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, then pass it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        try:
            self._judge(scope)
        except HttpError as error:
            note_refusal(scope, error)
            response = error_response(scope["path"], error)
            if error.status == 400:
                response.headers["Connection"] = "close"
            await response(scope, receive, send)
            return
        if scope["type"] == "http" and scope["method"] == "HEAD":
            asked = {**scope, "method": "GET"}
            try:
                await self.app(asked, receive, _without_body(send))
            finally:
                scope["client"] = asked.get(
                    "client"
                )  # who was found behind a proxy, for those outside of this
            return
        await self.app(scope, receive, send)

    def _judge(self, scope: Scope) -> None:
        """Raises HttpError 400 if the request is malformed, 403 if it is not allowed here."""
        hosts: list[bytes] = []
        origins: list[bytes] = []
        fetch: dict[bytes, bytes] = {}
        forwarded = b""
        lengths = set()
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value)
            elif name == b"origin":
                origins.append(value)
            elif name.startswith(b"sec-fetch-"):
                fetch[name] = value
            elif name in {b"content-length", b"transfer-encoding"}:
                lengths.add(name)
            elif self._is_open and (name in _FORWARDED or name.startswith(_FORWARDED_PREFIXES)):
                forwarded = name
        if not scope["path"].startswith("/") and scope["path"] != "*":
            raise HttpError(400, f"The target {_quoted(scope['path'])} is no path; begin it with '/'")
        if len(lengths) > 1:
            # A proxy that goes by the other header would take part of the body for the next request.
            raise HttpError(400, "The request has a Content-Length and a Transfer-Encoding; send one")
        if len(hosts) != 1:
            raise HttpError(400, f"The request has {len(hosts)} Host headers; send one", BAD_HOST)
        site = self._site_of_host(hosts[0])
        if isinstance(site, HttpError):
            raise HttpError(site.status, site.message, site.code)
        if self._is_open:
            # HTTP/1.0 is what a proxy speaks by default; today's browsers and programs do not.
            through = _quoted(forwarded.decode("latin-1")) if forwarded else ""
            if not through and scope.get("http_version") == "1.0":
                through = "HTTP/1.0"
            client = scope.get("client")
            if through and not self._is_proxy(client[0] if client else ""):
                raise HttpError(
                    403,
                    f"This came through a proxy ({through}), and here everybody may command: set WASMVERSE_ACCESS=token, "
                    "or name the proxy's address in WASMVERSE_PROXIES if all whom it lets in may",
                )
        self._judge_page(scope, site, origins, fetch)

    def _judge_page(self, scope: Scope, site: Site, origins: list[bytes], fetch: dict[bytes, bytes]) -> None:
        is_http = scope["type"] == "http"
        method = scope["method"] if is_http else "GET"
        may_be_read = not is_http or method in READING or scope["path"].endswith(QUERIES)
        if method == "OPTIONS":
            return  # a CORS preflight, which the CORS middleware answers
        if may_be_read and "*" in self._origins:
            return
        if len(origins) > 1:
            raise HttpError(403, f"The request has {len(origins)} Origin headers; send one or none")
        origin = origins[0].decode("latin-1") if origins else None
        where = fetch.get(b"sec-fetch-site")
        if origin is not None:
            # After a proxy the origin's scheme is unknown here; Sec-Fetch-Site is the browser's own judgement.
            denies = is_http and where not in {None, b"same-origin", b"none"}
            is_own = not denies and (origin.lower() == self._public_origin or is_same_origin(origin, site))
            if is_own or (may_be_read and origin.lower() in self._origins):
                return
        else:
            # Following a link to our page is not a request by the page that has the link.
            follows = is_http and method == "GET" and fetch.get(b"sec-fetch-mode") == b"navigate"
            if where in {None, b"same-origin", b"none"} or (may_be_read and follows):
                return
        whose = "another site" if origin is None else _quoted(origin)
        raise HttpError(
            403,
            f"A page of {whose} may {'not read' if may_be_read else 'read here and nothing more'}; "
            "use this server's own page",
        )

    def _judge_host(self, value: bytes) -> Site | HttpError:
        text = value.decode("latin-1")
        site = parse_site(text) if len(value) <= HOST_MAX else None
        if site is None:
            return HttpError(
                400, f"The Host {_quoted(text)} is no name and port; send one such as localhost", BAD_HOST
            )
        if not self._rule.has(site.name):
            return HttpError(
                403,
                f"{_quoted(site.name)} is no name of this server; use the one it was started with, or add this one to "
                "WASMVERSE_HOSTS",
                BAD_HOST,
            )
        return site


def is_same_origin(origin: str, site: Site) -> bool:
    """Whether ``origin`` is that of the pages served at ``site``."""
    scheme, _, rest = origin.lower().partition("://")
    default = _DEFAULT_PORTS.get(scheme)
    theirs = parse_site(rest)
    if default is None or theirs is None:
        return False
    return theirs.name == site.name and (theirs.port or default) == (site.port or default)


def _quoted(text: str) -> str:
    return f"'{printable(text, SHOWN_MAX)}'"


def _network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise SettingsError(
            f'WASMVERSE_PROXIES has {_quoted(text)}; give addresses or networks, such as ["172.18.0.0/16"]'
        ) from None


def check_sites(settings: SiteSettings, is_open: bool) -> None:
    """Raises SettingsError for names and proxies that cannot be used."""
    HostRule(settings, is_open)
    ProxyRule(settings)


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head
