"""What a recorded run is on disk: facts, one JSON line each, every line sealed with a check that hangs on all lines before it.

A recording has all that the course of a universe depends on: its laws and first strategies, the limits of every process that
played it, and the commands between its turns; and hashes, by which a replay is compared turn by turn. It comes from outside:
nothing in it is believed before it was checked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from wasmverse.commands import (
    MESSAGE_CHARACTERS_MAX,
    Author,
    Command,
    CreateFunction,
    DropFunction,
    EnableStrategy,
    RemoveStrategies,
    RemoveStrategy,
    RollbackFunction,
    SpawnEntity,
    Transmit,
    UploadStrategy,
)
from wasmverse.errors import ModuleRefused, RecordingError
from wasmverse.functions.names import NAME_PATTERN as FUNCTION_NAME_PATTERN
from wasmverse.settings import GuestSettings
from wasmverse.sizes import ENTITIES_MAX_PER_SYSTEM, SYSTEMS_MAX, UPKEEP_MAX
from wasmverse.strategies.names import NAME_PATTERN, STRATEGIES_MAX

FORMAT = 2
FORMATS_READ = (1, 2)
"""Format 1 had authors without owners: whoever came with the name was it. And what was removed kept its row and its id."""
LINE_BYTES_MAX = 64 << 20
_SEAL = b',"check":"'
_SEAL_LENGTH = 16

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
FunctionName = Annotated[str, Field(pattern=f"^{FUNCTION_NAME_PATTERN}$")]
DEFINITION_MAX = 1 << 20
"""Characters of a function's definition or of its parameters' types."""
Text = Annotated[str, Field(max_length=200)]
Number = Annotated[int, Field(ge=0, le=2**62)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class Founder(_Part):
    """A strategy that the universe began with; ``module`` is base64."""

    name: Name
    is_enabled: bool
    language: Text
    author: Text
    owner: Text | None = None
    sha256: Digest
    module: str

    @property
    def by(self) -> Author:
        """Whose it is."""
        return _author(self.author, self.owner)


class Universe(_Part):
    """The first line: the universe and its laws. ``made_at`` tells it from others of the same seed."""

    fact: Literal["universe"] = "universe"
    format: Number
    wasmverse: Text
    wasmtime: Text
    made_at: Text
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    systems: Annotated[int, Field(ge=1, le=SYSTEMS_MAX)]
    ships: Annotated[int, Field(ge=0, le=ENTITIES_MAX_PER_SYSTEM)]
    nodes: Annotated[int, Field(ge=0, le=ENTITIES_MAX_PER_SYSTEM)]
    block_systems: Annotated[int, Field(ge=1, le=1 << 16)]
    upkeep: Annotated[int, Field(ge=0, le=UPKEEP_MAX)] = 0
    strategies: Annotated[list[Founder], Field(max_length=1_000)]
    tid: Literal[0] = 0


class Limits(_Part):
    """The settings that decide who faults, who is grounded and what is kept of a log; with the ranges of `GuestSettings`."""

    budget_fuel: int
    guest_memory_bytes_max: int
    guest_table_elements_max: int
    block_faults_max: int
    grounded_after_turns: int
    start_fuel: int = GuestSettings.model_fields["start_fuel"].default
    guest_log_bytes_max: int = GuestSettings.model_fields["guest_log_bytes_max"].default
    strategy_log_lines_max: int = GuestSettings.model_fields["strategy_log_lines_max"].default
    strategy_log_line_characters_max: int = GuestSettings.model_fields[
        "strategy_log_line_characters_max"
    ].default
    component_memory_bytes_max: int = GuestSettings.model_fields["component_memory_bytes_max"].default
    component_table_elements_max: int = GuestSettings.model_fields["component_table_elements_max"].default

    @classmethod
    def of(cls, settings: GuestSettings) -> Self:
        """The ones that a process plays with."""
        return cls(**{name: getattr(settings, name) for name in cls.model_fields})


class Start(_Part):
    """A process took the universe up; ``faulting`` counts the bad turns in a row of each strategy as it knew them.

    ``format`` is the one that it writes, and so how it plays; None is that of the first line.
    """

    fact: Literal["start"] = "start"
    tid: Number
    format: Number | None = None
    limits: Limits
    faulting: dict[Name, Number]
    state: Digest
    roster: Digest


class Turn(_Part):
    """A turn was committed; the hashes of the state and of the strategies stand at some."""

    fact: Literal["turn"] = "turn"
    tid: Number
    state: Digest | None = None
    roster: Digest | None = None


class Spawn(_Part):
    """`SpawnEntity`."""

    do: Literal["spawn"] = "spawn"
    sid: int
    kind: int
    x: int
    y: int
    strategy: Name | None


class _Authored(_Part):
    """A command that was given in somebody's name."""

    author: Text
    owner: Text | None = None
    is_admin: bool = False

    @property
    def by(self) -> Author:
        """In whose name."""
        return _author(self.author, self.owner, self.is_admin)


def _author(name: str, owner: str | None, is_admin: bool = False) -> Author:
    return Author.named(name) if owner is None else Author(owner, name, is_admin)


class Transmitted(_Authored):
    """`Transmit`."""

    do: Literal["transmit"] = "transmit"
    text: Annotated[str, Field(max_length=MESSAGE_CHARACTERS_MAX)]


class Upload(_Authored):
    """`UploadStrategy`; ``module`` is base64."""

    do: Literal["upload"] = "upload"
    name: Name
    sha256: Digest
    module: str
    budget_fuel: Annotated[int, Field(ge=100, le=10_000_000_000)] | None = None
    is_rollback: bool = False


class Remove(_Authored):
    """`RemoveStrategy`."""

    do: Literal["remove"] = "remove"
    name: Name


class RemoveSeveral(_Authored):
    """`RemoveStrategies`."""

    do: Literal["remove_several"] = "remove_several"
    names: Annotated[list[Name], Field(max_length=STRATEGIES_MAX)]


class Enable(_Authored):
    """`EnableStrategy`."""

    do: Literal["enable"] = "enable"
    name: Name
    is_enabled: bool


class Create(_Authored):
    """`CreateFunction`; ``definition`` is JSON, ``module`` base64."""

    do: Literal["create_function"] = "create_function"
    name: FunctionName
    definition: Annotated[str, Field(max_length=DEFINITION_MAX)]
    sha256: Digest
    module: str
    may_replace: bool


class Drop(_Authored):
    """`DropFunction`."""

    do: Literal["drop_function"] = "drop_function"
    name: FunctionName
    parameters: Annotated[str, Field(max_length=DEFINITION_MAX)] | None
    may_be_missing: bool
    is_aggregate: bool | None = None


class Rollback(_Authored):
    """`RollbackFunction`."""

    do: Literal["rollback_function"] = "rollback_function"
    name: FunctionName
    parameters: Annotated[str, Field(max_length=DEFINITION_MAX)] | None
    version: Number | None


Carried = Spawn | Transmitted | Upload | Remove | RemoveSeveral | Enable | Create | Drop | Rollback


class Given(_Part):
    """A command is about to be committed after turn ``tid``; ``next_eid`` and ``roster`` are those before it."""

    fact: Literal["command"] = "command"
    tid: Number
    next_eid: Number
    roster: Digest
    command: Annotated[Carried, Field(discriminator="do")]


class Dropped(_Part):
    """The command on the line before was not committed after all."""

    fact: Literal["dropped"] = "dropped"
    tid: Number


class Grounded(_Part):
    """The turn after ``tid`` is about to be committed and grounds strategies for their time: seconds of it, by name.

    No turn was committed with that if the process started again at ``tid``.
    """

    fact: Literal["grounded"] = "grounded"
    tid: Number
    seconds: Annotated[
        dict[Name, Annotated[float, Field(ge=0, le=1e9)]], Field(min_length=1, max_length=STRATEGIES_MAX)
    ]


class Stop(_Part):
    """The process ended as it should."""

    fact: Literal["stop"] = "stop"
    tid: Number
    state: Digest
    roster: Digest


Fact = Universe | Start | Turn | Given | Dropped | Grounded | Stop
_FACT: TypeAdapter[Fact] = TypeAdapter(Annotated[Fact, Field(discriminator="fact")])


def command_fact(command: Command) -> Carried:
    """A command as it is written down."""
    match command:
        case SpawnEntity(sid, kind, x, y, strategy):
            return Spawn(sid=sid, kind=kind, x=x, y=y, strategy=strategy)
        case Transmit(text, author):
            return Transmitted(text=text, **_named(author))
        case UploadStrategy(name, module, inspection, author, budget_fuel, is_rollback):
            text = base64.b64encode(module).decode()
            which: dict[str, Any] = {"name": name, "sha256": inspection.sha256, "is_rollback": is_rollback}
            return Upload(**which, module=text, budget_fuel=budget_fuel, **_named(author))
        case RemoveStrategy(name, author):
            return Remove(name=name, **_named(author))
        case RemoveStrategies(names, author):
            return RemoveSeveral(names=list(names), **_named(author))
        case EnableStrategy(name, is_enabled, author):
            return Enable(name=name, is_enabled=is_enabled, **_named(author))
        case CreateFunction(definition, module, _, may_replace, author):
            return Create(
                name=definition["name"],
                definition=json.dumps(definition),
                sha256=definition["sha256"],
                module=base64.b64encode(module).decode(),
                may_replace=may_replace,
                **_named(author),
            )
        case DropFunction(name, parameters, may_be_missing, author, is_aggregate):
            which = {"name": name, "parameters": parameters, "is_aggregate": is_aggregate}
            return Drop(**which, may_be_missing=may_be_missing, **_named(author))
        case RollbackFunction(name, parameters, version, author):
            return Rollback(name=name, parameters=parameters, version=version, **_named(author))


def _named(author: Author) -> dict[str, Any]:
    return {"author": author.name, "owner": author.owner, "is_admin": author.is_admin}


def module_of(recorded: Founder | Upload | Create) -> bytes:
    """The bytes of a module; raises ModuleRefused when they are not those of its hash."""
    try:
        module = base64.b64decode(recorded.module, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ModuleRefused(f"the module of {recorded.name} is not base64: record the run again") from error
    found = hashlib.sha256(module).hexdigest()
    if found != recorded.sha256:
        raise ModuleRefused(
            f"the module of {recorded.name} has the sha256 {found}, the recording says {recorded.sha256}: record the run again"
        )
    return module


def seal(fact: Fact, before: str) -> tuple[bytes, str]:
    """A fact as a line, and the check that the next line hangs on; ``before`` is that of the line before, '' at the first."""
    body = fact.model_dump_json(exclude_none=isinstance(fact, Turn)).encode()
    check = check_of(body, before)
    return body[:-1] + _SEAL + check.encode() + b'"}\n', check


def check_of(body: bytes, before: str) -> str:
    """The check over some bytes and what comes before them: 16 hexadecimal digits."""
    return hashlib.sha256(before.encode() + body).hexdigest()[:_SEAL_LENGTH]


class Recording:
    """A recording that is read from its beginning; iterate it as often as needed.

    After an iteration ``end`` is the number of bytes in whole lines, ``check`` that of the last one, and ``cut_line`` the number
    of a last line that a crash cut off, which is left out; 0 when there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.end = 0
        self.check = ""
        self.cut_line = 0

    def __iter__(self) -> Iterator[tuple[int, Fact]]:
        """Yield (line number, fact), in the order in which facts can follow each other.

        Raises
        ------
        RecordingError : naming the line, what is wrong with it and the remedy.
        """
        self.end, self.check, self.cut_line = 0, "", 0
        last: Fact | None = None
        number = 0
        try:
            if not self.path.is_file():
                raise RecordingError(f"{self.path} is not there, or no ordinary file: name a recording")
            with self.path.open("rb") as file:
                while line := file.readline(LINE_BYTES_MAX):
                    number += 1
                    if not line.endswith(b"\n"):
                        if len(line) == LINE_BYTES_MAX:
                            raise self._wrong(number, f"is longer than {LINE_BYTES_MAX:,} bytes")
                        self.cut_line = number
                        break
                    fact = self._fact(number, line)
                    if (broken := _broken_order(last, fact)) is not None:
                        raise self._wrong(number, broken)
                    self.end += len(line)
                    last = fact
                    yield number, fact
        except OSError as error:
            raise RecordingError(
                f"{self.path} cannot be read ({error.strerror}): check its rights"
            ) from error
        if last is None:
            raise RecordingError(f"{self.path} has no whole line; a recording begins with its universe")

    def _wrong(self, number: int, what: str) -> RecordingError:
        return RecordingError(
            f"{self.path} line {number} {what}: restore a copy of the recording, or record again"
        )

    def _fact(self, number: int, line: bytes) -> Fact:
        body, mark, check = line[:-1].rpartition(_SEAL)
        body += b"}"
        if not mark or check != check_of(body, self.check).encode() + b'"}':
            raise self._wrong(number, "is damaged or out of place; its check does not match")
        self.check = check[:-2].decode()
        try:
            return _FACT.validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part)[:70] for part in first["loc"]) or "it"
            raise self._wrong(number, f"is not understood; {where}: {first['msg'][:200]}") from error


def _broken_order(last: Fact | None, fact: Fact) -> str | None:
    """What is wrong with a fact after another one; None when it can stand there."""
    if last is None:
        if not isinstance(fact, Universe):
            return f"is a {fact.fact}; a recording begins with its universe"
        return (
            f"has format {fact.format}; up to {FORMAT} is understood"
            if fact.format not in FORMATS_READ
            else None
        )
    if isinstance(fact, Start) and fact.format not in (None, *FORMATS_READ):
        return f"has format {fact.format}; up to {FORMAT} is understood"
    steps: tuple[int, ...]
    match last, fact:
        case (_, Universe()):
            return "is a second universe; a recording has one"
        case (Universe() | Stop(), Start()):
            steps = (0,)
        case (Universe() | Stop(), _):
            return f"is a {fact.fact} after a {last.fact}; a start must be between them"
        case (Grounded(), Dropped() | Given() | Grounded() | Stop()):
            return f"is a {fact.fact} after a {last.fact}; the turn that it tells of comes next, or a start"
        case (Given(), Dropped()):
            steps = (0,)
        case (_, Dropped()):
            return f"drops a command, but a {last.fact} is before it"
        case (_, Start()):
            steps = (0, 1)  # a process that was killed may have committed one turn more than it wrote down
        case (_, Turn()):
            steps = (1,)
        case _:
            steps = (0,)
    if fact.tid - last.tid not in steps:
        return f"is of turn {fact.tid}, the line before it of turn {last.tid}"
    return None
