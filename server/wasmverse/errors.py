"""Every error that Wasmverse raises on purpose.

    WasmverseError                 code (MySQL's where SQL clients see it), message
    +-- SettingsError              a setting or option is wrong, alone or beside another
    +-- StateError                 a universe's state breaks an invariant
    +-- DatabaseError              a database cannot be used
    |   +-- DatabaseForeign        it is not a Wasmverse universe
    |   +-- DatabaseLocked         another process has it open
    |   +-- DatabaseTooNew         a newer version of Wasmverse made it
    |   +-- DatabaseDamaged        its bytes, or those of its log, are not those that were written
    |   +-- DatabaseLost           its server was there, and does not answer any more: try again
    |   +-- ClockLost              another process plays the turns now
    +-- SnapshotError              a turn cannot be published
    +-- RecordingError             a recorded run cannot be read, written or continued
    +-- PastError                  a past turn cannot be kept, or played again
    +-- ModuleRefused              an uploaded module breaks a rule
    +-- BuildError                 a strategy's source cannot be made into a module
    |   +-- SourceRefused          its compiler refuses it, at these lines
    |   +-- CompilerMissing        its compiler is not installed
    +-- StrategyError              a strategy's name, owner or state forbids what was asked
    |   +-- StrategyUnknown        there is no strategy of that name
    |   +-- StrategyTaken          the name belongs to somebody else
    |   +-- StrategyLimit          no more of that is allowed
    |       +-- StrategyCostly     it would make turns late
    +-- FunctionError              a function's name, owner or state forbids what was asked
    |   +-- FunctionUnknown        there is no function of that name
    |   +-- FunctionTaken          the name belongs to somebody else, or to something else
    |   +-- FunctionLimit          no more of that is allowed
    +-- CommandError               a client's command (`call spawn_entity(...)`) is wrong
    +-- QueryError                 a query was refused or failed
    |   +-- QueryRefused           it is not a single SELECT, or touches what is forbidden
    |   +-- QueryTimeout           it ran past its time limit
    |   +-- QueryOverload          no reader was free in time
    +-- ServerError                a server did not do what a client of ours asked; the message has its words
    |   +-- ServerUnreachable      nothing answers at its address, or it stopped answering
    |   +-- ServerDenied           who asks is not known there, or may not ask this; or nobody may
    |   +-- ServerRefused          the statement, the module or the request is wrong
    |   +-- ServerBusy             it has too much to do; nothing was changed: ask again
    |   +-- ServerFailed           it met an error of its own; whether a command took effect is not known
    +-- UniverseUnavailable        the universe process is not there to answer
        +-- UniverseBusy           it has too much to do to accept a command; nothing was changed
        +-- UniverseSilent         it did not answer in time; whether the command took effect is not known

Errors know nothing of HTTP; `api.errors` gives each its status.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class WasmverseError(Exception):
    """Base of all; ``message`` names the value, the rule and the remedy in one line."""

    code = 1105  # MySQL: unknown error

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class SettingsError(WasmverseError):
    """A setting or option is wrong, alone or beside another."""


class StateError(WasmverseError):
    """A universe's state breaks an invariant (order, offsets, limits)."""


class DatabaseError(WasmverseError):
    """A database cannot be used: a file, or a server's."""


class DatabaseForeign(DatabaseError):
    """It is not a Wasmverse universe."""


class DatabaseLocked(DatabaseError):
    """Another process has the file open, or rows of a server's database."""


class DatabaseTooNew(DatabaseError):
    """A newer version of Wasmverse made it."""


class DatabaseLost(DatabaseError):
    """A server that was there ended a session, or does not answer: what was not committed is undone, and to be tried again.

    Whether a commit that was under way took place is known once there is a session again.
    """


class ClockLost(DatabaseError):
    """Another process plays the turns now; what this one was about to commit is undone."""


class DatabaseDamaged(DatabaseError):
    """The bytes of the file, or of its log, are not those that were written; ``found`` says how that was noticed."""

    def __init__(self, message: str, *, found: str = "") -> None:
        super().__init__(message)
        self.found = found


class SnapshotError(WasmverseError):
    """A turn cannot be published; it is committed all the same."""


class RecordingError(WasmverseError):
    """A recorded run cannot be read, written or continued."""


class PastError(WasmverseError):
    """A past turn cannot be kept, or cannot be played again."""


@dataclass(frozen=True, slots=True)
class ModulePlace:
    """What in a module is the reason why it is refused.

    Attributes
    ----------
    kind : ``import``, ``export`` or ``function``.
    name, module : of an import or export, cut to what can be shown; only an import has a module.
    index : of a function, among all with the imported ones first.
    """

    kind: str
    name: str = ""
    module: str = ""
    index: int = 0

    def plain(self) -> dict[str, str | int]:
        """What there is of it, for JSON."""
        if self.kind == "function":
            return {"kind": self.kind, "index": self.index}
        of = {"module": self.module} if self.kind == "import" else {}
        return {"kind": self.kind, **of, "name": self.name}


class ModuleRefused(WasmverseError):
    """An uploaded module breaks a rule; the message says which, and how to correct it. ``place`` is where, if it is somewhere."""

    def __init__(self, message: str, place: ModulePlace | None = None) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong at a place of a source file; lines and columns count from 1, 0 is the whole file or line."""

    file: Path
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        places = [str(place) for place in (self.line, self.column) if place]
        return f"{':'.join([str(self.file), *places])}: {self.text}"


class BuildError(WasmverseError):
    """A strategy's source cannot be made into a module."""


class SourceRefused(BuildError):
    """A compiler refuses a source; ``complaints`` has what and where, at least one; ``output`` all that it printed."""

    def __init__(self, complaints: Sequence[Complaint], output: str = "") -> None:
        super().__init__(str(complaints[0]))
        self.complaints = tuple(complaints)
        self.output = output


class CompilerMissing(BuildError):
    """The compiler of a language is not installed; the message says what to install."""


class StrategyError(WasmverseError):
    """A strategy's name, owner or state forbids what was asked."""


class StrategyUnknown(StrategyError):
    """There is no strategy of that name."""


class StrategyTaken(StrategyError):
    """The name belongs to somebody else."""


class StrategyLimit(StrategyError):
    """An upload would make more of something than is allowed."""


class StrategyCostly(StrategyLimit):
    """By what was measured, an upload would take so much time of a turn that turns would be late."""


class FunctionError(WasmverseError):
    """A function's name, owner or state forbids what was asked."""


class FunctionUnknown(FunctionError):
    """There is no function of that name."""

    code = 1305


class FunctionTaken(FunctionError):
    """The name belongs to somebody else, or to something else."""

    code = 1304


class FunctionLimit(FunctionError):
    """A function would make more of something than is allowed."""


class CommandError(WasmverseError):
    """A client's command is wrong."""

    code = 1064


class QueryError(WasmverseError):
    """A query was refused or failed; ``code`` is MySQL's."""


class QueryRefused(QueryError):
    """The text is not a single SELECT, or touches what is forbidden."""

    code = 1142


class QueryTimeout(QueryError):
    """The query ran past its time limit."""

    code = 3024


class QueryOverload(QueryError):
    """No reader was free in time."""

    code = 1040


class ServerError(WasmverseError):
    """A server did not do what a client of ours asked; ``status`` is that of HTTP, None where there was no answer."""

    def __init__(self, message: str, *, code: int | None = None, status: int | None = None) -> None:
        super().__init__(message, code=code)
        self.status = status


class ServerUnreachable(ServerError):
    """Nothing answers at its address, or it stopped answering: whether a command took effect is then not known."""

    code = 2002


class ServerDenied(ServerError):
    """Who asks is not known there, or may not ask this; or nobody may, of a statement that is denied."""


class ServerRefused(ServerError):
    """The statement, the module or the request is wrong; ``code`` is MySQL's."""


class ServerBusy(ServerError):
    """It has too much to do, and nothing was changed: ask again after ``retry_seconds``."""

    retry_seconds = 1.0


class ServerFailed(ServerError):
    """It met an error of its own, or was not told in time what became of a command: whether that took effect is not known."""


class UniverseUnavailable(WasmverseError):
    """The universe process is not there to answer."""

    code = 2013


class UniverseBusy(UniverseUnavailable):
    """The universe has too much to do to accept a command, or did not begin it in time; nothing was changed."""

    code = 1040


class UniverseSilent(UniverseUnavailable):
    """The universe did not answer in time; whether the command took effect is not known."""
