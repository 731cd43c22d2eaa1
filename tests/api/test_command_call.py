"""Reading a call: whatever a text is, the answer is a command or an error that says what to mend."""

from __future__ import annotations

import random
import time

import pytest

from wasmverse.api.command_call import TEXT_MAX, USAGE, parse_call
from wasmverse.commands import Author, SpawnEntity
from wasmverse.errors import CommandError, QueryRefused

ADA = Author.named("ada")
CALL = 'call spawn_entity(1, \'Ship\', ?, -5, "a""b"); -- '
PARTS = [
    *"()?,;.'\"`\\-1#\n\0",
    "call ",
    "spawn_entity",
    "null",
    "game",
    "/*",
    "*/",
    "--",
    "\x1b[31m",
    "\u202e",
    "٣",
]


@pytest.mark.parametrize(
    ("sql", "args", "strategy"),
    [
        ("call spawn_entity(1, 'Ship', 2, 3, 'a''b')", [], "a'b"),
        ('CALL\tGame . `spawn_entity`(1,\'SHIP\',2,3,"a\\"b") ;;', [], 'a"b'),
        ("# now\ncall/*x*/spawn_entity(/* ' */?,?,?,?,?)--\n", [1, "ship", 2, 3, "s"], "s"),
        ("call wasmverse.spawn_entity(+1, 1, 2.0, 3, 's')".replace("2.0", "?"), [2.0], "s"),
    ],
)
def test_calls_as_people_write_them(sql: str, args: list[object], strategy: str) -> None:
    assert parse_call(sql, args, ADA) == SpawnEntity(1, 1, 2, 3, strategy)


def test_who_executes_a_select_is_told_all_that_may_be_executed() -> None:
    with pytest.raises(QueryRefused) as refused:
        parse_call("select 1", [], ADA)
    for word in (
        "spawn_entity",
        "transmit",
        "rollback_function",
        "create function",
        "drop function",
        "query/rows",
    ):
        assert word in refused.value.message


def test_no_text_is_more_than_refused() -> None:
    chance = random.Random(3)
    for _ in range(3_000):
        if chance.random() < 0.5:
            sql = "".join(chance.choices(PARTS, k=chance.randrange(60)))
        else:
            letters = list(CALL)
            for _ in range(chance.randrange(1, 6)):
                letters[chance.randrange(len(letters))] = chance.choice(PARTS)
            sql = "".join(letters)
        try:
            parse_call(sql, chance.choice([[], [2], [None, {"a": [[]]}]]), ADA)
        except (CommandError, QueryRefused) as error:
            assert error.message.isprintable(), sql
            assert len(error.message) < 300


@pytest.mark.parametrize("part", ["(", "'", '"', "`", "/*", "--", "\\'", "'\\", "1", "a", "?,", "/**/", "''"])
def test_no_text_keeps_the_gateway(part: str) -> None:
    is_unreadable = part in {"/*", "--", "\\'", "'\\"}
    for head in ("", "call ", "call spawn_entity("):
        error = CommandError if head or is_unreadable else QueryRefused
        sql = (head + part * TEXT_MAX)[:TEXT_MAX]
        seconds = []
        for _ in range(3):
            began = time.process_time()
            with pytest.raises(error):
                parse_call(sql, [], ADA)
            seconds.append(time.process_time() - began)
        assert min(seconds) < 0.1


@pytest.mark.parametrize("value", [[[[1]]], {"a": "\x1b[31m"}, "\x1b[31m" * 100, 1e300, True, None, 2**63])
def test_a_value_is_echoed_in_one_short_line(value: object) -> None:
    deep: object = value
    for _ in range(900):
        deep = [deep]
    for given in (value, deep):
        with pytest.raises(CommandError) as refusal:
            parse_call(USAGE.replace("sid, kind, x, y, strategy", "?, 1, 1, 1, 's'"), [given], ADA)
        assert refusal.value.message.isprintable() and len(refusal.value.message) < 200
