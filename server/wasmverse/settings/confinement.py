"""What confines the processes that run strangers' code."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wasmverse.settings.group import Group


class ConfinementSettings(Group):
    """The users, threads and layers of readers and checkers."""

    user_ids_first: int = Field(
        60_600,
        ge=1,
        le=2_000_000_000,
        description="User and group of readers where root starts the server; checkers have the next.",
    )
    process_threads_max: int = Field(
        256,
        ge=32,
        le=4096,
        description="Threads of a reader, besides those of a query, and of a checker, where control groups can bound them.",
    )
    confinement_required: tuple[
        Literal[
            "privileges",
            "limits",
            "files",
            "tcp",
            "signals",
            "calls",
            "namespaces",
            "groups",
            "user",
            "processes",
            "all",
        ],
        ...,
    ] = Field(
        (),
        description="Layers of confinement without which the server does not start; JSON list, `all` for every one.",
    )
