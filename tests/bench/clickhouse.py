"""Asks ClickHouse, in a process and an environment of its own: see bench_beside.py, which runs it.

Reads from standard input, as JSON: ``module`` (base64), ``functions`` (statements that create them) and ``queries`` (of each its
text and how many rows it has). Prints the version, and of each query the answer and nanoseconds of processor time a row.
"""

import json
import statistics
import sys
import tempfile
import time

from chdb import session

REPEATS = 5


def main() -> None:
    """One job, on one thread of the engine."""
    job = json.load(sys.stdin)
    folder = tempfile.mkdtemp(prefix="bench-clickhouse-")
    engine = session.Session(f"{folder}/db?allow_experimental_webassembly_udf=1")
    engine.query("set max_query_size = 100000000")
    engine.query(
        f"insert into system.webassembly_modules (name, code) select 'm', base64Decode('{job['module']}')"
    )
    for statement in job["functions"]:
        engine.query(statement)
    answers = []
    for text, rows in job["queries"]:
        sql = f"{text} settings max_threads = 1, webassembly_udf_max_fuel = 0"
        answer = json.loads(str(engine.query(sql, "JSONCompactStringsEachRow")))[0]
        taken = []
        for _ in range(REPEATS):
            began = time.process_time()
            engine.query(sql)
            taken.append((time.process_time() - began) / rows * 1e9)
        answers.append([answer, statistics.median(taken)])
    print(json.dumps({"version": str(engine.query("select version()", "TSV")).strip(), "answers": answers}))


if __name__ == "__main__":
    main()
