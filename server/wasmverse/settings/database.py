"""Where a universe is kept: in a file, or in a database that servers have. No text made of such a place shows a password."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import GetCoreSchemaHandler, PlainSerializer, PlainValidator
from pydantic_core import CoreSchema, core_schema

PORT = "5432"
CITUS = "citus+"
_URL = re.compile(
    r"(?P<citus>citus\+)?postgres(?:ql)?://(?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?(?P<hosts>[^/?@]*)"
    r"(?:/(?P<name>[^?]*))?(?:\?(?P<options>.*))?"
)
_SECRETS = re.compile(r"(?i)((?:^|[?&])(?:ssl)?password=)[^&]*")
_PASSWORD = re.compile(r"(://[^:@/\s]*):.*@")
_UNKNOWN = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class DatabaseUrl:
    """A database of a PostgreSQL server, ``postgresql://USER:PASSWORD@HOST:PORT/NAME?OPTION=VALUE``, or one with Citus.

    As a text it has no password. The form is that of libpq, which also says what is left out: its environment variables, a
    file of passwords, or its defaults. https://www.postgresql.org/docs/current/libpq-connect.html

    Parameters
    ----------
    conninfo : what libpq is given, with the password: for nobody's eyes.
    is_citus : whether Citus distributes the rows.
    """

    # No dataclass: pydantic would write out the fields of one.
    __slots__ = ("conninfo", "is_citus")

    def __init__(self, conninfo: str, is_citus: bool = False) -> None:
        self.conninfo = conninfo
        self.is_citus = is_citus

    def __eq__(self, other: object) -> bool:
        """The same text, and both with Citus or without."""
        return isinstance(other, DatabaseUrl) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, bool]:
        return self.conninfo, self.is_citus

    @classmethod
    def read(cls, text: str) -> DatabaseUrl:
        """Raises ValueError, which says the rule, if it is none."""
        found = _URL.fullmatch(text)
        if found is None:
            raise ValueError("postgresql://USER@HOST:PORT/NAME, citus+postgresql://... for one with Citus")
        if re.search(r"(?:^|&)service=", found["options"] or ""):
            raise ValueError("a URL without service=: name the host and the port themselves")
        for _, port in _hosts(found["hosts"]):
            if port and not (port.isdecimal() and 0 < int(port) < 1 << 16):
                raise ValueError(
                    "a port from 1 to 65535; a character of a password like @ or / is written %40, %2F"
                )
        return cls("postgresql://" + text.partition("://")[2], found["citus"] is not None)

    def __str__(self) -> str:
        """Without passwords."""
        return without_passwords((CITUS if self.is_citus else "") + self.conninfo)

    __repr__ = __str__

    @property
    def name(self) -> str:
        """The database's name; empty where libpq chooses."""
        return unquote(self._parts["name"] or "")

    def sockets(self, environment: Mapping[str, str] = os.environ) -> tuple[set[int], bool]:
        """The TCP ports that connecting takes, and whether nothing but the files of Unix sockets is connected to."""
        _, given = zip(*_hosts(self._parts["hosts"]), strict=True)
        default = self._options.get("port") or environment.get("PGPORT") or PORT
        ports = {int(port) for each in given for port in (each or default).split(",") if port.isdecimal()}
        # libpq connects to a Unix socket where no host is named, except where its build knows none.
        local = all(host.startswith(("/", "@")) or not host for host in self._named(environment))
        return ports, local

    def socket_folders(self, environment: Mapping[str, str] = os.environ) -> list[Path]:
        """Those with the files of Unix sockets that are named."""
        return [Path(host) for host in self._named(environment) if host.startswith("/")]

    def _named(self, environment: Mapping[str, str]) -> list[str]:
        """The hosts; an empty one where none is named."""
        hosts = [unquote(host) for host, _ in _hosts(self._parts["hosts"])]
        if not any(hosts):
            options = self._options
            named = options.get("hostaddr") or options.get("host")
            hosts = [named or environment.get("PGHOSTADDR") or environment.get("PGHOST") or ""]
        return [host for each in hosts for host in each.split(",")]

    def files(self) -> list[Path]:
        """What its options name: certificates, keys, a file of passwords."""
        names = ("passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl")
        return [Path(self._options[name]) for name in names if name in self._options]

    @property
    def _options(self) -> dict[str, str]:
        pairs = (pair.partition("=")[::2] for pair in (self._parts["options"] or "").split("&"))
        return {name: unquote(value) for name, value in pairs}

    @property
    def _parts(self) -> dict[str, Any]:
        found = _URL.fullmatch(self.conninfo)
        assert found is not None
        return found.groupdict()

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        """A text that `read` accepts, or a value of this class."""
        shown = core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        return core_schema.no_info_plain_validator_function(_url, serialization=shown)


def _hosts(text: str) -> list[tuple[str, str]]:
    """(host, port) of each; of IPv6 in brackets too."""
    found = (re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(.*))?", each) for each in text.split(","))
    return [(each[1], each[2] or "") if each else (text, "none") for each in found]


def without_passwords(text: str) -> str:
    """A text that may be a URL, for somebody to see."""
    return _SECRETS.sub(r"\1...", _PASSWORD.sub(r"\1@", text))


def _url(value: object) -> DatabaseUrl:
    return value if isinstance(value, DatabaseUrl) else DatabaseUrl.read(str(value))


def _place(value: object) -> Path | DatabaseUrl:
    if isinstance(value, Path | DatabaseUrl):
        return value
    text = str(value)
    return DatabaseUrl.read(text) if _UNKNOWN.match(text) else Path(text)


DatabasePlace = Annotated[Path | DatabaseUrl, PlainValidator(_place), PlainSerializer(str, when_used="json")]
"""A file's path, or a URL."""


def file_of(place: Path | DatabaseUrl) -> Path | None:
    """The file; None for what is in a server's database."""
    return place if isinstance(place, Path) else None
