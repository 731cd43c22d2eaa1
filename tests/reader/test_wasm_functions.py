"""Functions of the catalogue called in SQL: what they answer, in which form, and with which version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.reader.catalogued import (
    CHARACTERS,
    POWER,
    REALLOC,
    SHOUT,
    WORDS,
    Given,
    given,
    newer,
    tables_with,
)
from tests.reader.test_functions import SETTINGS, Asked
from tests.wasm.builder import strategy_wat
from wasmverse.errors import QueryError
from wasmverse.query.query import Query
from wasmverse.wasm.types import F64, Field, Function


class Catalogued(Asked):
    """An engine over snapshots with functions of the catalogue."""

    def have(self, tid: int, *functions: Given) -> None:
        self.writer.publish(tid, *tables_with(tid, functions))
        self.turn = tid


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Catalogued]:
    asked = Catalogued(tmp_path, SETTINGS)
    yield asked
    asked.writer.close()


def failure(asked: Asked, sql: str, turn: int | None = None) -> QueryError:
    with pytest.raises(QueryError) as error:
        asked.rows(sql, turn)
    return error.value


def test_scalars_over_more_rows_than_one_call_takes(asked: Catalogued) -> None:
    asked.have(1, POWER, CHARACTERS, SHOUT)
    sql = "select sum(boost(range, 2)), sum(characters('é' || range))::bigint, max(shout('z' || range)) from range(5000)"
    [[power, characters, shouted]] = asked.rows(sql)
    assert power == sum(2.0 * n * n for n in range(5000))
    assert characters == sum(1 + len(str(n)) for n in range(5000))
    assert shouted == max(f"Z{n}" for n in range(5000))
    assert asked.rows("select game.boost(y := 3, x := 2), BOOST('4', 1), shout('Fünf')") == [
        [12.0, 16.0, "FüNF"]
    ]


def test_functions_stand_wherever_a_value_may(asked: Catalogued) -> None:
    asked.have(1, POWER)
    assert asked.rows("select list_transform([1, 2], x -> boost(x, 1))") == [[[1.0, 4.0]]]
    assert asked.rows("select eid from entity where boost(eid, 1) < 10 order by boost(eid, -1)") == [
        [3],
        [2],
        [1],
    ]
    assert asked.rows("select boost(2, 2) as p from range(3) group by p having boost(p, 1) > 60") == [[8.0]]
    assert asked.rows("with t as (select boost(3, 1) as p) select boost(p, 1) from t") == [[81.0]]


def test_null_in_gives_null_out_without_a_call(asked: Catalogued) -> None:
    traps = """(module (func (export "f") (param f64) (result f64)
      (if (f64.eq (local.get 0) (f64.const 0)) (then (unreachable))) (local.get 0)))"""
    asked.have(1, given("id", "func(x: f64) -> f64", traps), SHOUT)
    sql = "select id(x), shout(s) from (values (1, 'a'), (null, null), (2, '')) t (x, s)"
    assert asked.rows(sql) == [[1.0, "A"], [None, None], [2.0, ""]]


OPTION = given(
    "or_seven",
    "func(x: option<s32>) -> option<s32>",
    """(module (memory (export "memory") 1) (func (export "f") (param i32 i32) (result i32)
      (i32.store8 (i32.const 16) (i32.or (i32.eqz (local.get 0)) (i32.ne (local.get 1) (i32.const 0))))
      (i32.store (i32.const 20) (select (local.get 1) (i32.const 7) (local.get 0)))
      (i32.const 16)))""",
)
ROOT = given(
    "root",
    "func(x: f64) -> result<f64, string>",
    """(module (memory (export "memory") 1) (data (i32.const 100) "no root of less than nothing")
      (func (export "f") (param f64) (result i32)
        (if (result i32) (f64.lt (local.get 0) (f64.const 0)) (then
          (i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 24) (i32.const 100))
          (i32.store (i32.const 28) (i32.const 28)) (i32.const 16)
        ) (else
          (i32.store8 (i32.const 16) (i32.const 0)) (f64.store (i32.const 24) (f64.sqrt (local.get 0))) (i32.const 16)))))""",
)


def test_an_option_is_called_with_null_and_may_give_it(asked: Catalogued) -> None:
    asked.have(1, OPTION)
    assert asked.rows("select or_seven(x) from (values (1), (null), (0), (-3)) t (x)") == [
        [1],
        [7],
        [None],
        [-3],
    ]


def test_an_error_fails_the_query_with_its_text_row_and_arguments(asked: Catalogued) -> None:
    asked.have(1, ROOT)
    assert asked.rows("select root(x) from (values (4), (null), (9)) t (x)") == [[2.0], [None], [3.0]]
    error = failure(asked, "select root(x) from (values (4), (9), (-2)) t (x)")
    assert error.code == 3200
    assert error.message == "FUNCTION root failed in row 3, (-2.0): no root of less than nothing"
    assert asked.rows("select root(16)") == [[4.0]]


@pytest.mark.parametrize("form", ["try_root(x)", "try(root(x))"])
def test_the_form_that_tries_gives_null_for_errors(asked: Catalogued, form: str) -> None:
    asked.have(1, ROOT)
    assert asked.rows(f"select {form} from (values (4), (-2), (9)) t (x)") == [[2.0], [None], [3.0]]


def test_a_function_that_is_named_as_the_form_that_tries_goes_first(asked: Catalogued) -> None:
    asked.have(
        1,
        ROOT,
        given("try_root", "func(x: f64) -> f64", POWER.wat.replace("f64 f64", "f64").replace("1)", "0)")),
    )
    assert asked.rows("select try_root(-2)") == [[-8.0]]


ECHOES = {
    "enum": ("func(x: hue) -> hue", "enum hue { red, deep-blue }", "(param i32) (result i32) (local.get 0)", "'deep-blue'"),
    "flags": (
        "func(x: may) -> may",
        "flags may { read, write }",
        "(param i32) (result i32) (local.get 0)",
        "{'read': true, 'write': false}",
    ),
    "record": (
        "func(x: one) -> one",
        "record one { order: u8, is-on: bool, c: char }",
        """(param i32 i32 i32) (result i32) (i32.store8 (i32.const 16) (local.get 0)) (i32.store8 (i32.const 17) (local.get 1))
           (i32.store (i32.const 20) (local.get 2)) (i32.const 16)""",
        "{'order': 200, 'is_on': true, 'c': 'ß'}",
    ),
    "variant": (
        "func(x: shape) -> shape",
        "variant shape { dot, circle(f32), named(string) }",
        """(param i32 i32 i32) (result i32) (i32.store8 (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1))
           (i32.store (i32.const 24) (local.get 2)) (i32.const 16)""",
        "union_value(named := 'quadrat')",
    ),
    "list": (
        "func(x: list<u16>) -> list<u16>",
        "",
        """(param i32 i32) (result i32) (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1))
           (i32.const 16)""",
        "[1, 2, 65535]",
    ),
    "bytes": (
        "func(x: list<u8>) -> list<u8>",
        "",
        """(param i32 i32) (result i32) (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1))
           (i32.const 16)""",
        "'\\x00\\xFF'::blob",
    ),
    "bool": ("func(x: bool) -> bool", "", "(param i32) (result i32) (local.get 0)", "true"),
    "s8": ("func(x: s8) -> s8", "", "(param i32) (result i32) (local.get 0)", "-128"),
    "u64": ("func(x: u64) -> u64", "", "(param i64) (result i64) (local.get 0)", "18446744073709551615"),
    "f32": ("func(x: f32) -> f32", "", "(param f32) (result f32) (local.get 0)", "0.5"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ECHOES)
def test_a_value_of_every_kind_comes_back_as_it_went(asked: Catalogued, kind: str) -> None:
    signature, types, body, value = ECHOES[kind]
    asked.have(1, given("echo", signature, f'(module {REALLOC} (func (export "f") {body}))', types=types))
    sql = "select echo(v) = echo(echo(v)), echo(nullif(v, v)) is null, echo(v)::varchar, v::varchar from (select {} v)"
    [[is_same, is_null, text, expected]] = asked.rows(sql.format(value))
    assert (is_same, is_null, text) == (True, True, expected)


def test_overloads_are_chosen_by_number_and_by_types(asked: Catalogued) -> None:
    def one(signature: str, params: str, number: int) -> Given:
        wat = f'(module {REALLOC} (func (export "f") (param {params}) (result i32) (i32.const {number})))'
        return given("which", signature, wat)

    asked.have(
        1,
        one("func(x: f64) -> u32", "f64", 1),
        one("func(x: string) -> u32", "i32 i32", 2),
        one("func(x: u32, y: f32) -> u32", "i32 f32", 3),
        one("func(x: string, y: string) -> u32", "i32 i32 i32 i32", 4),
        one("func(x: u8, y: u8, z: u8) -> u32", "i32 i32 i32", 5),
    )
    assert asked.rows(
        "select which(1), which(2.5), which('a'), which(1, 2), which('a', 'b'), which('1', 2, '3')"
    ) == [[1, 1, 2, 3, 4, 5]]
    assert asked.rows("select which(eid), which(sid, energy) from entity limit 1") == [[1, 3]]
    error = failure(asked, "select which([1])")
    assert error.code == 1064 and "which(x DOUBLE)" in error.message and "call " not in error.message
    assert failure(asked, "select which(1, 2, 3, 4)").code == 1064


def test_each_turn_has_its_own_versions(asked: Catalogued) -> None:
    def constant(number: int) -> str:
        return f'(module (func (export "f") (result i32) (i32.const {number})))'

    first = given("answer", "func() -> s32", constant(1))
    second = newer(first, constant(2))
    other = given(
        "answer", "func(x: s32) -> s64", '(module (func (export "f") (param i32) (result i64) (i64.const 3)))'
    )
    asked.have(1, first)
    assert asked.rows("select answer() from range(3)") == [[1]] * 3
    asked.have(2, second)
    assert asked.rows("select answer()") == [[2]]
    asked.have(3, other)
    assert asked.rows("select answer(5)") == [[3]]
    assert failure(asked, "select answer()").code == 1064
    assert asked.rows("select answer()", turn=2) == [[2]]
    asked.have(4)
    error = failure(asked, "select answer()")
    assert (error.code, error.message) == (1305, "FUNCTION game.answer does not exist in this turn")
    assert failure(asked, "select never()").code == 1305
    assert 'Did you mean "answer"' in failure(asked, "select anser(1)", turn=3).message


def test_a_version_that_is_not_the_present_one_is_not_called_nor_one_that_is_refused(
    asked: Catalogued,
) -> None:
    tables, modules = tables_with(1, [POWER, SHOUT])
    names = tables["wasm_function"]["name"].to_pylist()
    old: Any = pa.array([name != "shout" for name in names])
    place = tables["wasm_function"].column_names.index("is_current")
    tables["wasm_function"] = tables["wasm_function"].set_column(place, "is_current", old)
    asked.writer.publish(1, tables, modules)
    asked.writer.publish(2, *tables_with(2, [POWER], "the module has a tail call"))
    assert asked.rows("select boost(1, 2)", turn=1) == [[2.0]]
    assert failure(asked, "select shout('a')", turn=1).code == 1305
    error = failure(asked, "select boost(1, 2)", turn=2)
    assert (
        error.code == 1305
        and "cannot be called any more: the module has a tail call; create it" in error.message
    )


def test_a_function_hides_neither_the_engines_nor_a_strategys(asked: Catalogued) -> None:
    one = POWER.wat
    asked.have(
        1, *(given(name, "func(x: f64, y: f64) -> f64", one) for name in ("pow", "sight", "decode_plan"))
    )
    assert asked.rows("select pow(2, 3), decode_plan(0)[:6], len(sight(1, 1, 0, 0))") == [[8.0, "Hold()", 2]]


def test_what_stands_behind_a_function_cannot_be_called(asked: Catalogued) -> None:
    asked.have(1, POWER, WORDS)
    asked.rows("select boost(1, 2)")
    asked.rows("from words('a b')")
    for sql in (
        'select "call boost/1"(1.0::double, 2.0::double)',
        "select \"rows words\"('a')",
        'from "rows words"(1)',
    ):
        assert failure(asked, sql).code in {1305, 1142}
    error = failure(asked, "select boost({'a': 1}, 2)")
    assert "call" not in error.message and "/1" not in error.message


def test_a_table_function_stands_in_from(asked: Catalogued) -> None:
    asked.have(1, WORDS)
    assert asked.rows("from words('to be  or')") == [[0, "to"], [1, "be"], [2, "or"]]
    assert asked.rows("select w.text from game.words('a b') as w where place = 1") == [["b"]]
    lateral = "select i, text from (values (1, 'a b'), (2, ''), (3, null), (4, 'c')) t (i, s)"
    assert asked.rows(f"{lateral}, words(t.s) order by all") == [[1, "a"], [1, "b"], [4, "c"]]
    left = asked.rows(f"{lateral} left join lateral words(t.s) on true order by all")
    assert left == [[1, "a"], [1, "b"], [2, None], [3, None], [4, "c"]]
    assert asked.rows(
        "select count(*), sum(place)::bigint from range(3000) t (n), words('a b ' || n) where place > 0"
    ) == [[6000, 9000]]
    assert asked.rows("describe from words('a')")[0][:2] == ["place", "UINTEGER"]
    assert asked.rows("from try_words('a')") == [[0, "a"]]


def test_a_function_stands_where_its_kind_may(asked: Catalogued) -> None:
    asked.have(1, WORDS, POWER)
    assert (
        "is a table function: write select ... from words(...)" in failure(asked, "select words('a')").message
    )
    assert "is a scalar function: write select boost(...)" in failure(asked, "from boost(1, 2)").message
    # The second is a function of an extension of the engine's, which is not loaded and so not in its catalogue.
    for name in ("nothing", "sql_auto_complete"):
        error = failure(asked, f"from {name}('a')")
        assert (
            error.code == 1142 and f"'{name}' is denied" in error.message and "wasm_function" in error.message
        )


STATEFUL = given(
    "seen",
    "func(x: s64) -> s64",
    """(module (global $seen (mut i64) (i64.const 0)) (func (export "f") (param i64) (result i64)
      (global.set $seen (i64.add (global.get $seen) (i64.const 1))) (global.get $seen)))""",
)


def test_state_does_not_go_from_statement_to_statement(asked: Catalogued) -> None:
    """Within one, rows see it: one instance serves all rows of a thread."""
    asked.have(1, STATEFUL)
    for _ in range(2):
        assert asked.rows("select max(seen(range)) from range(5000)") == [[5000]]


def test_a_guest_that_never_frees_serves_any_number_of_rows(asked: Catalogued) -> None:
    """Its memory is full after 64 MiB; these rows take 300."""
    asked.have(1, CHARACTERS)
    assert asked.rows("select sum(characters(repeat('x', 20000)))::bigint from range(15000)") == [
        [300_000_000]
    ]


def test_a_row_that_only_a_fresh_instance_has_room_for_is_no_fault(tmp_path: Path) -> None:
    """The first 2,048 rows leave a third of the guest's memory used; the first of the next run needs three quarters."""
    limits = {"function_guest_memory_bytes_max": 2 << 20, "function_budget_fuel": 50_000_000}
    asked = Catalogued(tmp_path, SETTINGS.model_copy(update=limits))
    asked.have(1, CHARACTERS)
    # Each text is another one: a function of a few texts is called for these alone.
    sql = "select sum(characters(repeat('x', if(range = 2048, 1500000, 300)) || range))::bigint from range(2050)"
    assert asked.rows(sql) == [[2049 * 300 + 1_500_000 + sum(len(str(n)) for n in range(2050))]]
    asked.writer.close()


def test_several_threads_of_the_engine_call_at_the_same_time(tmp_path: Path) -> None:
    asked = Catalogued(tmp_path, SETTINGS.model_copy(update={"reader_threads": 4}))
    asked.have(1, POWER, SHOUT, ROOT)
    rows = "(select range as n from range(300000) group by all)"  # groups are read by all threads
    sql = f"select count(*), sum(boost(n, 1))::bigint, max(shout('a' || (1000000 + n))) from {rows}"
    assert asked.rows(sql) == [[300_000, sum(n * n for n in range(300_000)), "A1299999"]]
    assert len(asked.engine._functions._catalogued._memories) > 1
    for _ in range(5):
        error = failure(asked, f"select sum(root(-1 - n)) from {rows}")
        assert error.code == 3200 and error.message.endswith("no root of less than nothing")
    assert asked.rows("select count(*), count(try(root(range - 50))) from range(300)") == [[300, 250]]
    asked.writer.close()


def test_what_functions_took_is_told_with_the_answer(asked: Catalogued) -> None:
    asked.have(1, POWER, ROOT)
    head, _ = asked.engine.answer(
        Query("select boost(range, 1), try_root(range - 1) from range(3000)", turn=1)
    )
    told = {name: numbers for name, _, *numbers in head["functions"]}
    version, rows, faults, fuel, nanoseconds = told["boost"]
    assert (version, rows, faults) == (1, 3000, 0) and fuel > 3000 * 5 and nanoseconds > 1000
    assert told["root"][1] == 3000
    head, _ = asked.engine.answer(Query("select 1", turn=1))
    assert "functions" not in head


def test_many_functions_come_and_go(asked: Catalogued, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wasmverse.reader.wasm_functions.MADE_MAX", 5)
    functions = [given(f"f{n}", "func(x: f64, y: f64) -> f64", POWER.wat) for n in range(12)]
    asked.have(1, *functions, WORDS)
    for n in (*range(12), *range(12)):
        assert asked.rows(f"select f{n}(2, {n}) from words('a')") == [[4.0 * n]]
    assert len(asked.engine._functions._catalogued._numbers) <= 7


def test_a_name_that_looks_like_sql_does_not_keep_the_engine_from_forgetting(
    asked: Catalogued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is told to forget before a statement: what failed there would fail all others too."""
    monkeypatch.setattr("wasmverse.reader.wasm_functions.MADE_MAX", 2)
    params = tuple(Field(name, F64) for name in ('x AS TABLE "', "y"))
    odd = Given(replace(POWER.definition, name="odd", function=Function(params, F64)), POWER.wat)
    asked.have(1, odd, POWER, WORDS)
    for _ in range(2):
        assert asked.rows("select odd(2, 1)") == [[4.0]]
        assert asked.rows("select boost(2, 1) from words('a')") == [[4.0]]


def test_a_strategy_and_a_function_in_one_statement(asked: Catalogued) -> None:
    from tests.query.builder import flown_tables

    wat = strategy_wat("(i64.extend_i32_u (local.get $x))")
    tables, modules = flown_tables(1, {"strategy_x": wat})
    # Of one component, two core modules are compiled: each with the functions that are called there.
    [sha256] = modules
    definition = replace(POWER.definition, sha256=sha256)
    more, others = tables_with(1, [Given(definition, POWER.wat)])
    asked.writer.publish(1, tables | {"wasm_function": more["wasm_function"]}, {**modules, **others})
    asked.turn = 1
    assert asked.rows("select boost(strategy_x(1, 7, 0, 1, 1, 1, 1, 1, 0, []), 1)") == [[49.0]]
