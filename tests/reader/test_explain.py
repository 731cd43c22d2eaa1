"""``EXPLAIN``: which texts are one, what it tells, and that it tells nothing else."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Iterator
from typing import Any, cast

import duckdb
import orjson
import pyarrow as pa
import pytest

from tests.reader.catalogued import POWER, REALLOC, given
from tests.reader.test_hidden import ERRORS, HIDDEN
from tests.reader.test_statement import REFUSED
from tests.reader.test_wasm_functions import SETTINGS, Catalogued
from wasmverse.errors import QueryError, QueryRefused
from wasmverse.query.query import Format, Query
from wasmverse.reader.explain import Explain, query_plan, take_explain
from wasmverse.reader.query_plan import Called, Words, steps_of
from wasmverse.storage import views

COLUMNS = ["step", "parent", "operation", "text", "estimated_rows", "rows", "time_ms", "fuel"]

TRAPS = given(
    "traps", "func(x: f64) -> f64", '(module (func (export "f") (param f64) (result f64) (unreachable)))'
)
SPELL = given(
    "spell",
    "func(text: string) -> u32",
    f'(module {REALLOC} (func (export "f") (param i32 i32) (result i32) (local.get 1)))',
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogued]:
    asked = Catalogued(tmp_path_factory.mktemp("explain"), SETTINGS)
    asked.publish(1, mine="(i64.const 6)")
    asked.have(2, POWER, TRAPS, SPELL)
    yield asked
    asked.writer.close()


def answer(
    asked: Catalogued, sql: str, form: Format = "rows", args: list[Any] | None = None
) -> tuple[Any, bytes]:
    head, body = asked.engine.answer(Query(sql, orjson.dumps(args or []), asked.turn, form))
    if "code" in head:
        raise QueryError(head["error"], code=head["code"])
    return head, body


def steps(asked: Catalogued, sql: str, args: list[Any] | None = None) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], orjson.loads(answer(asked, sql, args=args)[1])["results"][0]["rows"])


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        ("explain", Explain()),
        ("EXPLAIN\nanalyze", Explain(True)),
        ("explain analyse verbose", Explain(True)),
        ("explain extended", Explain()),
        ("explain format = json", Explain(form="json")),
        ("explain FORMAT=Tree", Explain(form="tree")),
        ("explain format=traditional", Explain()),
        ("explain analyze format=tree", Explain(True, "tree")),
        ("explain (analyze, format json)", Explain(True, "json")),
        ("explain (analyze off, costs, verbose true)", Explain()),
        ("explain json", Explain(form="json")),
        ("/* a tool's */ -- and its version\n explain /**/ analyze", Explain(True)),
    ],
)
def test_what_stands_before_the_statement(before: str, wanted: Explain) -> None:
    for rest in (" select 1", "\n(select 1)", "/**/ with t as (select 1) from t"):
        left, found = take_explain(before + rest)
        assert found == wanted
        assert left.strip() in {rest.strip(), rest.removeprefix("/**/").strip()}
        assert len(left) == len(before + rest) and left.count("\n") == (before + rest).count("\n")


@pytest.mark.parametrize(
    "sql", ["select 1", "explains", "/* explain */ select 1", "'explain'", "explain_x()", ""]
)
def test_what_is_no_explain(sql: str) -> None:
    assert take_explain(sql) == (sql, None)


def test_parentheses_may_be_the_statements() -> None:
    for rest in ("(select 1)", "(from analyze)", "(analyze, x)"):
        left, found = take_explain(f"explain {rest}")
        assert (left.strip(), found) == (rest, Explain())


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(
        QueryRefused, match="Unknown EXPLAIN format name: 'xml'; there are default, json"
    ) as error:
        take_explain("explain format=xml select 1")
    assert error.value.code == 1791


@pytest.mark.parametrize(
    "piece", ["/**/", "/*", "-- x\n", "explain ", "/* *", " ", "analyze ", "explain (", "verbose "]
)
def test_every_character_of_a_hostile_text_is_looked_at_once(piece: str) -> None:
    """A megabyte; looking at it again for each piece would take hours."""
    for before in ("", "explain "):
        left, _ = take_explain(before + piece * (1_000_000 // len(piece)))
        assert len(left) >= 999_990


def test_a_plan_tells_what_is_read_and_how_many_rows_are_expected(asked: Catalogued) -> None:
    sql = "explain select sid, sum(energy) e from entity where kind = 1 group by sid order by e desc limit 2"
    found = steps(asked, sql)
    assert list(found[0]) == COLUMNS
    assert [step["step"] for step in found] == list(range(1, len(found) + 1))
    assert (found[0]["operation"], found[0]["parent"]) == ("result", None)
    [top] = [step for step in found if step["operation"] == "top"]
    assert top["text"].startswith("first 2; by ")
    [scan] = [step for step in found if step["operation"] == "scan"]
    assert (scan["text"], scan["estimated_rows"]) == ("ship: sid, energy", 12)
    above = {step["step"]: step["parent"] for step in found}
    assert above[top["step"]] == 1 and scan["step"] > scan["parent"]
    assert all(step["rows"] is step["time_ms"] is step["fuel"] is None for step in found)


def test_places_of_columns_are_written_out_only_where_all_columns_are_known(asked: Catalogued) -> None:
    texts = [step["text"] for step in steps(asked, "explain select x, sum(y) over () as t from entity")]
    assert "#0, #1, #2" in texts and sum("OVER" in text for text in texts) == 1
    grouped = [
        step["text"] for step in steps(asked, "explain select strategy, sum(y) from entity group by 1")
    ]
    assert "by strategy; sum(CAST(y AS BIGINT))" in grouped


def test_a_scan_says_which_tables_it_may_mean(asked: Catalogued) -> None:
    def scans(sql: str) -> list[str]:
        return [step["text"] for step in steps(asked, sql) if step["operation"] == "scan"]

    assert scans("explain from turns") == [
        "turns: slot, tid, start_time, end_time, writes, ships, energy_nodes, kills, faults, late"
    ]
    assert (
        scans("explain select tid from turns join strategy_turn using (tid)")
        == ["strategy_turn or turns: tid"] * 2
    )
    assert scans("explain select x from entity") == ["ship: x", "node: x"]
    assert scans("explain from range(3)") == ["range"]


def test_analyze_tells_real_rows_time_and_fuel(asked: Catalogued) -> None:
    sql = "explain analyze select boost(energy, 2), spell(strategy) from entity where sid <= ?"
    head, body = answer(asked, sql, args=[2])
    found = orjson.loads(body)["results"][0]["rows"]
    result = found[0]
    assert (result["rows"], result["time_ms"] > 0) == (16, True)
    scan = next(step for step in found if step["text"].startswith("ship"))
    assert (scan["rows"], scan["estimated_rows"]) == (12, 12)
    [union] = [step for step in found if step["operation"] == "union"]
    assert union["rows"] == 16
    called = {step["text"]: (step["rows"], step["fuel"]) for step in found if step["operation"] == "function"}
    assert called == {
        f"{name}({parameters})": (rows, fuel) for name, parameters, _, rows, _, fuel, _ in head["functions"]
    }
    assert called.keys() == {"boost(DOUBLE, DOUBLE)", "spell(VARCHAR)"}
    assert result["fuel"] == sum(fuel for _, fuel in called.values()) > 0
    assert steps(asked, sql, [2])[0]["fuel"] == result["fuel"], "the same fuel each time"
    assert not head["is_stable"]


def test_without_analyze_nothing_is_run(asked: Catalogued) -> None:
    head, body = answer(asked, "explain select traps(x) from entity")
    assert "functions" not in head and not head["is_stable"]
    [function] = [
        step for step in orjson.loads(body)["results"][0]["rows"] if step["operation"] == "function"
    ]
    assert (function["text"], function["fuel"]) == ("traps(DOUBLE)", None)
    with pytest.raises(QueryError) as error:
        steps(asked, "explain analyze select traps(x) from entity")
    assert error.value.code == 3200
    found = steps(asked, "explain analyze select try_traps(x) from entity limit 1")
    assert found[-1]["text"].startswith("traps(DOUBLE); ")


def test_a_strategy_is_counted_like_a_function(asked: Catalogued) -> None:
    sql = "explain analyze select mine(kind, x, y, energy, shield, blasters, thrusters, harvesters, last_plan, []) from entity"
    head, body = asked.engine.answer(Query(sql, turn=1, format="rows"))
    found = orjson.loads(body)["results"][0]["rows"]
    assert (found[-1]["text"], found[-1]["rows"], found[-1]["fuel"]) == ("mine(...)", 32, found[0]["fuel"])
    assert found[0]["fuel"] > 0 and "functions" not in head


def test_all_forms_of_an_answer_have_the_same_steps(asked: Catalogued) -> None:
    sql = "select `sid` from entity where sid = 1"
    found = steps(asked, f"explain {sql}")
    table = pa.ipc.open_stream(answer(asked, f"explain {sql}", "arrow")[1]).read_all()
    assert table.to_pylist() == found
    assert [str(field.type) for field in table.schema] == [
        "int32", "int32", "string", "string", "int64", "int64", "double", "int64",
    ]  # fmt: skip
    [names, *lines] = csv.reader(io.StringIO(answer(asked, f"explain {sql}", "csv")[1].decode()))
    assert names == COLUMNS and [line[2] for line in lines] == [step["operation"] for step in found]
    [[text]] = asked.rows(f"explain format=json {sql}")
    assert json.loads(text) == found
    lines = [line for [line] in asked.rows(f"explain format=tree {sql}")]
    assert lines[:2] == ["-> result  (estimated rows 6)", "    -> union  (estimated rows 6)"]


@pytest.mark.parametrize(("sql", "code", "_"), REFUSED, ids=[case[0][:40] for case in REFUSED])
def test_what_is_refused_is_refused_to_be_explained(asked: Catalogued, sql: str, code: int, _: str) -> None:
    for before in ("explain ", "explain analyze "):
        with pytest.raises(QueryError) as error:
            steps(asked, before + sql)
        assert error.value.code in {code, 1064, 1210}


@pytest.mark.parametrize("name", [*views.CLIENT_NAMES, *views.READER_NAMES])
def test_a_plan_tells_public_names_only(asked: Catalogued, name: str) -> None:
    for before in ("explain", "explain analyze"):
        told = json.dumps(steps(asked, f"{before} select * from {name}"))
        assert not HIDDEN.search(told), told
        assert not re.search(r"strategy_id|export|owner|ARROW|duckdb|0x", told), told


@pytest.mark.parametrize(
    "sql", ["select * from information_schema.columns", "select sight(sid, eid, x, y) from entity"]
)
def test_a_plan_tells_nothing_of_the_engine(asked: Catalogued, sql: str) -> None:
    told = json.dumps(steps(asked, f"explain analyze {sql}"))
    assert not HIDDEN.search(told), told
    assert not re.search(r"dictionary|internal|delim|schema_name", told), told


@pytest.mark.parametrize("sql", ERRORS)
def test_an_error_tells_public_names_only(asked: Catalogued, sql: str) -> None:
    with pytest.raises(QueryError) as error:
        steps(asked, f"explain analyze {sql}")
    words = error.value.message
    for written in re.findall(r"[\w.]+", sql):
        words = words.replace(written, "")
    assert not HIDDEN.search(words), words


@pytest.mark.parametrize("piece", ["1", "$", "1a", "1 "])
def test_words_of_a_long_statement_are_found_at_once(piece: str) -> None:
    """The engine's clock does not stop this: a hundred times what it takes, and a hundredth of what a slow pattern took."""
    began = time.process_time()
    Words({"entity"}).of(f"select '{piece * 500_000}'")
    assert time.process_time() - began < 5


def test_only_listed_facts_and_known_words_are_shown() -> None:
    public = Words({"entity", "energy"}).of("select energy as Mine from entity where secret_of_mine")
    facts = {
        "Projections": [
            "energy",
            "memory.game.energy",
            '"call f/1"(#0)',
            "hidden_name + 1e5",
            "Mine",
            "secret_of_mine",
        ],
        "Dynamic Filters": "energy > 77",
        "Estimated Cardinality": "12",
    }
    plan = [
        {"name": "NEW_OPERATOR", "extra_info": facts, "children": [{"name": "PROJECTION", "children": []}]}
    ]
    called = [Called("f", "DOUBLE", fuel_per_row=12.4)]
    result, other, _, function = steps_of(plan, called, public, lambda _columns, _rows: "")
    assert (other.operation, other.text) == ("other", "energy, energy, …(#0), … + 1e5, Mine, secret_of_mine")
    assert (result.estimated_rows, other.estimated_rows) == (12, 12)
    assert function.text == "f(DOUBLE); a row of its calls so far took 12 fuel"


def test_a_plan_that_nests_too_deeply_is_refused() -> None:
    class Deep:
        """Stands where the engine does."""

        def extract_statements(self, text: str) -> list[Any]:
            return duckdb.extract_statements(text)

        def execute(self, _statement: object, _args: object) -> Deep:
            return self

        def fetchall(self) -> list[tuple[str, str]]:
            return [("physical_plan", "[" * 5_000 + "]" * 5_000)]

    with pytest.raises(QueryRefused, match="explain a part") as error:
        query_plan(cast(Any, Deep()), "select 1", [], Explain())
    assert error.value.code == 1064
