"""Statements that clients send of their own accord; and the time that any text of a stranger may take on the event loop."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from wasmverse.api.addressed_query import has_tag
from wasmverse.api.as_of import take_as_of
from wasmverse.api.command_call import parse_call
from wasmverse.api.errors import HttpError
from wasmverse.api.session import TEXT_MAX, is_setting, select_for
from wasmverse.commands import Author
from wasmverse.errors import CommandError, FunctionError, QueryRefused
from wasmverse.functions.enclosed import check_enclosed
from wasmverse.functions.grammar import is_about_functions, shows_functions
from wasmverse.processes.logs import without_secrets


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("select @@version", "SELECT '5.7.32-wasmverse' AS \"@@version\""),
        ("\n SELECT  @@autocommit a ,\t@@session.version_comment  as  b LIMIT  1 ; ", "AS \"a\", 'Wasmverse' AS \"b\""),
        ("select @@autocommit limit", '1 AS "limit"'),
        ("show full columns from `game` . `ship` in game like 'e%' ;", "table_name = 'ship' AND column_name LIKE 'e%'"),
        ("EXPLAIN `entity`;", "table_name = 'entity'"),
        ("select version ( ) ;\n", "AS \"version()\""),
    ],
)  # fmt: skip
def test_a_question_is_answered_by_a_select(sql: str, answer: str) -> None:
    assert answer in (select_for(sql) or "")


@pytest.mark.parametrize(
    "sql", ["select @@version;;", "select @@version limit 2", f"select @@version{', @@version' * 50}", "show", ""]
)  # fmt: skip
def test_another_statement_is_none(sql: str) -> None:
    assert select_for(sql) is None


@pytest.mark.parametrize(
    "sql",
    [
        "set transaction isolation level repeatable read",
        " SET SESSION TRANSACTION ISOLATION LEVEL\tread  committed\n;",
        "set transaction read only",
        "set names 'utf8mb4' collate utf8mb4_bin ;",
        "start  transaction read only;",
        "use `game`",
    ],
)
def test_what_every_session_has_is_taken(sql: str) -> None:
    assert is_setting(sql)


@pytest.mark.parametrize(
    "sql", ["set transaction isolation level read-only", "set autocommit = 0", "\xa0set x"]
)
def test_another_setting_is_refused(sql: str) -> None:
    with pytest.raises(QueryRefused, match="nothing to set"):
        is_setting(sql)


def parsed(sql: str) -> None:
    parse_call(sql, [], Author.named("ada"))


def tagged(text: str) -> None:
    has_tag(text, '"a"')


READERS: list[Callable[[str], object]] = [
    select_for, is_setting, parsed, is_about_functions, shows_functions, check_enclosed, take_as_of, tagged, without_secrets,
]  # fmt: skip
HEADS = [
    "select @@a", "select @@a,", "set transaction isolation level a", "set names utf8", "set sql_mode", "use", "show",
    "show columns from a", "show variables", "start transaction", "describe a.", "call", "call transmit(", "//", "bearer",
    "select 1 as of turn 1",
]  # fmt: skip
PIECES = [
    " ", "a", " a", "@@a,", ",", " limit 1", " like", "a.", "'", "''", '"', "`", "\\", "/*", "*/", "--\n", "#", ";", "1",
    " from a", "$a$ ", "$", "(", ")", "a:", "//a:", "bearer ", "wv_", "-wv_", "@", " as of turn 1", "as ", "W/",
]  # fmt: skip
SECONDS_MAX = 1.0
"""Of one text for all readers: hundred times what it takes, and a tenth of what one of them took of the worst."""


def test_many_tags_of_texts_that_nothing_closes_are_read_at_once() -> None:
    """As long as an address may be."""
    began = time.process_time()
    check_enclosed("".join(f"$a{number}$ " for number in range(8_000)))
    assert time.process_time() - began < SECONDS_MAX


def seconds(sql: str) -> float:
    began = time.process_time()
    for read in READERS:
        with suppress(CommandError, FunctionError, HttpError, QueryRefused):
            read(sql)
    return time.process_time() - began


@pytest.mark.parametrize("head", HEADS)
def test_every_long_text_is_read_at_once(head: str) -> None:
    """Each piece repeated up to the limit, and mixtures; all end with what fits nothing, so that a pattern tries all ways."""
    chosen = random.Random(head)
    for mixture in [[piece] for piece in PIECES] + [chosen.sample(PIECES, 3) for _ in range(3)]:
        piece = "".join(mixture)
        sql = head + piece * ((TEXT_MAX - len(head) - 1) // len(piece)) + "!"
        assert (taken := seconds(sql)) < SECONDS_MAX, f"{taken:.2f} s: {sql[:80]!r}"
