"""Aggregates of the catalogue: over groups, windows, filtered, distinct, ordered, and with more rows than memory holds."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import wasmtime

from tests.reader.catalogued import LONGEST, MEDIAN, PAIR, REALLOC, TOTAL, WEIGHTED_WAT, aggregate
from tests.reader.test_functions import SETTINGS
from tests.reader.test_wasm_functions import Catalogued, failure
from wasmverse.query.query import Query
from wasmverse.reader.clock import Clock
from wasmverse.reader.rows import Groups, shown_row
from wasmverse.wasm.types import F64, U32, U64, Field, Option, Record, Tuple

WEIGHTED = aggregate(
    "weighted",
    "func(x: f64, w: u32) -> option<f64>",
    Record((Field("weight", U64), Field("sum", F64))),
    WEIGHTED_WAT,
)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Catalogued]:
    asked = Catalogued(tmp_path, SETTINGS)
    yield asked
    asked.writer.close()


def test_groups_having_and_order(asked: Catalogued) -> None:
    asked.have(1, TOTAL, MEDIAN, LONGEST, WEIGHTED)
    sql = """select range % 3 as k, total(range), middle(range) from range(1000)
        group by k having total(range) > 166400 order by middle(range)"""
    groups = [range(k, 1000, 3) for k in range(3)]
    rows = [[k, float(sum(of)), statistics.median(of)] for k, of in enumerate(groups) if sum(of) > 166_400]
    assert len(rows) == 2 and asked.rows(sql) == sorted(rows, key=lambda row: row[2])
    sql = "select longest(x::varchar), longest(repeat('ä', x::int)), weighted(x, x) from range(5) t (x)"
    assert asked.rows(sql) == [["0", "ääää", 3.0]]
    assert asked.rows("select total(x) + total(x * 2) from range(5) t (x)") == [[30.0]]


def test_more_rows_than_one_call_of_the_engine_has_and_more_groups(asked: Catalogued) -> None:
    asked.have(1, TOTAL, LONGEST)
    groups = "select total(range) t, longest('x' || range) l from range(50000) group by range % 5000"
    sql = f"select count(*), sum(t), max(l) from ({groups})"
    assert asked.rows(sql) == [[5000, float(sum(range(50_000))), "x14999"]]


def test_a_group_of_many_rows_ends_when_the_querys_time_is_up(
    asked: Catalogued, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked.have(1, TOTAL)
    times = 0

    def heed(clock: Clock) -> None:
        nonlocal times
        times += 1
        if times == 3:
            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

    monkeypatch.setattr(Clock, "heed", heed)
    head, _ = asked.engine.answer(Query("select total(range) from range(200000)", turn=1))
    assert (head["kind"], times) == ("QueryTimeout", 3)


def test_no_rows_are_the_state_of_the_beginning_and_nulls_are_passed_over(asked: Catalogued) -> None:
    asked.have(1, TOTAL, WEIGHTED)
    assert asked.rows("select total(eid), weighted(eid, eid) from entity where false") == [[0.0, None]]
    assert asked.rows(
        "select k, total(x) from (values (1, null), (1, 2), (2, null)) t (k, x) group by k order by k"
    ) == [[1, 2.0], [2, 0.0]]
    assert asked.rows(
        "select weighted(x, w) from (values (1, 1), (null, 5), (5, null), (3, 1)) t (x, w)"
    ) == [[2.0]]


def test_a_parameter_that_is_an_option_is_given_its_nulls(asked: Catalogued) -> None:
    count = f"""(module {REALLOC} (func (export "initialize") (result i32) (i32.const 0))
      (func (export "iterate") (param i32 i32 f64) (result i32) (i32.add (local.get 0) (i32.eqz (local.get 1))))
      (func (export "terminate") (param i32) (result i32) (local.get 0)))"""
    asked.have(1, aggregate("nulls", "func(x: option<f64>) -> u32", U32, count))
    assert asked.rows("select nulls(x) from (values (1), (null), (3), (null)) t (x)") == [[2]]


@pytest.mark.parametrize(
    ("form", "builtin"),
    [
        ("total(x) over (order by x rows 2 preceding)", "sum(x::double) over (order by x rows 2 preceding)"),
        ("total(x) over (partition by x % 2)", "sum(x::double) over (partition by x % 2)"),
        ("total(x) filter (where x > 3) over ()", "sum(x::double) filter (where x > 3) over ()"),
        ("total(x) over w", "sum(x::double) over w"),
    ],
)  # fmt: skip
def test_over_a_window_as_the_engines_own(asked: Catalogued, form: str, builtin: str) -> None:
    asked.have(1, TOTAL)
    sql = "select x, coalesce({}, 0) from range(20) t (x) window w as (order by x desc) order by x"
    assert asked.rows(sql.format(form)) == asked.rows(sql.format(builtin))


def test_filter_distinct_and_order_within(asked: Catalogued) -> None:
    asked.have(1, TOTAL, LONGEST, WEIGHTED)
    assert asked.rows("select total(x) filter (where x > 2), total(distinct x % 3) from range(6) t (x)") == [
        [12.0, 3.0]
    ]
    # Of those that are as long as each other, the first one stays.
    sql = "select longest(t order by t), longest(t order by t desc) from (values ('b'), ('c'), ('a')) x (t)"
    assert asked.rows(sql) == [["a", "c"]]
    assert asked.rows("select weighted(distinct x, 1) from (values (1), (1), (4)) t (x)") == [[2.5]]
    sql = "select total(x) filter (where x > ?) from range(6) t (x)"
    head, _ = asked.engine.answer(Query(sql, args=b"[3]", turn=1))
    assert head.get("rows") == 1


def test_a_column_without_a_name_is_called_by_what_was_written(asked: Catalogued) -> None:
    asked.have(1, TOTAL)
    sql = "describe select total(x), 1 + total(x) filter (where x > 1), total(x) as y from range(3) t (x)"
    assert [row[0] for row in asked.rows(sql)] == ["total(x)", "(1 + total(x) FILTER (WHERE (x > 1)))", "y"]


def test_a_call_that_does_not_fit_is_told(asked: Catalogued) -> None:
    asked.have(1, TOTAL, WEIGHTED)
    assert "is called with 2 arguments; it takes 1" in failure(asked, "select total(1, 2)").message
    assert "takes values in their order" in failure(asked, "select total(x := 1)").message
    assert "takes values in their order" in failure(asked, "select total(columns(*)) from range(2)").message
    error = failure(asked, "select total([1]) from range(2)")
    assert error.code == 1292 and not any(word in error.message for word in ("fold", "call ", "/1"))
    assert failure(asked, "from total(1)").code == 1305
    assert failure(asked, 'select "fold total/1"([1.0])').code == 1305


LENGTHS = aggregate(
    "total",
    "func(text: string) -> u32",
    U32,
    f"""(module {REALLOC} (func (export "initialize") (result i32) (i32.const 0))
      (func (export "iterate") (param i32 i32 i32) (result i32) (i32.add (local.get 0) (local.get 2)))
      (func (export "terminate") (param i32) (result i32) (local.get 0)))""",
)


def test_aggregates_of_one_name_are_chosen_by_types(asked: Catalogued) -> None:
    asked.have(1, TOTAL, LENGTHS, replace(WEIGHTED, definition=replace(WEIGHTED.definition, name="total")))
    ten = "from range(10) t (x)"
    for sql, rows in (
        (
            f"select total(x), total('abc' || x), total(1.5), total('7'), total(x, 2) {ten}",
            [[45.0, 40, 15.0, 10, 4.5]],
        ),
        (
            f"select x % 2 k, total(x order by x desc) filter (x > 3), total(distinct x::text) {ten} "
            "group by k having total(x) > 21 order by total(x)",
            [[1, 21.0, 5]],
        ),
        (f"select total(x::text) over (order by x rows 1 preceding) {ten} limit 2", [[1], [2]]),
        (f"select try_total(x) {ten}", [[45.0]]),
        (f"select total(z) from (select total(x) z {ten})", [[45.0]]),
        ("select (select total(b.x) from entity b where b.sid = a.sid) from entity a limit 1", [[13.0]]),
        ("select total((select 'abc')), total(null::text) from range(2)", [[6, 0]]),
    ):
        assert asked.rows(sql) == rows, sql
    inner = f"select sum(x) s {ten} group by x"
    assert asked.rows(f"select total(s) over () from ({inner}) limit 1") == [[45.0]]
    error = failure(asked, f"select total([x]) {ten}")
    assert (
        error.code == 1064
        and '"total"(value1 DOUBLE)' in error.message
        and '"total"(value1 VARCHAR)' in error.message
    )
    assert not any(word in error.message for word in ("fold", "call ", "rows"))
    error = failure(asked, f"select total(sum(x)) over () {ten} group by x")
    assert error.code == 1064 and error.message.endswith("compute them in a subquery")
    asked.have(2, TOTAL)
    assert asked.rows(f"select total(x) {ten}") == [[45.0]]


@pytest.mark.parametrize("given", [TOTAL, MEDIAN])
def test_a_group_of_many_rows_is_folded_part_by_part(
    asked: Catalogued, given: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With parts of 100 rows, so that the state goes on over several runs, also one that only the instance understands."""
    monkeypatch.setattr("wasmverse.reader.callee.CHUNK", 100)
    asked.have(1, TOTAL, MEDIAN)
    rows = "select range % 2 as k, (range * 7919) % 1009 as x from range(950)"
    sql = f"select k, total(x), middle(x) from ({rows}) group by k order by k"
    values = [[(n * 7919) % 1009 for n in range(k, 950, 2)] for k in range(2)]
    assert asked.rows(sql) == [[k, float(sum(of)), statistics.median(of)] for k, of in enumerate(values)]


def test_merge_is_called_for_each_part_but_the_first(
    asked: Catalogued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wasmverse.reader.callee.CHUNK", 100)
    steps = """(module (func (export "initialize") (result f64) (f64.const 0))
      (func (export "iterate") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
      (func (export "merge") (param f64 f64) (result f64) (f64.add (f64.const 0.25) (f64.add (local.get 0) (local.get 1))))
      (func (export "terminate") (param f64) (result f64) (local.get 0)))"""
    asked.have(1, aggregate("added", "func(x: f64) -> f64", F64, steps, merge="merge"))
    sql = "select k, added(1) from (values (1, 100), (2, 950), (3, 101)) t (k, n), range(n) group by k order by k"
    assert asked.rows(sql) == [[1, 100.0], [2, 950 + 9 * 0.25], [3, 101.25]]


def test_a_long_group_takes_no_more_memory_than_a_part_of_it(tmp_path: Path) -> None:
    """A million rows of 8 bytes in a guest that has 2 MiB, and does not free."""
    asked = Catalogued(tmp_path, SETTINGS.model_copy(update={"function_guest_memory_bytes_max": 2 << 20}))
    asked.have(1, TOTAL)
    assert asked.rows("select total(range) from range(1000000)") == [[499999500000.0]]
    asked.writer.close()


def test_long_texts_are_folded_in_smaller_parts(tmp_path: Path) -> None:
    asked = Catalogued(tmp_path, SETTINGS.model_copy(update={"function_guest_memory_bytes_max": 2 << 20}))
    asked.have(1, LONGEST)
    sql = "select len(longest(repeat('x', 1000 + range::int % 7))) from range(9000)"
    # This guest never frees: 9,000 texts are 9 MB. Only a fresh instance has room again, so a group may have what one can hold.
    assert failure(asked, sql).code == 3200
    sql = "select max(len(l)) from (select longest(repeat('x', 1000 + range::int % 7)) l from range(9000) group by range // 1000)"
    assert asked.rows(sql) == [[1006]]
    asked.writer.close()


HOSTILE = f"""(module {REALLOC}
  (func (export "initialize") (result f64) (f64.const 0))
  (func (export "iterate") (param f64 f64) (result f64)
    (if (f64.eq (local.get 1) (f64.const 13)) (then (unreachable)))
    (if (f64.eq (local.get 1) (f64.const 14)) (then (loop $again (br $again))))
    (f64.add (local.get 0) (local.get 1)))
  (func (export "terminate") (param f64) (result f64) (local.get 0)))"""


@pytest.mark.parametrize(("value", "reason"), [(13, "trapped: unreachable"), (14, "ran out of fuel")])
def test_a_fault_in_a_group_fails_the_query_or_gives_null(tmp_path: Path, value: int, reason: str) -> None:
    asked = Catalogued(tmp_path, SETTINGS.model_copy(update={"function_budget_fuel": 1_000}))
    asked.have(1, aggregate("picky", "func(x: f64) -> f64", F64, HOSTILE))
    sql = f"from (select range % 4 as k, if(range = 2, {value}, 1) as x from range(40)) group by k order by k"
    error = failure(asked, f"select k, picky(x) {sql}")
    assert error.code == 3200
    assert error.message.startswith("AGGREGATE picky failed in row ") and error.message.endswith(reason)
    assert asked.rows(f"select k, try_picky(x) {sql}") == [[0, 10.0], [1, 10.0], [2, None], [3, 10.0]]
    assert asked.rows("select picky(range) from range(5)") == [[10.0]]
    asked.writer.close()


def test_merged_states_are_the_state_of_all_rows() -> None:
    """Readers never have two states of a group, as the engine gathers its rows; what an author gives as ``merge`` must agree."""
    store = wasmtime.Store(wasmtime.Engine())
    module = wasmtime.Module(store.engine, wasmtime.wat2wasm(TOTAL.wat))
    steps = wasmtime.Instance(store, module, []).exports(store)

    def folded(*values: int) -> float:
        state = steps["initialize"](store)
        for value in values:
            state = steps["iterate"](store, state, float(value))
        return float(state)

    assert steps["merge"](store, folded(1, 2), folded(3, 4, 5)) == folded(1, 2, 3, 4, 5) == 15


def test_groups_without_the_rows_that_have_a_null() -> None:
    rows = pa.array(
        [[{"x": 1.0, "w": 1}, {"x": None, "w": 2}], None, [], [{"x": 3.0, "w": 3}, None, {"x": 4.0, "w": 4}]],
        pa.list_(pa.struct([("x", pa.float64()), ("w", pa.uint32())])),
    )
    groups = Groups(rows.slice(0), PAIR)
    assert [groups.rows(group) for group in range(len(groups))] == [1, 0, 0, 2]
    assert groups.lists(0, 4).to_pylist() == [
        [{"x": 1.0, "w": 1}],
        [],
        [],
        [{"x": 3.0, "w": 3}, {"x": 4.0, "w": 4}],
    ]
    assert (groups.stop(0, 1), groups.stop(0, 2), groups.stop(0, 3), groups.stop(3, 1)) == (3, 3, 4, 4)
    assert groups.piece(3, 1, 5).to_pylist() == [[{"x": 4.0, "w": 4}]]
    sliced = Groups(rows.slice(3), PAIR)
    assert sliced.lists(0, 1).to_pylist() == [[{"x": 3.0, "w": 3}, {"x": 4.0, "w": 4}]]
    both = tuple(Field(field.name, Option(field.type)) for field in PAIR)
    assert [Groups(rows, both).rows(group) for group in range(4)] == [2, 0, 0, 3]


def test_a_row_in_short_form() -> None:
    columns = [
        pa.array([1.5, None]),
        pa.array(["x" * 500, "it's\n"]),
        pa.array([b"\0" * 200, b"a"]),
        pa.array([[1] * 100, [1, 2]]),
        pa.array([{"a": 1}, None]),
    ]
    assert shown_row(columns, 1) == "(NULL, \"it's\\n\", b'a', [1, 2], NULL)"
    long = shown_row(columns, 0)
    assert (
        long.startswith("(1.5, 'xxxx")
        and "of 500 bytes" in long
        and "a list of 100" in long
        and len(long) < 220
    )


def test_a_tuple_as_a_state(asked: Catalogued) -> None:
    asked.have(
        1, aggregate("weighted", "func(x: f64, w: u32) -> option<f64>", Tuple((U64, F64)), WEIGHTED_WAT)
    )
    assert asked.rows("select weighted(x, x) from range(5) t (x)") == [[3.0]]
