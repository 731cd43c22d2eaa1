"""What clients may ask of the universe: each takes effect between two turns, never inside one.

The gateway makes them, the universe process carries them out in order of arrival. They are
plain picklable values; the answer to each is a dict of plain values, or a WasmverseError.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

BUNDLED_OWNER = "wasmverse"
"""Who owns the strategies that come with Wasmverse. No request has this id: those of people have a prefix."""

OPERATOR_OWNER = "operator"
"""Whoever comes by the link that the server printed."""

CLAIMED, TOKEN = "name:", "token:"
"""How the ids of people begin: one who only gave a name, and one who has a token."""


@dataclass(frozen=True, slots=True)
class Author:
    """In whose name strategies and functions are changed, and texts transmitted.

    Attributes
    ----------
    owner : the id that a strategy or a function is stored under. Names are shown and can be chosen by anybody; ids cannot.
    name : what is shown as the author.
    is_admin : may change everybody's; what existed keeps its owner and author.
    """

    owner: str
    name: str
    is_admin: bool = False

    @classmethod
    def named(cls, name: str) -> Author:
        """Somebody who gave a name and no proof; ``wasmverse`` is who the bundled strategies belong to."""
        return cls(BUNDLED_OWNER if name == BUNDLED_OWNER else CLAIMED + name, name)

    def owns(self, owner: str) -> bool:
        """Whether what is stored under ``owner`` is theirs: also what was stored under their bare name."""
        return self.is_admin or owner in {self.owner, CLAIMED + self.name}


@dataclass(frozen=True, slots=True)
class SpawnEntity:
    """``call spawn_entity(sid, kind, x, y, strategy)``. Answer: ``{"eid": int, "tid": int}``.

    kind is 1 (ship) or 2 (energy node); strategy is a name, None for a node.
    """

    sid: int
    kind: int
    x: int
    y: int
    strategy: str | None


class Trial(NamedTuple):
    """What a strategy answered to the observations that each is tried with, the same on every machine.

    Attributes
    ----------
    observations : how many there are; calls : of them those that it was called for, which are not all after several faults.
    hold, move, upgrade_blasters, upgrade_thrusters, upgrade_harvesters : calls by what they returned.
    invalid : calls that returned no plan; trapped : those that returned nothing. Both are faults.
    fuel_mean, fuel_most : of a call.
    over_budget : calls that took more than ``budget_fuel``, which is what a call may take.
    start_fuel : of an instance, before its first call.
    fault : why the first fault was one; None without one.
    is_cut : whether the calls took so much fuel that it was not called for the other observations.
    """

    observations: int
    calls: int
    hold: int
    move: int
    upgrade_blasters: int
    upgrade_thrusters: int
    upgrade_harvesters: int
    invalid: int
    trapped: int
    fuel_mean: int
    fuel_most: int
    over_budget: int
    budget_fuel: int
    start_fuel: int
    fault: str | None = None
    is_cut: bool = False


class Cost(NamedTuple):
    """Processor time that one strategy took where it was tried: to make an instance with its first call, and for a call more."""

    instance_seconds: float
    call_seconds: float


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a module that passed its inspection: read once, away from the universe, and believed from then on.

    Attributes
    ----------
    sha256 : of the module's bytes, in hexadecimal digits.
    language : what the module says it was written in.
    strategies : by the name that each is registered under, the export that flies it.
    trials : of each strategy, what it answered to the observations of the trial.
    costs : of each strategy, what it took where it was tried; empty when the upload is not to be judged by that.
    compiled : the compiler's output for the module.
    """

    sha256: str
    language: str
    strategies: dict[str, str]
    trials: dict[str, Trial]
    costs: dict[str, Cost] = field(default_factory=dict, compare=False)
    compiled: bytes = field(default=b"", repr=False)

    def only(self, name: str) -> Inspection:
        """What was found of one strategy alone; of none if there is none of that name."""
        return replace(
            self,
            strategies={one: export for one, export in self.strategies.items() if one == name},
            trials={one: trial for one, trial in self.trials.items() if one == name},
            costs={one: cost for one, cost in self.costs.items() if one == name},
        )


@dataclass(frozen=True, slots=True)
class UploadStrategy:
    """Store a module and fly its strategies from the next turn on; ``budget_fuel`` is what a call of theirs may take, None for
    what the universe allows everybody.

    Answer: ``{"strategies": [row of strategy, ...], "tid": int}``

    Attributes
    ----------
    is_rollback : it is a module that the strategy ``name`` flew before; ``inspection`` has none of the other strategies that it
        exports.
    """

    name: str
    module: bytes
    inspection: Inspection
    author: Author
    budget_fuel: int | None = None
    is_rollback: bool = False


@dataclass(frozen=True, slots=True)
class CheckUpload:
    """Say whether an upload would be taken if it came now. Nothing is changed or recorded by it, so it is no command.

    Answer: as of `UploadStrategy`, or the error that it would meet.

    Attributes
    ----------
    inspection : without the machine code.
    size, compiled_size : bytes of the module, and of its machine code.
    """

    inspection: Inspection
    size: int
    compiled_size: int
    author: Author
    budget_fuel: int | None = None

    @classmethod
    def of(cls, upload: UploadStrategy) -> CheckUpload:
        """What is to be known of an upload for it."""
        found = upload.inspection
        sizes = len(upload.module), len(found.compiled)
        return cls(replace(found, compiled=b""), *sizes, upload.author, upload.budget_fuel)


@dataclass(frozen=True, slots=True)
class FindVersion:
    """Give a module that a strategy flew before, so that it can be checked and uploaded again. Nothing is changed or recorded by
    it, so it is no command.

    Answer: ``{"version": int, "sha256": str, "module": bytes, "budget_fuel": int | None}``

    Attributes
    ----------
    sha256 : of the module, or how it begins; None for the one that was replaced last.
    """

    name: str
    sha256: str | None
    author: Author


Question = CheckUpload | FindVersion
"""What is asked of the universe between two turns, as commands are, and changes nothing."""


@dataclass(frozen=True, slots=True)
class RemoveStrategy:
    """Remove a strategy; its ships hold until they die. Answer: ``{"name": str, "tid": int}``."""

    name: str
    author: Author


@dataclass(frozen=True, slots=True)
class RemoveStrategies:
    """Remove several strategies, or none if one of them cannot be. Answer: ``{"names": [str, ...], "tid": int}``."""

    names: tuple[str, ...]
    author: Author


@dataclass(frozen=True, slots=True)
class EnableStrategy:
    """Deal new ships to a strategy, or stop doing so. Answer: ``{"name": str, "is_enabled": bool, "tid": int}``."""

    name: str
    is_enabled: bool
    author: Author


@dataclass(frozen=True, slots=True)
class CreateFunction:
    """Store a Wasm function, to be called in SQL from the next turn on; a known one gets a new version.

    Answer: ``{"name": str, "kind": str, "signature": str, "version": int, "sha256": str, "bytes": int, "language": str,
    "author": str, "tid": int}``

    Attributes
    ----------
    definition : a row of `functions.definition.Definition`, whose version and owner are given here.
    module : the bytes that were sent.
    compiled : the compiler's output for them.
    may_replace : without it a function that is there already is an error.
    """

    definition: dict[str, Any]
    module: bytes
    compiled: bytes = field(repr=False)
    may_replace: bool
    author: Author


@dataclass(frozen=True, slots=True)
class DropFunction:
    """Remove a function with all its versions: the one with these parameters, None for all of the name.

    Answer: ``{"name": str, "dropped": int, "tid": int}``; ``dropped`` may be 0 if it may be missing. ``is_aggregate`` is whether
    it must be an aggregate, or must be none; None for either.
    """

    name: str
    parameters: str | None
    may_be_missing: bool
    author: Author
    is_aggregate: bool | None = None


@dataclass(frozen=True, slots=True)
class RollbackFunction:
    """Have a kept version called again: the one of this number, None for the one before the present one.

    ``parameters`` may be None if the name has one function. Answer as of `CreateFunction`.
    """

    name: str
    parameters: str | None
    version: int | None
    author: Author


MESSAGE_CHARACTERS_MAX = 500
"""Longest text that a client may transmit, in characters."""


@dataclass(frozen=True, slots=True)
class Transmit:
    """Say something to everybody: ``call transmit(text)``. Answer: ``{"tid": int}``, the turn that it belongs to.

    It is shown with the next turn.
    """

    text: str
    author: Author


Command = (
    SpawnEntity
    | Transmit
    | UploadStrategy
    | RemoveStrategy
    | RemoveStrategies
    | EnableStrategy
    | CreateFunction
    | DropFunction
    | RollbackFunction
)
