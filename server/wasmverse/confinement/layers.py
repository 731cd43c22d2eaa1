"""The layers of confinement by name, and how they are reported: which hold, and why one does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PRIVILEGES = "privileges"
LIMITS = "limits"
FILES = "files"
TCP = "tcp"
SIGNALS = "signals"
CALLS = "calls"
NAMESPACES = "namespaces"
GROUPS = "groups"
USER = "user"
PROCESSES = "processes"

KINDS = ("universe", "reader", "checker")

Outcomes = dict[str, str]
"""Layer -> nothing where it holds, else why it does not."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer does, how to get it on a machine that lacks it, and which kinds of process it is for."""

    what: str
    remedy: str
    kinds: tuple[str, ...] = KINDS


_KERNEL = "run a kernel of version {} or newer, with landlock among the modules of its lsm= option"
LAYERS: Mapping[str, Layer] = {
    PRIVILEGES: Layer("no capability of root, and no program gives one", "run on Linux"),
    LIMITS: Layer("memory, processor time, files and descriptors are bounded", "run on a Unix"),
    FILES: Layer("only what it needs can be opened (Landlock)", _KERNEL.format("5.19")),
    TCP: Layer("no TCP connections, but the universe's to its database (Landlock)", _KERNEL.format("6.7")),
    SIGNALS: Layer("no signals and abstract sockets to others (Landlock)", _KERNEL.format("6.12")),
    CALLS: Layer(
        "no programs, forks, sockets, debugging, mounts (seccomp)",
        "run a kernel with CONFIG_SECCOMP_FILTER on x86_64 or aarch64",
    ),
    NAMESPACES: Layer(
        "a network and mounts of its own, read-only for readers and checkers",
        "let the user make user namespaces (in a container: its seccomp profile and AppArmor), Linux 5.12 on; connect to a "
        "database over a Unix socket",
    ),
    GROUPS: Layer(
        "memory and threads are bounded for the process as a whole (control groups)",
        "start the server where the groups of memory and pids are delegated to it and no other process is in them "
        "(systemd: Delegate=yes; by hand: systemd-run --user --scope -p Delegate=yes)",
        ("reader", "checker"),
    ),
    USER: Layer(
        "not root: a user of its own, where the server is root's",
        "install Python and Wasmverse where every user may read them, and start the server with umask 022; or start it "
        "as a user that is not root",
        ("reader", "checker"),
    ),
    PROCESSES: Layer(
        "no process of others is there to be seen or signalled (PID namespace)",
        "let the user make user namespaces (in a container: its seccomp profile and AppArmor)",
        ("reader", "checker"),
    ),
}


def layers_of(kind: str) -> list[str]:
    """The layers that are for this kind of process."""
    return [layer for layer, about in LAYERS.items() if kind in about.kinds]


def missing(outcomes: Outcomes) -> Outcomes:
    """The layers that do not hold."""
    return {layer: why for layer, why in outcomes.items() if why}


Confinement = Mapping[str, Outcomes]
"""Kind of process -> its layers."""


def summary(confinement: Confinement) -> str:
    """One line: around whom all layers hold, and what is missing around whom."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for kind, outcomes in confinement.items():
        alike.setdefault(tuple(missing(outcomes)), []).append(kind)
    parts = [
        ", ".join(kinds) + (f" without {', '.join(lacks)}" if lacks else " by all layers")
        for lacks, kinds in alike.items()
    ]
    hint = " (wasmverse doctor says why)" if any(alike) else ""
    return f"confined: {'; '.join(parts)}{hint}"


def refusal(required: Iterable[str], confinement: Confinement) -> str | None:
    """Why a server that must have these layers (``all`` for every one) may not start; None if it may."""
    wanted = set(required)
    for kind, outcomes in confinement.items():
        for layer in layers_of(kind):
            why = outcomes.get(layer, "it was not asked for")
            if why and wanted & {layer, "all"}:
                return (
                    f"confinement_required names {layer!r}, which does not hold around the {kind}: {why}; "
                    f"{LAYERS[layer].remedy}, or take it out of WASMVERSE_CONFINEMENT_REQUIRED"
                )
    return None
