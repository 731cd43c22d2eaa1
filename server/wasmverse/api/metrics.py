"""What Prometheus may scrape: counters of this process, and gauges that are read at each scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import wasmverse
from wasmverse.api.host import HostFacts
from wasmverse.errors import UniverseUnavailable
from wasmverse.messages import TurnReport, Universe
from wasmverse.query.service import QueryService

_SECONDS = (0.001, 0.002, 0.004, 0.006, 0.01, 0.02, 0.04, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

STRATEGIES_MAX = 50
"""Strategies in the metrics, those with most ships: each is three time series for whoever scrapes."""

STRATEGIES_SQL = f"""select strategy, ships, energy, faults from strategy_turn
where tid = (select max(tid) from strategy_turn) order by ships desc, strategy limit {STRATEGIES_MAX}"""


class StrategyRow(NamedTuple):
    """A row of `STRATEGIES_SQL`: what a strategy had and did in the last turn."""

    strategy: str
    ships: int
    energy: int
    faults: int


class Metrics:
    """The counters of one app, in a registry of their own."""

    def __init__(self, universe: Universe, service: QueryService) -> None:
        self.registry = CollectorRegistry()
        self.query_seconds = Histogram(
            "wasmverse_query_seconds",
            "Time of queries that were answered",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.commands = Counter(
            "wasmverse_commands", "Commands carried out", ["command"], registry=self.registry
        )
        self.watchers = Gauge(
            "wasmverse_live_connections", "Connections with live queries", registry=self.registry
        )
        self.watches = Gauge(
            "wasmverse_live_queries", "Live queries of all connections", registry=self.registry
        )
        self.live_sent = Counter(
            "wasmverse_live_messages", "Results sent to live queries", registry=self.registry
        )
        self.live_skipped = Counter(
            "wasmverse_live_skipped", "Results that a slow watcher never saw", registry=self.registry
        )
        self.turn_seconds = Histogram(
            "wasmverse_turn_duration_seconds",
            "Time of turns, from their start to their end",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.phase_seconds = Histogram(
            "wasmverse_phase_duration_seconds",
            "Time of the phases of turns",
            ["phase"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "wasmverse_request_duration_seconds",
            "Time of requests over HTTP, by the status of their answers",
            ["status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.refusals = Counter(
            "wasmverse_refusals",
            "Requests and live queries refused: unauthorized (401), rate_limit (429), refusal (403, or a command's)",
            ["reason"],
            registry=self.registry,
        )
        for reason in ("unauthorized", "rate_limit", "refusal"):
            self.refusals.labels(reason)
        Info("wasmverse_build", "The server's version", registry=self.registry).info(
            {"version": wasmverse.__version__}
        )
        self.registry.register(_State(universe, service))

    def note_request(self, status: int, seconds: float) -> None:
        """Count an answer over HTTP."""
        self.request_seconds.labels(str(status)).observe(seconds)

    def note_turn(self, report: TurnReport) -> None:
        """Count a turn; what the start reports is none."""
        if not report.phase_seconds:
            return
        self.turn_seconds.observe(max(0.0, report.ended_at - report.started_at))
        for phase, seconds in report.phase_seconds.items():
            self.phase_seconds.labels(phase).observe(seconds)

    def text(self, host: HostFacts, strategies: Sequence[StrategyRow]) -> bytes:
        """Prometheus' text format, with what was just read of the machine and of the strategies."""
        once = CollectorRegistry()
        once.register(_Read(host, strategies))
        return generate_latest(self.registry) + generate_latest(once)


async def note_turns(universe: Universe, metrics: Metrics) -> None:
    """Count turns as they are published, until the universe has ended."""
    tid = -1
    while True:
        try:
            report = await universe.next_turn(tid)
        except UniverseUnavailable:
            return
        tid = report.tid
        metrics.note_turn(report)


class _Read(Collector):
    """What is read for one scrape."""

    def __init__(self, host: HostFacts, strategies: Sequence[StrategyRow]) -> None:
        self._host = host
        self._strategies = strategies

    def collect(self) -> Iterable[Metric]:
        host = self._host
        yield _by("wasmverse_file_bytes", "Bytes of the file, its log, and all snapshots", "of", host.files)
        yield _by("wasmverse_disk_free_bytes", "Bytes left on the disk where these are", "of", host.disk_free)
        yield _by(
            "wasmverse_process_memory_bytes",
            "Memory by kind of process, what is shared with others left out",
            "process",
            host.memory,
        )
        yield _by("wasmverse_processes", "Processes by kind", "process", host.processes)
        for name, what in (
            ("ships", "Ships of the strategies with most ships"),
            ("energy", "Energy of their ships"),
            ("faults", "Faults of their calls in the last turn"),
        ):
            values = {row.strategy: getattr(row, name) for row in self._strategies}
            yield _by(f"wasmverse_strategy_{name}", what, "strategy", values)


def _by(name: str, what: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, what, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


class _State(Collector):
    """What other parts count, turned into metrics at each scrape."""

    def __init__(self, universe: Universe, service: QueryService) -> None:
        self._universe = universe
        self._service = service

    def collect(self) -> Iterable[Metric]:
        yield from self._of_universe()
        yield from self._of_queries()

    def _of_universe(self) -> Iterator[Metric]:
        report = self._universe.last
        yield GaugeMetricFamily(
            "wasmverse_universe_up", "1 while its process runs", int(self._universe.is_alive)
        )
        yield GaugeMetricFamily(
            "wasmverse_period_seconds", "Time from turn to turn", self._universe.period_seconds
        )
        condition = self._universe.condition
        yield GaugeMetricFamily(
            "wasmverse_clock",
            "1 while its process plays the turns; 0 where it follows",
            int(condition.is_clock),
        )
        yield GaugeMetricFamily(
            "wasmverse_turns_lag",
            "Turns that the last publication left out",
            condition.lag_turns,
        )
        yield CounterMetricFamily(
            "wasmverse_recoveries", "Times that something left behind was put right", condition.recoveries
        )
        if (kept := self._universe.kept) is not None:
            yield GaugeMetricFamily("wasmverse_past_bytes", "Bytes of past turns on disk", kept.bytes)
            turns = 0
            if kept.oldest_tid is not None and kept.newest_tid is not None:
                turns = kept.newest_tid - kept.oldest_tid + 1
            yield GaugeMetricFamily("wasmverse_past_turns", "Past turns on disk", turns)
        if report is None:
            return
        yield GaugeMetricFamily("wasmverse_turn", "The last published turn", report.tid)
        yield CounterMetricFamily("wasmverse_turns_late", "Turns that ended late", report.late_turns)
        seconds = report.ended_at - report.started_at
        yield GaugeMetricFamily("wasmverse_turn_seconds", "Time that the last turn took", seconds)
        yield GaugeMetricFamily(
            "wasmverse_turn_ended_timestamp_seconds", "When the last turn ended", report.ended_at
        )
        yield GaugeMetricFamily("wasmverse_turn_writes", "Row writes of the last turn", report.writes)
        yield GaugeMetricFamily("wasmverse_turn_faults", "Faults of the last turn", report.faults)
        yield GaugeMetricFamily("wasmverse_ships", "Ships", report.ships)
        yield GaugeMetricFamily("wasmverse_energy_nodes", "Energy nodes", report.nodes)
        phases = GaugeMetricFamily(
            "wasmverse_phase_seconds", "Time by phase of the last turn", labels=["phase"]
        )
        for phase, spent in report.phase_seconds.items():
            phases.add_metric([phase], spent)
        yield phases

    def _of_queries(self) -> Iterator[Metric]:
        counts, state = self._service.counts, self._service.state
        queries = CounterMetricFamily("wasmverse_queries", "Queries by outcome", labels=["outcome"])
        for outcome, number in counts.queries.items():
            queries.add_metric([outcome], number)
        yield queries
        replays = CounterMetricFamily(
            "wasmverse_replays", "Past turns played again, by outcome", labels=["outcome"]
        )
        for outcome, number in counts.replays.outcomes.items():
            replays.add_metric([outcome], number)
        yield replays
        yield CounterMetricFamily(
            "wasmverse_replay_seconds", "Time that turns took to be played again", counts.replays.seconds
        )
        lost = CounterMetricFamily("wasmverse_readers_lost", "Readers replaced, by reason", labels=["reason"])
        for reason, number in counts.lost.items():
            lost.add_metric([reason], number)
        yield lost
        yield CounterMetricFamily(
            "wasmverse_queries_cached", "Queries answered from kept results", counts.cached
        )
        yield CounterMetricFamily("wasmverse_result_bytes", "Bytes of results", counts.bytes)
        yield CounterMetricFamily(
            "wasmverse_queries_interrupted",
            "Queries stopped after their first try and run again, so that others came first",
            counts.interrupted,
        )
        yield CounterMetricFamily(
            "wasmverse_queries_left", "Queries stopped because nobody waited any more", counts.left
        )
        yield CounterMetricFamily(
            "wasmverse_results_dropped", "Results for which there was no room at first", counts.dropped
        )
        yield GaugeMetricFamily(
            "wasmverse_results_held_bytes",
            "Bytes of large results that the gateway holds",
            state.held_bytes,
        )
        yield GaugeMetricFamily("wasmverse_readers_usable", "Readers that could be asked", state.usable)
        yield GaugeMetricFamily(
            "wasmverse_reader_start_seconds",
            "Time that the last reader took to start",
            state.start_seconds,
        )
        yield GaugeMetricFamily("wasmverse_readers_busy", "Readers at work", state.busy)
        yield GaugeMetricFamily("wasmverse_queries_waiting", "Queries that wait for a reader", state.waiting)
