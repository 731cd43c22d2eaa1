"""What a client may run: one statement that only reads, and only what is meant to be read.

The text is parsed by DuckDB's own parser, so the check and the engine cannot read it differently. Each part of the parsed
statement is compared with allow-lists: kinds of nodes and expressions, names of relations, functions and types. The kind of a
statement is not enough: ``FROM checkpoint()`` is a SELECT to the parser, and so is ``WITH t AS (INSERT ...)``. What a newer
DuckDB adds is refused until it is listed here.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import orjson

from wasmverse.errors import QueryRefused
from wasmverse.functions.names import OWN
from wasmverse.query.public import SCHEMA, read_of_turn
from wasmverse.reader import kept_turns
from wasmverse.reader.aggregates import fold_calls
from wasmverse.reader.allowed import UNSTABLE, denial_of, folded, judge_function, judge_type, shown
from wasmverse.reader.macros import Counts
from wasmverse.reader.shown_names import (
    INFORMATION,
    INFORMATION_RELATIONS,
    is_public_part,
    name_of_turns,
    show_public_part,
)

TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree", "repeat"})

_PLAIN_TYPES = frozenset(
    {
        "SELECT_NODE",
        "SET_OPERATION_NODE",
        "RECURSIVE_CTE_NODE",
        "CTE_NODE",
        "BASE_TABLE",
        "SUBQUERY",
        "JOIN",
        "TABLE_FUNCTION",
        "EXPRESSION_LIST",
        "EMPTY",
        "PIVOT",
        "SHOW_REF",
        "DISTINCT_MODIFIER",
        "LIMIT_MODIFIER",
        "LIMIT_PERCENT_MODIFIER",
        "ORDER_MODIFIER",
        "ORDER_DEFAULT",
        "ASCENDING",
        "DESCENDING",
    }
)
"""Types of the parts of a statement that are not expressions."""

_EXPRESSIONS = frozenset(
    {
        "BETWEEN",
        "CASE",
        "CAST",
        "COLLATE",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "LAMBDA",
        "OPERATOR",
        "PARAMETER",
        "POSITIONAL_REFERENCE",
        "STAR",
        "SUBQUERY",
        "TYPE",
        "WINDOW",
    }
)
"""Classes of expressions."""

_OPERATORS = frozenset(
    {
        "ARRAY_CONSTRUCTOR",
        "ARRAY_EXTRACT",
        "ARRAY_SLICE",
        "COMPARE_IN",
        "COMPARE_NOT_IN",
        "GROUPING_FUNCTION",
        "OPERATOR_COALESCE",
        "OPERATOR_IS_NOT_NULL",
        "OPERATOR_IS_NULL",
        "OPERATOR_NOT",
        "OPERATOR_NULLIF",
        "OPERATOR_TRY",
        "OPERATOR_UNPACK",
        "STRUCT_EXTRACT",
    }
)
"""Expressions of that class that are allowed: written like a function or operator, but not in the catalogue."""

_HIDDEN_BEGINNINGS = ("snapshot_", "public ", "duckdb_", "pg_", "sqlite_", "pragma_")
"""Prefixes of names of relations that are not public."""

_BOUND = re.compile(r"[\w $#@-]+")
"""A name that WITH may give; the engine could take another one for a file's."""

_FUNCTIONS_THAT_READ = {"sight": {"entity"}}
"""Our own functions that read a relation."""

SELECTS_MAX = 500
"""SELECTs in one statement, including those of UNION, WITH and subqueries. For each, the parser takes 15 kB and the planner
native stack: thousands would exceed a reader's limits where the engine can no longer report it."""

_SELECT_WORD = re.compile(b"(select|from|values|union|intersect|except)\\b", re.IGNORECASE)
"""Keywords of which every query node has one; each is counted separately."""

TEXTS_KEPT = 512
"""Checked texts that a reader remembers."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may run; ``is_stable`` says that it gives the same answer again on the same turn.

    ``foreign`` are the functions it calls that are not the engine's, in lower case: our own, strategies, those of the catalogue,
    or unknown ones; ``tables`` are those that stand in FROM; ``relations`` are the public names that it may read, possibly with
    more than it does.
    """

    statement: duckdb.Statement
    sql: str
    parameters: int
    is_stable: bool
    foreign: frozenset[str] = frozenset()
    relations: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()


class Checker:
    """Checks texts on one connection and remembers the ones that passed.

    Parameters
    ----------
    connection : used to parse, and asked once for the functions it has.
    relations : the names that clients may read.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, relations: frozenset[str]) -> None:
        self._connection = connection
        self._relations = relations
        rows = connection.execute("SELECT DISTINCT lower(function_name) FROM duckdb_functions()").fetchall()
        self.own_functions = frozenset(name for (name,) in rows)
        rows = connection.execute(
            "SELECT lower(view_name) FROM duckdb_views() WHERE schema_name <> 'information_schema' "
            "UNION SELECT lower(table_name) FROM duckdb_tables()"
        ).fetchall()
        self._hidden = frozenset(name for (name,) in rows) - relations
        self._passed: OrderedDict[str, Checked] = OrderedDict()
        self._folded: OrderedDict[tuple[str, frozenset[tuple[str, Counts]]], Checked] = OrderedDict()

    def check(self, sql: str) -> Checked:
        """Parse and judge ``sql``.

        Raises
        ------
        duckdb.ParserException : the text is not DuckDB's SQL.
        QueryRefused : it is not exactly one statement (1064), does not only read, or reads what is not public
        (1142,
            1146, 1305); the message names the culprit.
        """
        if sql in self._passed:
            self._passed.move_to_end(sql)
            return self._passed[sql]
        checked = self._judge(sql)
        self._passed[sql] = checked
        if len(self._passed) > TEXTS_KEPT:
            self._passed.popitem(last=False)
        return checked

    def folded(self, checked: Checked, aggregates: Mapping[str, Counts]) -> Checked:
        """A checked statement whose calls of the catalogue's aggregates are written as the engine can run them.

        aggregates : see `aggregates.fold_calls`.
        """
        key = checked.sql, frozenset(aggregates.items())
        if key not in self._folded:
            [(text,)] = self._connection.execute("SELECT json_serialize_sql(?)", [checked.sql]).fetchall()
            tree = orjson.loads(text)
            fold_calls(tree["statements"], aggregates, _parts, self._printed)
            sql, statement = self._written(orjson.dumps(tree).decode())
            self._folded[key] = replace(checked, sql=sql, statement=statement)
            if len(self._folded) > TEXTS_KEPT:
                self._folded.popitem(last=False)
        self._folded.move_to_end(key)
        return self._folded[key]

    def _printed(self, expression: dict[str, Any]) -> str:
        """The text of an expression, which is what the engine calls its column."""
        [(text,)] = self._connection.execute("SELECT json_serialize_sql('SELECT 1')").fetchall()
        tree = orjson.loads(text)
        tree["statements"][0]["node"]["select_list"] = [expression]
        [(sql,)] = self._connection.execute(
            "SELECT json_deserialize_sql(?)", [orjson.dumps(tree).decode()]
        ).fetchall()
        return str(sql).removeprefix("SELECT ")

    def _judge(self, sql: str) -> Checked:
        _judge_size(sql)
        statements = self._connection.extract_statements(sql)
        if len(statements) != 1:
            raise QueryRefused(
                f"The request holds {len(statements)} statements; send one, and each in its own request",
                code=1064,
            )
        [statement] = statements
        if statement.type != duckdb.StatementType.SELECT:
            raise _not_reading(statement.type.name)
        [(text,)] = self._connection.execute("SELECT json_serialize_sql(?)", [statement.query]).fetchall()
        try:
            tree = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise QueryRefused("The statement nests too deeply; write it flatter", code=1064) from None
        if tree["error"]:
            if "memory" in tree["error_type"].lower():
                raise duckdb.OutOfMemoryException(tree["error_message"])
            raise QueryRefused(f"This form of SELECT is not served: {tree['error_message']}")
        if _shows_tables(tree["statements"]):
            names = ", ".join(f"('{name}')" for name in sorted(self._relations))
            sql = f"SELECT name FROM (VALUES {names}) AS tables (name)"
            return Checked(self._connection.extract_statements(sql)[0], sql, 0, True)
        parts = list(_parts(tree["statements"]))
        found = self._walk(parts)
        _judge_parameters(statement)
        is_ours = INFORMATION in text.lower() and show_public_part(parts)
        if name_of_turns(parts) or is_ours:
            sql, statement = self._written(orjson.dumps(tree).decode())
        return Checked(statement, sql, len(statement.named_parameters), *found)

    def plain(self, sql: str) -> str:
        """A checked text as the engine prints it: one SELECT without comments, which can be part of another."""
        [(text,)] = self._connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
        return self._written(text)[0]

    def _written(self, tree: str) -> tuple[str, duckdb.Statement]:
        """The text that the engine prints for a parsed statement, and that text parsed again; it is judged like a client's. The
        engine does not quote all names: ``$"1, f()"`` is one parameter, and is printed as two expressions.
        """
        [(sql,)] = self._connection.execute("SELECT json_deserialize_sql(?)", [tree]).fetchall()
        statements = self._connection.extract_statements(sql)
        [(text,)] = self._connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
        again = orjson.loads(text)
        if again["error"] or len(statements) != 1:
            raise QueryRefused(
                "This form of SELECT is not served: the engine cannot write it again", code=1064
            )
        self._walk(list(_parts(again["statements"])), is_ours=True)
        _judge_parameters(statements[0])
        return sql, statements[0]

    def _walk(
        self, parts: list[dict[str, Any]], is_ours: bool = False
    ) -> tuple[bool, frozenset[str], frozenset[str], frozenset[str]]:
        """Judge every part of a parsed statement; whether all its functions are stable, which are foreign, what it reads, and
        which foreign ones stand in FROM.

        ``is_ours`` says that we put the views over ``information_schema`` in its place.
        """
        bound = {folded(entry["key"]) for part in parts for entry in part.get("map", ()) if "key" in entry}
        bound |= {folded(part["cte_name"]) for part in parts if part.get("cte_name")}
        for name in bound:
            self._judge_bound(name)
        is_stable = True
        foreign: set[str] = set()
        relations: set[str] = set()
        tables: set[str] = set()
        in_from: set[int] = set()
        for part in parts:
            kind = part.get("type")
            if isinstance(kind, str) and "class" not in part and kind not in _PLAIN_TYPES:
                raise _not_reading(kind.removesuffix("_QUERY_NODE"))
            if "class" in part and (
                part["class"] not in _EXPRESSIONS or (part["class"] == "OPERATOR" and kind not in _OPERATORS)
            ):
                raise QueryRefused(f"{kind} is denied: this form of expression is not served; leave it out")
            if kind == "BASE_TABLE":
                if not (is_ours and is_public_part(part)):
                    relations |= self._judge_relation(part, bound)
            elif kind == "TABLE_FUNCTION":
                tables |= self._judge_table_function(part["function"])
                in_from.add(id(part["function"]))
            elif kind == "SHOW_REF" and part.get("query") is None:
                raise QueryRefused("This form of SHOW is denied; SHOW TABLES and DESCRIBE <name> are served")
            elif kind == "COLUMN_REF":
                # CURRENT_TIMESTAMP and others like it are functions that are parsed as columns.
                is_stable &= folded(part["column_names"][-1]) not in UNSTABLE
            elif "function_name" in part and id(part) not in in_from:
                name = folded(part["function_name"])
                _judge_arrow(part)
                if not judge_function(part, self.own_functions):
                    foreign.add(name)
                is_stable &= name not in UNSTABLE
                relations |= _FUNCTIONS_THAT_READ.get(name, set())
            elif kind == "TYPE":
                judge_type(part)
        is_stable &= kept_turns.NAME not in relations
        return is_stable, frozenset(foreign), frozenset(relations), frozenset(tables)

    def _judge_bound(self, name: str) -> None:
        """Refuse a WITH that gives the name of a relation that is not public. The engine decides where a WITH is in scope;
        outside of it, the name would be the relation's.
        """
        if name in self._hidden or name.startswith(_HIDDEN_BEGINNINGS) or not _BOUND.fullmatch(name):
            raise QueryRefused(
                f"WITH cannot name a query '{shown(name)}': the engine has that name, or it has signs that names of files have; "
                "choose another one of letters and digits",
                code=1064,
            )

    def _judge_table_function(self, function: dict[str, Any]) -> Set[str]:
        """Refuse a function in FROM that is the engine's and not allowed there; the name of one that may be the catalogue's."""
        name = folded(function["function_name"])
        if name in TABLE_FUNCTIONS:
            return set()
        if name in self.own_functions or name in OWN or denial_of(name) is not None:
            raise denied_in_from(name)
        return {name}

    def _judge_relation(self, part: dict[str, Any], bound: set[str]) -> Set[str]:
        """Refuse a relation that is not public; what reading it reads."""
        name, schema, catalog = (folded(part[key]) for key in ("table_name", "schema_name", "catalog_name"))
        if part.get("at_clause") is not None:
            raise QueryRefused(
                "AT (...) is not served; pin a turn with the request's field 'turn'", code=1064
            )
        if schema == INFORMATION and not catalog and name in INFORMATION_RELATIONS:
            return self._relations
        then = read_of_turn(name)
        if not catalog and schema in {"", SCHEMA} and (then[0] if then else name) in self._relations:
            return {name}
        if not schema and name in bound:
            return set()
        place = ".".join(filter(None, (catalog, schema or SCHEMA, name)))
        raise QueryRefused(
            f"Table '{shown(place)}' doesn't exist; there are {', '.join(sorted(self._relations))}", code=1146
        )


def _judge_size(sql: str) -> None:
    """Refuse a text of too many SELECTs, by the engine's own tokens, before it is parsed."""
    tokens = duckdb.tokenize(sql)
    if len(tokens) <= SELECTS_MAX:
        return
    raw = sql.encode()
    words = Counter(
        word[0].lower()
        for place, kind in tokens
        if kind == duckdb.token_type.keyword and (word := _SELECT_WORD.match(raw, place))
    )
    if words and max(words.values()) > SELECTS_MAX:
        raise QueryRefused(
            f"The statement holds {max(words.values())} SELECTs; at most {SELECTS_MAX} are served. "
            "Write many rows as one VALUES or as a list",
            code=1064,
        )


def _shows_tables(tree: list[dict[str, Any]]) -> bool:
    """Whether this is ``SHOW TABLES``, whose answer is ours: the engine would list its own relations too."""
    source = tree[0]["node"].get("from_table") or {}
    return source.get("type") == "SHOW_REF" and source.get("table_name") == '"tables"'


def _judge_parameters(statement: duckdb.Statement) -> None:
    """Refuse parameters with names."""
    named = {name for name in statement.named_parameters if not (name.isascii() and name.isdigit())}
    if named:
        raise QueryRefused(
            f"The parameter ${shown(min(named))} has a name; write '?' and give 'args' in order",
            code=1064,
        )


def _judge_arrow(part: dict[str, Any]) -> None:
    """Refuse an arrow lambda in a call with a subquery: ``apply((select 1), x -> x)`` is an internal error of the engine. If
    the call does not fit, the engine takes the arrow for JSON's, when it has already moved the subquery away.
    """
    values = [argument["expression"] for argument in part.get("arguments", ())]
    if not any(value.get("syntax_type") == "SINGLE_ARROW" for value in values):
        return
    others = [value for value in values if value["class"] != "LAMBDA"]
    if any(inner.get("class") == "SUBQUERY" for inner in _parts(others)):
        raise QueryRefused(
            "A lambda with an arrow is denied beside a subquery: it makes the engine fail; write lambda x: ... instead"
        )


def denied_in_from(name: str) -> QueryRefused:
    """The refusal of a function in FROM that is neither among those allowed nor in the turn's catalogue."""
    return QueryRefused(
        f"Table function '{shown(name)}' is denied; only {', '.join(sorted(TABLE_FUNCTIONS))} and the table functions that "
        "wasm_function lists may stand in FROM"
    )


def _not_reading(kind: str) -> QueryRefused:
    return QueryRefused(
        f"{kind} is denied: a query is one SELECT (or WITH, VALUES, DESCRIBE, SHOW TABLES), or EXPLAIN of one; "
        "commands go to /api/v2/exec"
    )


def _parts(tree: object) -> Iterator[dict[str, Any]]:
    """Every object of a JSON tree, without recursion: hostile statements nest deeply."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
