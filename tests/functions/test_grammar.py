"""The statements about functions: what is understood, what is refused and how, and what hostile texts cost."""

import base64
import random
import time
from typing import Any

import pytest

from wasmverse.errors import CommandError, FunctionError
from wasmverse.functions.grammar import (
    Create,
    Drop,
    ShowCreate,
    ShowFunctions,
    is_about_functions,
    parse_declaration,
    parse_statement,
    parse_types,
    shows_functions,
)
from wasmverse.functions.tokens import TEXT_MAX
from wasmverse.functions.wanted import Wanted
from wasmverse.wasm.types import F64, S32, Field, List, Option, Record, String

DATABASES = ("game", "wasmverse")
LONG = b"\0asm" * 300
MODULE = base64.b64encode(LONG).decode()
AS = f"as wasm from base64 '{MODULE}'"
WIT = base64.b64encode(b"world w {}").decode()


def parsed(sql: str, args: list[Any] | None = None) -> Any:
    return parse_statement(sql, args or [], DATABASES)


def created(sql: str, args: list[Any] | None = None) -> Create:
    statement = parsed(sql, args)
    assert isinstance(statement, Create)
    return statement


def test_a_function_as_singlestore_writes_it() -> None:
    made = created(
        f"CREATE OR REPLACE FUNCTION game.Gain (x DOUBLE NOT NULL, my_y DOUBLE NULL) RETURNS DOUBLE\n AS WASM ABI CANONICAL "
        f"GROW TO 1000000 FROM BASE64 '{MODULE}' WITH WIT FROM BASE64 '{WIT}' USING EXPORT 'gain-of';"
    )
    assert made == Create(
        Wanted(
            "gain",
            params=(Field("x", F64), Field("my-y", Option(F64))),
            result=F64,
            has_params=True,
            has_result=True,
            wit="world w {}",
            abi="canonical",
            export="gain-of",
            pages_max=16,
        ),
        LONG,
        may_replace=True,
    )


def test_what_is_left_out_is_left_to_the_module_and_its_wit() -> None:
    assert created(f"create function gain {AS}") == Create(Wanted("gain"), LONG, may_replace=False)
    # The two ways to hand over bytes, and short ones.
    assert created("create function gain as wasm from base64 ?", [MODULE]).module == LONG
    assert created('create function gain as wasm from base64 "AGFz\nbQ=="').module == b"\0asm"
    given = created(f"create function gain {AS} with wit from base64 ?", [WIT])
    assert given.wanted == Wanted("gain", wit="world w {}")


def test_a_table_function() -> None:
    columns = List(Record((Field("a", S32), Field("b", String()))))
    made = created(f"create function points(n int) returns table(a int, b text) {AS}").wanted
    assert (made.kind, made.result, made.has_result) == ("table", columns, True)
    made = created(f"create function points returns table {AS} with wit from base64 '{WIT}'").wanted
    assert (made.kind, made.result, made.has_result) == ("table", None, False)


def test_an_aggregate() -> None:
    steps = 'initialize with `my-init` iterate with step merge with "both" terminate with done'
    made = created(
        f"create aggregate total(double, x text) returns double with state double[] {AS} {steps}"
    ).wanted
    assert made == Wanted(
        "total", "aggregate", (Field("a1", F64), Field("x", String())), F64, has_params=True, has_result=True,
        state=List(F64), steps=("my-init", "step", "both", "done"),
    )  # fmt: skip
    made = created(
        f"create aggregate total(double) returns double with state handle {AS} initialize with i iterate with j "
        "terminate with k serialize with s deserialize with d"
    ).wanted
    assert (made.is_handle, made.state, made.steps) == (True, None, ("i", "j", None, "k"))
    made = created(f"create aggregate total {AS} with wit from base64 '{WIT}' {steps}").wanted
    assert (made.has_params, made.state) == (False, None)


@pytest.mark.parametrize(
    ("sql", "statement"),
    [
        ("drop function f", Drop("f", None, False)),
        ("DROP AGGREGATE IF EXISTS wasmverse.`F` (int, text null)", Drop("f", "INTEGER, VARCHAR", True, is_aggregate=True)),
        ("drop function f()", Drop("f", "", False)),
        ("/* a */ -- b\n show functions", ShowFunctions(None)),
        ("show functions like 'a%'", ShowFunctions("a%")),
        ("show create aggregate f;;", ShowCreate("f")),
    ],
)  # fmt: skip
def test_the_other_statements(sql: str, statement: object) -> None:
    assert is_about_functions(sql)
    assert parsed(sql) == statement


@pytest.mark.parametrize(
    ("sql", "args", "says"),
    [
        ("create function f(x int) as wasm from base64 ''", [], "where RETURNS must stand"),
        ("create function f returns int as wasm from base64 ''", [], "Declare both"),
        ("create function f as wasm from http 'x'", [], "this server fetches nothing"),
        ("create function f as wasm from local infile 'x'", [], "wasmverse function push"),
        ("create function f as wasm from base64 'a$'", [], "is not base64"),
        ("create function f as wasm from base64 ?", [], "1 '?' and 'args' has 0 values"),
        ("create function f as wasm from base64 ''", ["x"], "0 '?' and 'args' has 1 values"),
        ("create function f as wasm from base64 ?", [[[1]]], "is no text"),
        ("create function f as wasm abi other from base64 ''", [], "BASIC or CANONICAL"),
        ("create function f as wasm grow to 1 from base64 ''", [], "65,536 to 4,294,967,296"),
        ("create function f as wasm from base64 '' with wit from base64 '/w=='", [], "no text in UTF-8"),
        ("create function f as wasm from base64 '' using export f", [], "in quotes"),
        ("create function f as wasm from base64 '' x", [], "where the end must stand"),
        ("create function f as javascript 'x'", [], "where WASM must stand"),
        ("create function other.f as wasm from base64 ''", [], "Unknown database 'other'"),
        ("create function f(a int, A int) returns int as wasm from base64 ''", [], "'A' stands twice"),
        (
            "create function f(\"a-b\" int, a_b int) returns int as wasm from base64 ''",
            [],
            "'a-b' stands twice",
        ),
        (
            "create function f(\"\" int) returns int as wasm from base64 ''",
            [],
            "where the name of one of the parameters must",
        ),
        ("create function f() returns table() as wasm from base64 ''", [], "the name of one of the columns"),
        ("create function f() returns decimal(9, 2) as wasm from base64 ''", [], "no counterpart in WIT"),
        ("create aggregate f as wasm from base64 '' initialize with i", [], "Declare an aggregate's"),
        ("create function f as wasm from base64 '\x01' ", [], "control character"),
        ("drop function f; drop function g", [], "one statement in each request"),
        ("drop table t", [], "where FUNCTION must stand"),
        ("create view v as select 1", [], "where FUNCTION or AGGREGATE must stand"),
        ("show tables", [], "where FUNCTIONS must stand"),
        ("create function f as wasm from base64 'x", [], "not closed"),
        ("drop function", [], "found the end"),
    ],
)
def test_what_is_wrong_is_named(sql: str, args: list[Any], says: str) -> None:
    with pytest.raises(CommandError) as refused:
        parsed(sql, args)
    assert says in refused.value.message
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 400


@pytest.mark.parametrize("name", ["`power-of`", "`Ünicode`", "try_f", "sight", "x" * 64])
def test_a_name_is_checked_before_anything_else(name: str) -> None:
    with pytest.raises(FunctionError, match=r"cannot be a function's name|Wasmverse has itself"):
        parsed(f"create function {name} nonsense")


def test_declarations_of_a_request() -> None:
    wanted = parse_declaration(Wanted("f"), "x double, y text", "table(a int)", None)
    assert (wanted.kind, len(wanted.params), wanted.has_result) == ("table", 2, True)
    wanted = parse_declaration(Wanted("f", "aggregate"), "double", "double", "HANDLE")
    assert (wanted.params, wanted.is_handle) == ((Field("a1", F64),), True)
    assert parse_types("int, double null") == "INTEGER, DOUBLE"
    for params, returns, state in ((") x (", None, None), (None, "int int", None), (None, None, "handle x")):
        with pytest.raises(CommandError):
            parse_declaration(Wanted("f"), params, returns, state)


def test_only_what_shows_functions_is_ours_among_questions() -> None:
    assert shows_functions(" SHOW\tfunctions") and shows_functions("show create function f")
    for sql in ("show tables", "select 1", "show functionsx", "show create table x", "create function f"):
        assert not shows_functions(sql)


HOSTILE = [
    "'" * 5_000_000,
    "('a'" * 1_500_000,
    "(" * 5_000_000,
    ("'" + "A" * 255) * 20_000,
    ("'" + "A" * 300) * 16_000,
    "/*" * 2_000_000,
    "#" * 3_000_000,
    " " * 5_000_000,
    "'" + "A" * 5_000_000,
    "\n#" * 2_000_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:6]))
def test_megabytes_are_cheap_to_refuse(text: str) -> None:
    for head in ("", "create function f as wasm from base64 "):
        seconds = []
        for _ in range(2):
            began = time.process_time()
            is_about_functions(head + text)
            shows_functions(head + text)
            with pytest.raises(CommandError):
                parsed(head + text)
            seconds.append(time.process_time() - began)
        assert min(seconds) < 1.0


@pytest.mark.parametrize(
    "part", ["(", "[", "struct(a ", "array(", "int[]", "a int,", "'a',", "`a`", "not null ", "1.", "$", "@a", "'\\", "union("]
)  # fmt: skip
def test_no_short_text_keeps_the_gateway(part: str) -> None:
    for head in (
        "create function f(x ",
        "create function f() returns ",
        "drop function f(",
        "create aggregate f(",
    ):
        sql = (head + part * TEXT_MAX)[:TEXT_MAX]
        began = time.process_time()
        with pytest.raises(CommandError):
            parsed(sql)
        assert time.process_time() - began < 0.5


def test_whatever_the_text_is_the_answer_is_a_statement_or_says_what_to_mend() -> None:
    chance = random.Random(8)
    whole = [
        f"create or replace function f(x double, y struct(a int, b text[])) returns table(a int) {AS} using export 'x'",
        f"create aggregate f(double) returns double with state handle {AS} initialize with i iterate with j terminate with k",
        "drop function if exists game.f(int, union(a int, b enum('x', 'y')))",
    ]
    words = [
        *"()[],;.?'\"`\0\\-",
        "null",
        "not",
        "table",
        "as",
        "wasm",
        "from",
        "base64",
        "\ue000",
        "{{",
        "/*",
        "--",
        "$1",
        "x'ff'",
    ]
    for _ in range(1_500):
        text = chance.choice(whole)
        for _ in range(chance.randint(1, 4)):
            at, size = chance.randrange(len(text)), chance.randint(0, 12)
            text = text[:at] + chance.choice([*words, ""]) + text[at + size :]
        try:
            statement = parsed(text, chance.choice([[], ["AAAA"], [1, None]]))
        except (CommandError, FunctionError) as error:
            assert error.message.isprintable(), text
            assert len(error.message) < 500, text
        else:
            assert isinstance(statement, Create | Drop | ShowFunctions | ShowCreate)
