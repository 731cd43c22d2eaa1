"""Every limit and choice of a running Wasmverse, in one place: name, unit, default, help.

A setting is read from the environment as ``WASMVERSE_<NAME>``; the command line's options come before it.
docs/settings.md is checked against this file by a test.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Self

import platformdirs
from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

from wasmverse.errors import SettingsError

MAP_SIDE = 500
SYSTEMS_MAX = MAP_SIDE * MAP_SIDE
ENTITIES_MAX_PER_SYSTEM = 4096


def default_database_path() -> Path:
    """``universe.duckdb`` in the user's data folder."""
    return Path(platformdirs.user_data_dir("wasmverse", appauthor=False)) / "universe.duckdb"


class Settings(BaseSettings):
    """One validated set of settings; the processes of a server share it as it was at start."""

    model_config = SettingsConfigDict(env_prefix="WASMVERSE_", frozen=True, extra="forbid")

    # The universe
    database_path: Path = Field(
        default_factory=default_database_path, description="The universe's DuckDB file."
    )
    systems: int = Field(1_000, ge=1, le=SYSTEMS_MAX, description="Solar systems of a new universe.")
    ships: int = Field(
        32,
        ge=0,
        le=ENTITIES_MAX_PER_SYSTEM,
        description="Ships per system: at the beginning, and the minimum kept up.",
    )
    nodes: int = Field(
        64,
        ge=0,
        le=ENTITIES_MAX_PER_SYSTEM,
        description="Energy nodes per system: at the beginning, and the minimum kept up.",
    )
    seed: int = Field(
        1, ge=0, lt=2**63, description="Seed of a new universe; the same seed gives the same turns."
    )
    period_seconds: float = Field(
        1.0, ge=0.05, le=3600, description="Seconds from one turn's start to the next one's."
    )
    threads: int = Field(0, ge=0, le=256, description="Threads that play a turn; 0 is one for each core.")

    log_bytes_max: int = Field(
        16 << 20,
        ge=1 << 10,
        description="Size of the database's log at which it is folded into the file between two turns, in bytes.",
    )

    # The universe process
    command_wait_seconds_max: float = Field(
        15.0,
        gt=0,
        le=3600,
        description="Time in which the universe must begin a command, in seconds; later it is dropped.",
    )
    command_queue_max: int = Field(
        64, ge=1, description="Commands that may wait for the universe; further ones are refused."
    )
    command_bytes_max: int = Field(
        128 << 20,
        ge=1 << 20,
        description="Bytes of all commands that wait for the universe; the first is always taken.",
    )
    stop_seconds_max: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="Time in which a universe that is at work must have ended, in seconds.",
    )
    stop_idle_seconds_max: float = Field(
        5.0,
        gt=0,
        le=3600,
        description="Time in which it must have ended while it does nothing, in seconds.",
    )

    # Recorded runs
    record_path: Path | None = Field(
        None, description="File in which the run is written down, so that it can be replayed."
    )
    record_hash_turns: int = Field(
        10,
        ge=1,
        le=1_000_000,
        description="Turns of a recording to one with the hash of its state; a turn behind a command always has it.",
    )

    # What is kept
    turns_kept: int = Field(3_600, ge=2, le=1_000_000, description="Turns kept in `turns`.")
    strategy_turns_kept: int = Field(600, ge=1, le=100_000, description="Turns kept in `strategy_turn`.")
    event_turns_kept: int = Field(60, ge=1, le=100_000, description="Turns kept in `event`.")
    events_kept: int = Field(
        50_000, ge=1, description="Rows kept in `event`: of whole turns, and always those of the newest one."
    )
    snapshots_kept: int = Field(
        8, ge=1, le=1_000, description="Snapshots of turns kept for queries that pin a turn."
    )
    snapshot_bytes_max: int = Field(
        2 << 30,
        ge=1 << 20,
        description="Bytes of all kept snapshots together; the newest one is always kept.",
    )
    snapshot_folder: Path | None = Field(
        None,
        description="Where snapshots are put; by default shared memory (/dev/shm) or the temporary folder.",
    )

    # Guests
    budget_fuel: int = Field(
        20_000,
        ge=100,
        le=10_000_000_000,
        description="Fuel for one call of a strategy, pooled over ships of a block.",
    )
    guest_memory_bytes_max: int = Field(
        16 << 20,
        ge=1 << 16,
        le=1 << 30,
        description="Linear memory that one instance of a guest may grow to, in bytes.",
    )
    guest_table_elements_max: int = Field(
        10_000, ge=1, description="Elements that a guest's table may grow to."
    )
    module_bytes_max: int = Field(4 << 20, ge=1 << 10, description="Size of an uploaded module, in bytes.")
    module_functions_max: int = Field(20_000, ge=1, description="Functions in an uploaded module.")
    module_exports_max: int = Field(
        1_000,
        ge=2,
        description="Exports of an uploaded module; the universe reads each when a strategy is taken up.",
    )
    compile_seconds_max: float = Field(
        20.0, gt=0, description="Time for checking and compiling a module, in seconds."
    )
    compile_memory_bytes_max: int = Field(
        1 << 30, ge=1 << 26, description="Memory for checking and compiling a module, in bytes."
    )
    block_faults_max: int = Field(
        4,
        ge=1,
        description="Faults of a strategy in one block and turn before its other ships there hold uncalled.",
    )
    grounded_after_turns: int = Field(
        10, ge=1, description="Turns in a row in which most calls of a strategy fault, until it is grounded."
    )

    # Uploads
    strategies_max_per_module: int = Field(
        8, ge=1, description="Strategies that one uploaded module may export."
    )
    strategies_max_per_owner: int = Field(
        32, ge=1, description="Strategies of one owner, removed ones whose ships still live included."
    )
    strategies_max: int = Field(
        256,
        ge=1,
        le=15_000,
        description="Strategies that fly or are grounded; with removed ones whose ships still live four times as many.",
    )
    stored_bytes_max_per_owner: int = Field(
        32 << 20, ge=1 << 10, description="Bytes of the modules that one owner's strategies fly."
    )
    stored_bytes_max: int = Field(
        256 << 20, ge=1 << 10, description="Bytes of the modules that all strategies fly."
    )
    compiled_bytes_max_per_owner: int = Field(
        128 << 20, ge=1 << 16, description="Bytes of the machine code of one owner's strategies."
    )
    compiled_bytes_max_stored: int = Field(
        512 << 20, ge=1 << 16, description="Bytes of the machine code of all strategies."
    )
    upload_share_max: float = Field(
        0.25,
        gt=0,
        le=1,
        description="Part of the period that an upload may add to a turn, by what was measured when it was checked.",
    )
    strategy_cost_times_max: float = Field(
        10.0,
        ge=0,
        description="How many times what ships cost otherwise those of a strategy may take before a late turn grounds it; "
        "0 grounds none for its time.",
    )
    uploads_max: int = Field(
        16,
        ge=1,
        description="Uploads that arrive, wait or are checked at the same time; further ones are refused.",
    )
    uploads_max_per_client: int = Field(
        4, ge=1, description="As many of these from one client: an owner with a token, or an address."
    )
    upload_bytes_max: int = Field(
        32 << 20, ge=1 << 10, description="Bytes of all these uploads together; further ones are refused."
    )
    module_checks_max: int = Field(
        2, ge=1, le=64, description="Uploads that are checked at the same time, each by a process."
    )
    compiled_bytes_max: int = Field(
        32 << 20, ge=1 << 16, description="Size of a module's machine code, in bytes."
    )

    # The gateway
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    hosts: tuple[str, ...] = Field(
        (),
        description="Further names of this server, without port; JSON list, `*` for all where tokens are needed.",
    )
    proxies: tuple[str, ...] = Field(
        (),
        description="Addresses and networks of proxies in front, which tell whose requests they pass on; JSON list.",
    )

    # Queries
    readers: int = Field(
        2, ge=1, le=256, description="Reader processes that may answer queries at the same time."
    )
    reader_spares: int = Field(1, ge=0, le=64, description="Readers kept ready to replace one that is ended.")
    reader_threads: int = Field(1, ge=1, le=64, description="Threads that one query may use.")
    reader_nice: int = Field(
        10,
        ge=0,
        le=19,
        description="How far readers stand back for the universe (Unix niceness): turns come before queries.",
    )
    reader_memory_bytes_max: int = Field(
        1 << 30,
        ge=1 << 27,
        description="Memory of a reader, mapped snapshots left out, in bytes; half is for the query.",
    )
    query_seconds_max: float = Field(5.0, gt=0, le=3600, description="Time for one query, in seconds.")
    query_rows_max: int = Field(
        1_000_000, ge=1, description="Rows of one result; a longer one is cut and says so."
    )
    query_bytes_max: int = Field(
        64 << 20,
        ge=1 << 10,
        description="Size of one result as it is sent, in bytes; a larger one is cut and says so.",
    )
    query_queue_max: int = Field(
        512, ge=0, description="Queries that may wait for a reader; further ones are refused."
    )
    query_queue_max_per_client: int = Field(
        128,
        ge=0,
        description="Queries of one client that may wait for a reader; what is known to be cheap is not counted.",
    )
    query_wait_seconds_max: float = Field(
        10.0, gt=0, description="Time that a query may wait for a reader, in seconds."
    )
    query_cache_bytes_max: int = Field(
        64 << 20,
        ge=0,
        description="Bytes of results kept to answer the same query of the same turn again; 0 keeps none.",
    )
    results_bytes_max: int = Field(
        256 << 20,
        ge=1 << 20,
        description="Bytes of all results that the gateway holds, kept ones included; a client may hold a quarter.",
    )

    # The gateway's limits
    body_bytes_max: int = Field(1 << 20, ge=1 << 10, description="Size of a query's request body, in bytes.")
    bodies_bytes_max: int = Field(
        64 << 20,
        ge=1 << 20,
        description="Bytes of all bodies of more than 64 KiB until they are answered; an address may have a quarter.",
    )
    body_seconds_max: float = Field(
        15.0, gt=0, description="Time in which a request must have arrived whole, in seconds."
    )
    send_seconds_max: float = Field(
        30.0, gt=0, description="Time in which a client must take the next part of an answer, in seconds."
    )
    send_bytes_per_second_min: int = Field(
        64 << 10,
        ge=0,
        description="Bytes a second at which a client must take a long answer, after `send_seconds_max`; 0 is any.",
    )
    connections_max: int = Field(
        4_096, ge=1, description="Connections open at the same time, live queries included."
    )
    connections_max_per_address: int = Field(
        3_072,
        ge=1,
        description="Connections from one address (of IPv6, one /64); named proxies may have all.",
    )
    head_seconds_max: float = Field(
        10.0, gt=0, description="Time in which a request's head must have arrived, in seconds."
    )
    idle_seconds_max: float = Field(
        30.0, gt=0, description="Time that a kept connection may wait for its next request, in seconds."
    )
    request_seconds_max: float = Field(
        600.0,
        gt=0,
        description="Time for one request, from its first byte to its answer's last one, in seconds.",
    )
    watches_max: int = Field(16, ge=1, description="Live queries on one connection.")
    watch_bytes_max: int = Field(
        64 << 10,
        ge=1 << 10,
        description="Statements and arguments of the live queries on one connection, in bytes.",
    )
    watchers_max_per_address: int = Field(
        2_048, ge=1, description="Live connections from one address at the same time."
    )
    live_bytes_max: int = Field(
        4 << 20, ge=1 << 10, description="Size of a live query's result, in bytes; a larger one is refused."
    )
    live_ping_seconds: float = Field(
        20.0, ge=1, description="Seconds between pings to a live connection, and for its answer."
    )
    cors_origins: tuple[str, ...] = Field(
        ("*",),
        description="Origins whose pages may read; JSON list, `*` for all. Commands need the server's own.",
    )

    # Who may do what
    access: Literal["auto", "open", "token"] = Field(
        "auto",
        description="Whether commands and uploads need a token: `auto` is `open` on loopback, `token` beyond.",
    )
    is_reading_public: bool = Field(
        True, description="Whether queries need no token where commands need one."
    )
    queries_per_second_max: float = Field(
        1_000.0,
        ge=0,
        description="Queries from one address, a second on average; twice as many at once. 0 is no limit.",
    )
    commands_per_second_max: float = Field(
        20.0, ge=0, description="Commands and uploads from one address, a second on average. 0 is no limit."
    )

    # What strangers' code is closed in with
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

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.strategy_turns_kept > self.turns_kept:
            raise SettingsError(
                f"strategy_turns_kept is {self.strategy_turns_kept}, turns_kept only {self.turns_kept}: "
                "the turns of a strategy's record must be kept too; raise turns_kept"
            )
        if self.upload_bytes_max < self.module_bytes_max:
            raise SettingsError(
                f"upload_bytes_max is {self.upload_bytes_max}, module_bytes_max {self.module_bytes_max}: "
                "one module must have room; raise upload_bytes_max"
            )
        if self.results_bytes_max < 2 * self.query_bytes_max:
            raise SettingsError(
                f"results_bytes_max is {self.results_bytes_max}, query_bytes_max {self.query_bytes_max}: there must be "
                "room for two results; raise results_bytes_max to twice query_bytes_max, or lower that"
            )
        return self


def load_settings(**options: object) -> Settings:
    """Options that are not None, over the environment, over the defaults.

    Raises
    ------
    SettingsError : naming the option or variable, its value and the rule.
    """
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        shown = {"database_path": "db", "period_seconds": "period", "record_path": "record"}.get(name, name)
        where = f"--{shown.replace('_', '-')}" if name in given else f"WASMVERSE_{name.upper()}"
        rule = first["msg"].removeprefix("Input should be ")
        raise SettingsError(f"{where} is {first['input']!r}; allowed is: {rule}") from error
    except SourceError as error:
        field = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "settings")
        variable = f"WASMVERSE_{field.upper()}"
        raise SettingsError(f"{variable} is {os.environ.get(variable)!r}; allowed is: JSON") from error
