"""What the gateway knows of the queries' side: ask, and be told how it goes. ``pool.ReaderPool`` stands behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from wasmverse.query.query import NOBODY, Client, Query
from wasmverse.query.result import Result
from wasmverse.query.uses import FunctionUses


@dataclass(slots=True)
class Replays:
    """Past turns that were played again for queries, by outcome (ok, failed, busy), and the seconds that they took together."""

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


@dataclass(slots=True)
class Counts:
    """What happened since the start, for metrics; ``queries`` by outcome, ``lost`` readers by reason.

    ``interrupted`` : queries that were stopped for others and run again; ``left`` : that nobody waited for any more.
    ``dropped`` : results for which there was no room. ``functions`` : what calls of the catalogue's functions took.
    """

    queries: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    cached: int = 0
    bytes: int = 0
    interrupted: int = 0
    left: int = 0
    dropped: int = 0
    functions: FunctionUses = field(default_factory=FunctionUses)
    replays: Replays = field(default_factory=Replays)


@dataclass(frozen=True, slots=True)
class PoolState:
    """How the readers are at this moment.

    ``usable`` : readers that have started and have not ended, of ``wanted``; ``busy`` of them are at work. ``waiting`` : queries
    that wait for a reader. ``held_bytes`` : large results that the gateway holds. ``start_seconds`` : what the last reader took
    to start. ``confinement`` : layer -> nothing where it holds around every reader, else why it does not.
    """

    usable: int
    wanted: int
    busy: int
    waiting: int
    held_bytes: int
    start_seconds: float
    confinement: dict[str, str]


class QueryService(Protocol):
    """Answers queries; for the event loop's thread."""

    @property
    def newest(self) -> int | None:
        """The newest published turn; None before the first."""

    @property
    def kept(self) -> list[int]:
        """The turns in memory, ascending: what names one of them is answered at once."""

    @property
    def oldest(self) -> int | None:
        """The oldest turn that a query may name: those before the turns in memory are played again. None before the first."""

    @property
    def counts(self) -> Counts:
        """What happened since the start."""

    @property
    def state(self) -> PoolState:
        """How the readers are now."""

    async def start(self) -> None:
        """Wait until queries can be answered.

        Raises
        ------
        UniverseUnavailable : a reader could not be started.
        """

    async def close(self) -> None:
        """Answer no more; whoever waits is refused."""

    async def query(
        self,
        query: Query,
        *,
        client: Client = NOBODY,
        others: Iterable[Client] = (),
        is_live: bool = False,
    ) -> Result:
        """Run one query on one turn.

        Parameters
        ----------
        client : who asks; the readers' time is shared by client.
        others : who asks the same with them: the query is next when any of them is, who pays for it then.
        is_live : it is asked again every turn. So it waits for as long as it takes, is not counted where waiting queries are
            limited, and once it is known to take next to no time it may be sent to a reader that still has others like it.

        Raises
        ------
        QueryRefused, QueryError : the statement is wrong or denied; ``code`` is MySQL's.
        QueryTimeout : it ran past ``query_seconds_max``.
        QueryOverload : too many queries wait, this one waited too long, or there was no room for its result.
        UniverseUnavailable : no turn has been published, or the service is closing.
        """
