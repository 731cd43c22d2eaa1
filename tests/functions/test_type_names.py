"""Types by their names in SQL: DuckDB understands each that is written, and what is read is what was meant."""

import duckdb
import pytest

from tests.functions.test_definition import TYPES
from wasmverse.errors import CommandError
from wasmverse.functions.type_names import sql_type
from wasmverse.functions.type_reader import value_type
from wasmverse.wasm.types import (
    BOOL,
    F32,
    F64,
    S8,
    S32,
    S64,
    U8,
    U16,
    U32,
    U64,
    Case,
    Enum,
    Field,
    List,
    Option,
    Record,
    String,
    ValueType,
    Variant,
)


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_duckdb_understands_every_name(type_: ValueType) -> None:
    name = sql_type(type_)
    [(shown,)] = duckdb.execute(f"select typeof(NULL::{name})").fetchall()
    assert shown.replace('"', "") == name.replace('"', "")


def test_duckdbs_reserved_words_are_quoted_in_types() -> None:
    rows = duckdb.execute("select keyword_name from duckdb_keywords() where keyword_category = 'reserved'")
    words = [word for (word,) in rows.fetchall()]
    fields = tuple(Field(word, S32) for word in words)
    assert len(words) > 70
    assert duckdb.execute(f"select typeof(NULL::{sql_type(Record(fields))})").fetchone() is not None


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_a_name_that_is_written_is_read_as_a_type_of_that_name(type_: ValueType) -> None:
    assert sql_type(value_type(sql_type(type_))) == sql_type(type_)


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("double", F64),
        ("DOUBLE PRECISION NOT NULL", F64),
        ("double null", Option(F64)),
        ("real", F32),
        ("TINYINT(1)", S8),
        ("int(11) unsigned", U32),
        ("BIGINT UNSIGNED", U64),
        ("UNSIGNED BIGINT", U64),
        ("usmallint", U16),
        ("INT8", S64),
        ("boolean", BOOL),
        ("varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL", String()),
        ("json", String()),
        ("longblob", List(U8)),
        ("int[][]", List(List(S32))),
        ("ARRAY(TEXT NOT NULL) NOT NULL", List(String())),
        ("LIST(INT NULL)", List(Option(S32))),
        ('STRUCT(a INT, "b c" RECORD(my_x DOUBLE NULL))[]',
         List(Record((Field("a", S32), Field("b c", Record((Field("my-x", Option(F64)),))))))),
        ("UNION(num DOUBLE, txt TEXT)", Variant((Case("num", F64), Case("txt", String())))),
        ("ENUM('a', 'b''c')", Enum(("a", "b'c"))),
        ("UTINYINT[]", List(U8)),
    ],
)  # fmt: skip
def test_names_of_both_dialects_are_read(name: str, type_: ValueType) -> None:
    assert value_type(name) == type_


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "found the end where a type such as"),
        ("DECIMAL(10, 2)", "declare DOUBLE"),
        ("TIMESTAMP", "declare BIGINT"),
        ("HUGEINT", "BIGINT or DOUBLE"),
        ("INT[3]", "fixed length"),
        ("VARCHAR UNSIGNED", "cannot be UNSIGNED"),
        ("MAP(INT, INT)", "a list"),
        ("STRUCT()", "the name of a field"),
        ("STRUCT(a INT, A INT)", "'A' stands twice"),
        ("ENUM()", "a label"),
        ("ENUM('a','a')", "twice"),
        ("INT INT", "found 'INT' where the end"),
        ("nonsense", "found 'nonsense' where a type"),
        ("INT" + "[]" * 40, "nested"),
        ("ARRAY(" * 40 + "INT" + ")" * 40, "nested"),
        ("ENUM(" + ", ".join(f"'{n}'" for n in range(1_100)) + ") nonsense", "where the end"),
        ("STRUCT(" + ", ".join(f"a{n} INT" for n in range(2_500)) + ")", "characters"),
        ("'INT'", "where a type"),
        ("INT)", "where the end"),
        ("'", "not closed"),
    ],
)
def test_what_is_no_type_is_refused(name: str, says: str) -> None:
    with pytest.raises(CommandError) as refused:
        value_type(name)
    assert says in refused.value.message
    assert len(refused.value.message) < 400
