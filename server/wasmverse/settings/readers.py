"""Readers, the queries that they run, and the queue in front of them."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from wasmverse.errors import SettingsError
from wasmverse.settings.confinement import ConfinementSettings
from wasmverse.settings.functions import FunctionSettings
from wasmverse.settings.group import Group
from wasmverse.settings.guests import GuestSettings


class ReaderSettings(Group):
    """The reader processes, and the limits of one query in one of them."""

    readers: int = Field(
        2, ge=1, le=256, description="Reader processes that may answer queries at the same time."
    )
    reader_spares: int = Field(1, ge=0, le=64, description="Readers kept ready to replace one that is ended.")
    reader_threads: int = Field(1, ge=1, le=64, description="Threads that one query may use.")
    reader_nice: int = Field(
        10,
        ge=0,
        le=19,
        description="Unix niceness of readers, so that turns come before queries.",
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


class QuerySettings(Group):
    """How many queries and results may wait in the gateway."""

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


class PoolSettings(ConfinementSettings, QuerySettings, ReaderSettings, FunctionSettings, GuestSettings):
    """All that the pool of readers goes by; readers call guests too."""

    @model_validator(mode="after")
    def _check_two_results_have_room(self) -> Self:
        if self.results_bytes_max < 2 * self.query_bytes_max:
            raise SettingsError(
                f"results_bytes_max is {self.results_bytes_max}, query_bytes_max {self.query_bytes_max}: there must be "
                "room for two results; raise results_bytes_max to twice query_bytes_max, or lower that"
            )
        return self
