"""The inside of a reader: checks, runs and encodes one query after another, over one database."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from wasmverse.errors import QueryError, QueryRefused, QueryTimeout
from wasmverse.query.query import Query
from wasmverse.query.wire import AnswerHead
from wasmverse.reader import dialect, encode
from wasmverse.reader.clock import Clock
from wasmverse.reader.explain import Explain, query_plan, take_explain
from wasmverse.reader.failure import LOST, EngineFailed, to_query_error
from wasmverse.reader.functions import Functions
from wasmverse.reader.query_plan import Words, steps_of
from wasmverse.reader.recast import FOR_ARROW, FOR_CSV, FOR_JSON, recast, select_as
from wasmverse.reader.relations import Relations, connect
from wasmverse.reader.statement import Checked, Checker
from wasmverse.reader.strategy_functions import StrategyFunctions
from wasmverse.reader.values import values_of
from wasmverse.reader.wasm_functions import WasmFunctions, function_limits
from wasmverse.snapshots.snapshot import FolderLost
from wasmverse.wasm.engine import set_thread_stacks
from wasmverse.wasm.limits import Limits

ARROW_BATCH_ROWS = 10_000
GZIP_BYTES_MIN = 1_000
GZIP_LEVEL = 1
GZIP_WINDOW = 31
"""The largest window, with gzip's header."""

_NOT_UNDERSTOOD = (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException)
"""The text may be meant for the other dialect; any later error is about a statement that was understood."""

_FAILED = (
    "The query met an internal error of the database engine and was not answered; write it in another way"
)


class Engine:
    """Answers queries. ``config`` is a ``wire.ReaderConfig`` as a dict."""

    def __init__(self, config: dict[str, Any]) -> None:
        folder = Path(config["snapshot_folder"])
        set_thread_stacks()
        # With its first list Arrow looks for pandas: not in somebody's query, whose time it would be.
        pa.array([None])
        self._connection = connect(config["memory_bytes"] // 2, config["threads"])
        self._relations = Relations(self._connection, folder, config["views"], config["dictionary"])
        self._checker = Checker(self._connection, frozenset(config["views"]))
        self._words = Words(
            {name for relation, column, *_ in config["dictionary"] for name in (relation, column)}
        )
        self._clock = Clock()
        self._functions = Functions(
            StrategyFunctions(self._connection, folder, Limits.of(config), config["threads"]),
            WasmFunctions(self._connection, folder, function_limits(config), self._clock),
            self._checker.own_functions | {"sight"},
        )
        self._rows_max: int = config["rows_max"]
        self._bytes_max: int = config["bytes_max"]
        self._translated: dict[str, str] = {}

    def interrupt(self) -> None:
        """Stop the running query, from another thread."""
        self._clock.is_over = True
        self._connection.interrupt()

    def prepare(self) -> None:
        """Prepare for the next queries; to be called when an answer has been sent."""
        self._relations.copy_if_busy()

    def answer(self, query: Query) -> tuple[AnswerHead, bytes]:
        """The head and body of the answer. Errors are part of it, with ``ends`` if the engine cannot be used any more."""
        self._clock.is_over = False
        try:
            head, body = self._answer(query)
        except FileNotFoundError as error:
            head, body = {"error": "", "turn_missing": True}, b""
            if isinstance(error, FolderLost):
                head["ends"] = "the snapshot folder was made again"
        except QueryError as error:
            head, body = _refusal(error)
        except Exception as error:
            failure = self._functions.failure_of(error)
            head, body = _failure(error) if failure is None else _refusal(failure)
        try:
            self._connection.abort()
            self._relations.forget_turns()
        except Exception as error:
            head["ends"] = f"abort: {type(error).__name__}"
        if taken := self._functions.end():
            head["functions"] = taken
        return head, body

    def _answer(self, query: Query) -> tuple[AnswerHead, bytes]:
        """Run in DuckDB's dialect, or, if that is refused, in the other one."""
        sql, explain = take_explain(query.sql)
        try:
            return self._run(self._translated.get(sql, sql), query, explain)
        except _NOT_UNDERSTOOD as error:
            translated = None if sql in self._translated else dialect.translate(sql)
            if translated is None:
                raise
            try:
                answer = self._run(translated, query, explain)
            except QueryRefused as second:
                if isinstance(error, duckdb.ParserException):
                    raise error from second
                raise
            except _NOT_UNDERSTOOD as second:
                raise error from second
            if len(self._translated) >= 1000:
                self._translated.clear()
            self._translated[sql] = translated
            return answer

    def _run(self, sql: str, query: Query, explain: Explain | None) -> tuple[AnswerHead, bytes]:
        checked = self._checker.check(sql)
        assert query.turn is not None  # the pool names the newest one
        self._relations.show(query.turn, checked.relations, query.turns if query.earlier else ())
        args: list[Any] = orjson.loads(query.args)
        if checked.parameters != len(args):
            raise QueryRefused(
                f"The statement has {checked.parameters} '?' and 'args' has {len(args)} values; "
                "give one for each '?'",
                code=1210,
            )
        aggregates = self._functions.prepare(
            checked, query.turn, self._relations.strategies, self._relations.functions
        )
        if aggregates:
            checked = self._checker.folded(checked, aggregates)
        if explain is not None:
            checked, args = self._explained(checked, args, explain, sql)
        if query.format in {"arrow", "csv"}:
            written = self._run_arrow(checked, args, is_arrow=query.format == "arrow")
        else:
            written = self._run_json(checked, args, query)
        is_gzip = query.gzip and len(written.body) >= GZIP_BYTES_MIN
        head: AnswerHead = {
            "turn": query.turn,
            "rows": written.rows,
            "cut": written.cut,
            "is_stable": checked.is_stable,
            "is_gzip": is_gzip,
        }
        return head, zlib.compress(written.body, GZIP_LEVEL, GZIP_WINDOW) if is_gzip else written.body

    def _explained(
        self, checked: Checked, args: list[Any], explain: Explain, sql: str
    ) -> tuple[Checked, list[Any]]:
        """The statement, with its arguments, whose result says how another one is carried out; that one has run where it is to be
        analyzed. The answer depends on the reader, so it is never kept.
        """
        plan = query_plan(self._connection, checked.sql, args, explain)
        called = self._functions.called(self._relations.functions)
        if explain.is_analyzed:
            called = [one for one in called if one.rows]
        self._connection.abort()

        def names_scan(columns: Sequence[str], rows: int) -> str:
            return self._relations.scanned(columns, rows, checked.relations)

        text, answer = explain.answer(steps_of(plan, called, self._words.of(sql), names_scan))
        [statement] = self._connection.extract_statements(text)
        return Checked(statement, text, len(answer), is_stable=False), answer

    def _run_json(self, checked: Checked, args: list[Any], query: Query) -> encode.Written:
        self._connection.execute(checked.statement, args)
        columns = [(str(column[0]), str(column[1])) for column in self._connection.description or ()]
        sql, kinds = checked.sql, [recast(kind, FOR_JSON) for _, kind in columns]
        if any(kind != before for kind, (_, before) in zip(kinds, columns, strict=True)):
            self._connection.abort()
            sql = select_as(self._checker.plain(sql), columns, kinds)
            self._connection.execute(sql, args)
        encoder = encode.JsonEncoder(
            columns,
            kinds=kinds,
            as_objects=query.format == "rows",
            big_as_string=query.big_as_string,
            rows_max=self._rows_max,
            bytes_max=self._bytes_max,
        )
        for rows in self._rows(sql, args):
            self._clock.heed()
            if not encoder.add(rows):
                break
        body = encoder.fragment() if query.format == "live" else encoder.body()
        return encode.Written(body, encoder.rows, encoder.cut)

    def _rows(self, sql: str, args: list[Any]) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of the running statement, whose text is ``sql``, in batches."""
        done = 0
        try:
            while rows := self._connection.fetchmany(encode.BATCH_ROWS):
                yield rows
                done += len(rows)
            return
        except OverflowError:
            pass  # an interval longer than Python's longest; Arrow has a value for it
        self._connection.abort()
        for batch in self._relation(sql, args, FOR_ARROW).to_arrow_reader(ARROW_BATCH_ROWS):
            skipped = min(done, batch.num_rows)
            done -= skipped
            part = batch.slice(skipped)
            names = range(part.num_columns)
            yield list(zip(*(values_of(part.column(place)) for place in names), strict=True))

    def _run_arrow(self, checked: Checked, args: list[Any], *, is_arrow: bool) -> encode.Written:
        relation = self._relation(checked.sql, args, FOR_ARROW if is_arrow else FOR_CSV)
        reader: pa.RecordBatchReader = relation.to_arrow_reader(ARROW_BATCH_ROWS)
        try:
            write = encode.write_arrow if is_arrow else encode.write_csv
            return write(reader, self._rows_max, self._bytes_max, self._clock.heed)
        finally:
            reader.close()

    def _relation(self, sql: str, args: list[Any], targets: Mapping[str, str]) -> duckdb.DuckDBPyRelation:
        """A lazy relation of the statement, in which types among ``targets`` are cast."""
        relation = self._connection.sql(sql, params=args)
        before = [str(kind) for kind in relation.types]
        kinds = [recast(kind, targets) for kind in before]
        if kinds == before:
            return relation
        columns = list(zip(relation.columns, before, strict=True))
        return self._connection.sql(select_as(self._checker.plain(sql), columns, kinds), params=args)


def _refusal(error: QueryError) -> tuple[AnswerHead, bytes]:
    return {"error": error.message, "code": error.code, "kind": _kind(error)}, b""


def _failure(error: Exception) -> tuple[AnswerHead, bytes]:
    """The answer to a query that met an error which was not raised on purpose."""
    try:
        return _refusal(to_query_error(error))
    except EngineFailed as failed:
        head, body = _refusal(QueryError(_FAILED, code=LOST))
        head["ends"] = failed.detail
        return head, body


def _kind(error: QueryError) -> str:
    """Which error the pool is to raise; a class, so that the gateway can tell them apart."""
    for kind in (QueryRefused, QueryTimeout):
        if isinstance(error, kind):
            return kind.__name__
    return QueryError.__name__
