"""How something is checked in a process of its own, with bounded time and memory, and what its answer is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from wasmverse.confinement import groups
from wasmverse.confinement.processes import bare_environment, inside
from wasmverse.errors import ModulePlace, ModuleRefused, WasmverseError

HEADER_BYTES_MAX = 1 << 20
"""What a checker writes besides the machine code."""

_NAMES_CHARACTERS_MAX = 1_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one check: seconds, memory, threads, and bytes of machine code."""

    seconds_max: float
    memory_bytes_max: int
    threads_max: int
    compiled_bytes_max: int


@dataclass(frozen=True, slots=True)
class Check(Generic[T]):
    """One check that can be run.

    Attributes
    ----------
    program : the module that is the process; see `process`.
    settings : its last argument, as JSON; ``arguments`` are those before.
    sent : what it reads, one piece after the other.
    read : what its answer means, from the plain values and the compiled bytes; raises ModuleRefused if it cannot be true. The
        process has run a stranger's code.
    refusals : the errors that it may answer, besides ModuleRefused.
    """

    program: str
    settings: str
    sent: tuple[bytes, ...]
    bounds: Bounds
    read: Callable[[dict[str, Any], bytes], T]
    refusals: tuple[type[WasmverseError], ...] = ()
    arguments: tuple[str, ...] = ()

    @property
    def answer_bytes_max(self) -> int:
        """The most that it may write."""
        return self.bounds.compiled_bytes_max + HEADER_BYTES_MAX

    def start(self) -> tuple[list[str], dict[str, str], groups.Group]:
        """How the process is started: its command, its environment and its group, to be removed when it has ended."""
        group = groups.ours().group("checker", self.bounds.threads_max, self.bounds.memory_bytes_max)
        command = [*inside(self.program), *self.arguments, self.settings]
        return command, bare_environment() | group.environment(), group

    def answer(self, status: int, output: bytes) -> T:
        """What was found, by the process's exit status and all that it wrote.

        Raises
        ------
        ModuleRefused, or another of ``refusals`` : what was sent breaks a rule, or the process ran past a limit.
        """
        # No more is looked at than a header may have: what does not end within it is none.
        end = output.find(b"\n", 0, HEADER_BYTES_MAX + 1)
        header, compiled = (output[:end], output[end + 1 :]) if end >= 0 else (output[:HEADER_BYTES_MAX], b"")
        if status != 0 or not header:
            raise ModuleRefused(
                f"the compiler ended with {status} on this module (limits: {self.bounds.seconds_max:g} s, "
                f"{self.bounds.memory_bytes_max:,} bytes): make it smaller or simpler"
            )
        try:
            found = json.loads(header)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ModuleRefused(
                "the checker's answer is not understood: send the module again, or build it again"
            )
        if "refused" in found:
            kinds = {kind.__name__: kind for kind in self.refusals}
            words = str(found["refused"])
            if (kind := kinds.get(str(found.get("kind")))) is not None:
                raise kind(words)
            raise ModuleRefused(words, _place(found.get("place")))
        return self.read(found, compiled)

    def too_slow(self) -> ModuleRefused:
        """The refusal of what was not checked in time."""
        return ModuleRefused(
            f"checking the module took more than {self.bounds.seconds_max:g} s: make it smaller or simpler"
        )

    def run(self) -> T:
        """Run it, and wait until it is done.

        Raises
        ------
        as `answer`.
        """
        command, environment, group = self.start()
        try:
            done = subprocess.run(
                command,
                input=b"".join(self.sent),
                capture_output=True,
                timeout=self.bounds.seconds_max,
                check=False,
                env=environment,
            )
        except subprocess.TimeoutExpired as error:
            raise self.too_slow() from error
        finally:
            group.remove()
        return self.answer(done.returncode, done.stdout)


def _place(said: object) -> ModulePlace | None:
    """A place as a checker wrote it, if it is one: it may have become the stranger's."""
    match said:
        case {"kind": "function", "index": int(index)} if 0 <= index < 1 << 32:
            return ModulePlace("function", index=int(index))
        case {"kind": "export", "name": str(name)} if _can_be_shown(name):
            return ModulePlace("export", name)
        case {"kind": "import", "module": str(module), "name": str(name)} if _can_be_shown(module + name):
            return ModulePlace("import", name, module)
    return None


def _can_be_shown(name: str) -> bool:
    return len(name) <= _NAMES_CHARACTERS_MAX and name.isprintable()
