"""Tokens: who may do what. Their hashes are kept beside the universe, never the tokens themselves.

For a universe in a file they are a file, JSON, ``[{"name", "role", "sha256", "created_at", "id"}, ...]``, readable by its owner
only, and always replaced as a whole; a running server sees a change at the next request. For one in a server's database they are
a table of it (``storage.postgres.tokens``). Tokens are 192 random bits, so one round of SHA-256 hides them as well as a slow hash
would (slow hashes are for passwords that people choose).
"""

from __future__ import annotations

import enum
import hashlib
import json
import os
import secrets
import tempfile
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from wasmverse.commands import TOKEN, Author
from wasmverse.errors import SettingsError

PREFIX = "wv_"
NAME_MAX = 64

RESERVED_NAMES = frozenset({"wasmverse", "operator", "anonymous"})
"""Names that the server uses for itself; nobody else may have them."""


def is_reserved(name: str) -> bool:
    """Whether a name is one of ``RESERVED_NAMES``, or looks like one: in other case or width, or with spaces around it."""
    return unicodedata.normalize("NFKC", name).casefold().strip() in RESERVED_NAMES


class Role(enum.IntEnum):
    """What a token allows; each role may also do what those before it may."""

    reader = 1
    """May ask."""
    pilot = 2
    """May spawn, upload strategies, and replace or remove their own."""
    admin = 3
    """May replace and remove everybody's."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person whom the server knows: ``name`` is shown, ``owner`` is the id under which their strategies are stored."""

    name: str
    role: Role
    owner: str

    @property
    def author(self) -> Author:
        """The name and id under which they change strategies."""
        return Author(self.owner, self.name, is_admin=self.role is Role.admin)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of one token; texts all."""

    name: str
    role: str
    sha256: str
    created_at: str
    id: str = ""

    @property
    def owner(self) -> str:
        """The owner id: the entry's id, or a part of its hash for an entry that was made before there were ids."""
        return TOKEN + (self.id or self.sha256[:24])


Change = Callable[[list[Entry]], list[Entry]]
"""Makes of all entries those that are to be there instead."""


class Tokens(ABC):
    """The tokens of one universe, wherever they are kept."""

    def create(self, name: str, role: Role) -> str:
        """Make a token and return it; it cannot be seen again.

        Raises
        ------
        SettingsError : the name is taken, reserved, empty, too long or not printable.
        """
        if not name or len(name) > NAME_MAX or not name.isprintable():
            raise SettingsError(
                f"{name[:NAME_MAX]!r} cannot be a token's name; give 1 to {NAME_MAX} printable characters"
            )
        if name != name.strip() or is_reserved(name):
            raise SettingsError(
                f"{name!r} cannot be a token's name: {', '.join(sorted(RESERVED_NAMES))} are reserved, and a name has no spaces "
                "around it; choose another"
            )
        token = PREFIX + secrets.token_urlsafe(24)
        moment = datetime.now(UTC).isoformat(timespec="seconds")

        def added(entries: list[Entry]) -> list[Entry]:
            if any(entry.name == name for entry in entries):
                raise SettingsError(
                    f"there is a token named {name!r} already; revoke it first or choose another name"
                )
            return [*entries, Entry(name, role.name, _hash(token), moment, secrets.token_hex(12))]

        self._change(added)
        return token

    def renew(self, name: str) -> str:
        """Replace a token by a new one of the same identity, which keeps its strategies, and return the new one.

        Raises
        ------
        SettingsError : there is none of that name.
        """
        token = PREFIX + secrets.token_urlsafe(24)

        def renewed(entries: list[Entry]) -> list[Entry]:
            _require(entries, name)
            return [
                replace(entry, sha256=_hash(token), id=entry.owner.removeprefix(TOKEN))
                if entry.name == name
                else entry
                for entry in entries
            ]

        self._change(renewed)
        return token

    def revoke(self, name: str) -> None:
        """Remove a token; raises SettingsError when there is none of that name."""

        def without(entries: list[Entry]) -> list[Entry]:
            _require(entries, name)
            return [entry for entry in entries if entry.name != name]

        self._change(without)

    def all(self) -> list[tuple[str, str, str]]:
        """Name, role and time of creation of every token, oldest first."""
        return [(entry.name, entry.role, entry.created_at) for entry in self.entries()]

    def find(self, token: str) -> Identity | None:
        """The identity that a token belongs to; None if it is unknown."""
        digest = _hash(token)
        found = None
        for entry in self.entries():
            if secrets.compare_digest(entry.sha256, digest):
                found = Identity(entry.name, Role[entry.role], entry.owner)
        return found

    def put(self, entries: list[Entry]) -> None:
        """Have these and no others."""
        self._change(lambda _: entries)

    def watch(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Prepare for being asked at every request."""

    def close(self) -> None:  # noqa: B027
        """End what `watch` began."""

    @abstractmethod
    def entries(self) -> list[Entry]:
        """All of them, oldest first, as they are now."""

    @abstractmethod
    def stamp(self) -> object:
        """Something that is equal as long as nothing has changed; costs next to nothing."""

    @abstractmethod
    def _change(self, change: Change) -> None:
        """Put what ``change`` makes of the entries in their place; nothing, if it raises."""


class TokenFile(Tokens):
    """The tokens beside a universe's file. Every call reads them again if they have changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: list[Entry] = []
        self._read_at: tuple[int, int] | None = None

    def entries(self) -> list[Entry]:
        """All of them; none where there is no file."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._entries, self._read_at = [], None
            return self._entries
        moment = (status.st_mtime_ns, status.st_ino)
        if moment != self._read_at:
            try:
                values = json.loads(self.path.read_text(encoding="utf-8"))
                entries = [Entry(**value) for value in values]
                if any(entry.role not in Role.__members__ for entry in entries):
                    raise ValueError
            except (ValueError, TypeError):
                raise SettingsError(
                    f"{self.path} is not a file of tokens; correct it, or remove it and make new tokens"
                ) from None
            self._entries, self._read_at = entries, moment
        return self._entries

    def stamp(self) -> object:
        """When the file was changed, and which it is."""
        try:
            status = self.path.stat()
        except OSError:
            return "none"
        return status.st_mtime_ns, status.st_ino, status.st_size

    def _change(self, change: Change) -> None:
        entries = change(self.entries())
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump([asdict(entry) for entry in entries], file, indent=1)
        Path(temporary).replace(self.path)


def _require(entries: list[Entry], name: str) -> None:
    if all(entry.name != name for entry in entries):
        raise SettingsError(f"there is no token named {name!r}; `wasmverse token list` shows the names")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def token_path(database_path: Path) -> Path:
    """Where the tokens of the universe in ``database_path`` are."""
    return database_path.with_name(database_path.name + ".tokens")
