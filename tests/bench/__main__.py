"""Run every benchmark that makes a report: turns, the four ways, misbehaving strategies, queries, functions, engines. Takes some
fifteen minutes, and up to two more where others use the same processors. `make bench` runs it, after `make languages` (sentiment
is built by clang from a lexicon that is fetched), with PostgreSQL, and with ClickHouse in a folder of its own (clickhouse.lock).

python -m tests.bench
"""

from __future__ import annotations

import subprocess
import sys
import time

from tests.bench.report import ROOT

MODULES = (
    "bench_turns",
    "bench_ways",
    "bench_misbehaving",
    "bench_query",
    "bench_functions",
    "bench_function_queries",
    "bench_sentiment",
    "bench_beside",
    "bench_engines",
    "bench_scale",
)


def main() -> None:
    """Each in a process of its own: what one leaves behind must not show in the next."""
    began = time.monotonic()
    for module in MODULES:
        print(f"==> {module}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", f"tests.bench.{module}"], check=True, cwd=ROOT)
    print(f"all of it took {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
