"""The sentiment of texts beside the data, at a client, and in SQL alone: processor time a row.

    python -m tests.bench.bench_sentiment

Texts are real ones, cut to 53 bytes on average, a thousand of them again and again. In the query they are judged by
functions/sentiment, on one thread of the process that answers queries. The client fetches them as Arrow and asks the Python
package that the lexicon is from; what the server takes for that is counted too. SQL alone looks words up in a table of the
lexicon: no negation, no boosters, no smileys. `make languages` fetches the texts and the lexicon.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tests.bench.bench_function_queries import answer, median_ns
from tests.bench.report import BENCHMARKS, conditions, put_between
from tests.functions.original import analyzer, build, texts
from tests.reader.catalogued import Given, given
from tests.reader.test_wasm_functions import Catalogued
from wasmverse.query.query import Query
from wasmverse.settings import Settings

TEXTS = 1_000
TIMES = 200
CLIENT_TIMES = 5
BYTES = 53


def main() -> None:
    """Measure, print, and write the report."""
    known = sample()
    size = sum(len(text.encode()) for text in known) / TEXTS
    asked = Catalogued(Path(tempfile.mkdtemp(prefix="bench-sentiment-")), Settings(reader_threads=1))
    asked.have(1, sentiment())
    literals = ", ".join("'" + text.replace("'", "''") + "'" for text in known)

    def source(times: int) -> str:
        return f"(select unnest([{literals}]) as t from range({times}))"

    def server(select: str, times: int) -> float:
        return median_ns(partial(answer, asked, f"select {select} from {source(times)}"), times * TEXTS)

    rows = [
        ("in the query, by functions/sentiment", server("avg(sentiment(t))", TIMES)),
        ("the same query without it", server("avg(strlen(t))", TIMES)),
        ("fetched by a client, judged by the Python package", client(asked, source(CLIENT_TIMES))),
        ("SQL alone: words joined with a table of the lexicon", alone(known)),
    ]
    asked.engine._connection.close()
    asked.writer.close()
    put_between(BENCHMARKS / "functions.md", "sentiment", table(rows, size))


def sample() -> list[str]:
    """So many texts that have a word the lexicon knows, each cut at a space; about 53 bytes long on average."""
    found = [text[:BYTES].rsplit(" ", 1)[0] if len(text) > BYTES + 10 else text for _judged, text in texts()]
    return [text for text in found if len(text) > BYTES - 14][:: len(found) // TEXTS // 2][:TEXTS]


def sentiment() -> Given:
    """The function of functions/sentiment."""
    binary = "".join(f"\\{byte:02x}" for byte in build())
    made = given("sentiment", "func(text: string) -> f64", f'(module binary "{binary}")')
    return replace(made, definition=replace(made.definition, export="sentiment"))


def client(asked: Catalogued, source: str) -> float:
    """A query for the texts, and the Python package for each."""
    query = Query(f"select t from {source}", turn=1, format="arrow")
    judge: Callable[[str], Any] = analyzer().polarity_scores

    def run() -> None:
        head, body = asked.engine.answer(query)
        assert "code" not in head, head
        for text in pa.ipc.open_stream(body).read_all()["t"].to_pylist():
            judge(text)

    return median_ns(run, CLIENT_TIMES * TEXTS)


def alone(known: list[str]) -> float:
    """What SQL can do without a function: split, join, sum."""
    lexicon = analyzer().lexicon
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("lexicon", pa.table({"word": list(lexicon), "valence": list(lexicon.values())}))
        connection.execute("create table words as from lexicon")
        connection.register("texts", pa.table({"t": known}))
        connection.execute(
            f"create table t as select row_number() over () as n, t from texts, range({TIMES})"
        )
        sql = """select avg(s / sqrt(s * s + 15)) from (
            select n, sum(valence) as s from (select n, unnest(string_split(lower(t), ' ')) as word from t)
            join words using (word) group by n)"""
        return median_ns(lambda: connection.execute(sql).fetchall() and None, TIMES * TEXTS)


def table(rows: list[tuple[str, float]], size: float) -> str:
    """The report."""
    lines = [
        conditions("duckdb", "wasmtime", "pyarrow"),
        "",
        f"| the sentiment of a text of {size:.0f} bytes | ns a row | rows a second and core |",
        "|---|---|---|",
    ]
    for title, taken in rows:
        print(title, round(taken), sep="\t", flush=True)
        lines.append(f"| {title} | {taken:,.0f} | {1e9 / taken:,.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
