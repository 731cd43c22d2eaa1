"""Values of any type go from the engine of queries through a guest and back."""

from typing import Any

import duckdb
import pyarrow as pa
import pytest
from duckdb.func import ARROW, SPECIAL
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.functions.arrow_values import arrow_of, value_of
from tests.functions.guests import guest_of
from tests.wasm import canonical
from tests.wasm.builder import limits_of
from tests.wasm.canonical_memory import has_null_union, in_sql, same
from wasmverse.functions.run import Runner
from wasmverse.functions.type_names import sql_type
from wasmverse.wasm.types import U8, Enum, Field, Function, List, Record, ValueType

LABELS = Enum(("a", "b"))
MANY = tuple(Field(f"p{n}", U8) for n in range(17))
"""With so many more parameters all go through memory, and a guest that returns their address returns them."""

ECHO = guest_of("""(module (memory (export "memory") 1) (global $free (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get 3)))
    (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
      (then (drop (memory.grow (i32.const 1))))))
  (func (export "f") (param i32) (result i32) (local.get 0)))""")

ROWS = 2_300
"""More than the engine hands over at once."""


def echo(type_: ValueType) -> Any:
    """A function over Arrow arrays, which gives back what it gets."""
    params = (Field("a", type_), *MANY)
    runner = Runner(Function(params, Record(params)))

    def call(column: Any) -> Any:
        ones = pa.array([1] * len(column), pa.uint8())
        ran = runner.run(ECHO, [column, *[ones] * len(MANY)], len(column), limits_of(100_000_000))
        assert (ran.outcome.reason, ran.errors, ran.result.null_count) == (None, {}, 0)
        return ran.result.field(0)

    return call


@given(st.data(), canonical.value_types)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_values_come_back_from_the_engine_as_they_went(data: st.DataObject, type_: ValueType) -> None:
    values = data.draw(st.lists(canonical.values_of(type_, errors=False), min_size=1, max_size=5))
    values = [value for value in values if not has_null_union(type_, value)]
    assume(values)
    name = sql_type(type_)
    with duckdb.connect() as connection:
        connection.create_function("echo", echo(type_), [name], name, type=ARROW, null_handling=SPECIAL)
        rows = [values[row % len(values)] for row in range(ROWS)]
        given = pa.table({"i": pa.array(range(ROWS)), "v": arrow_of(type_, rows, plain=True)})
        connection.register("given", given)
        found = connection.sql(f"select echo(v::{name}) as r from given order by i").to_arrow_table()
        column = found["r"].combine_chunks()
        for row in (0, 1, 2, 3, 4, 2_047, 2_048, ROWS - 1):
            assert same(value_of(type_, column, row), in_sql(type_, rows[row]))


@pytest.mark.parametrize(
    "item", [LABELS, List(LABELS), Record((Field("a", U8), Field("b", LABELS)))], ids=str
)
def test_lists_of_labels_may_all_be_empty(item: ValueType) -> None:
    """The engine cannot read a list of ENUMs in Arrow if there is no item at all."""
    name = sql_type(List(item))
    with duckdb.connect() as connection:
        connection.create_function("echo", echo(List(item)), [name], name, type=ARROW, null_handling=SPECIAL)
        found = connection.sql(f"select echo([]::{name}) as r from range(3)").fetchall()
    assert found == [([],)] * 3
