"""``AS OF TURN n`` is found where it is a clause, and nowhere else."""

from __future__ import annotations

import pytest

from tests.api.conftest import RunningGateway
from wasmverse.api.as_of import take_as_of
from wasmverse.api.errors import HttpError


@pytest.mark.parametrize(
    ("sql", "left", "turn"),
    [
        ("select * from turns", "select * from turns", None),
        ("select * from entity as of turn 5 where x", "select * from entity" + " " * 14 + "where x", 5),
        ("select * from entity AS OF\n TURN 5 a", "select * from entity" + " " * 14 + " a", 5),
        ("from a as of turn 7 join b as of turn 7", "from a" + " " * 13 + " join b" + " " * 13, 7),
        ("select 'it''s as of turn 5' as of turn 6", "select 'it''s as of turn 5' " + " " * 12, 6),
        ('select "as of turn 5"', 'select "as of turn 5"', None),
        ("select `as of turn 5`", "select `as of turn 5`", None),
        ("select 1 -- as of turn 5\nfrom t as of turn 8", "select 1 -- as of turn 5\nfrom t " + " " * 12, 8),
        ("/* /* */ as of turn 5 */ from t", "/* /* */ as of turn 5 */ from t", None),
        ("/* /* */ */ from t as of turn 9", "/* /* */ */ from t " + " " * 12, 9),
        (
            "select $$as of turn 5$$, $a$ $$ as of turn 5 $a$",
            "select $$as of turn 5$$, $a$ $$ as of turn 5 $a$",
            None,
        ),
        ("select 'open as of turn 5", "select 'open as of turn 5", None),
        ("select alias of turn 5", "select alias of turn 5", None),
        ("select x as of turn 5x", "select x as of turn 5x", None),
    ],
)
def test_where_it_is_a_clause(sql: str, left: str, turn: int | None) -> None:
    assert take_as_of(sql) == (left, turn)
    assert len(left) == len(sql), "places in errors stay true"


@pytest.mark.parametrize(
    ("sql", "part"),
    [
        ("from a as of turn 1, b as of turn 2", "1 and 2"),
        (r"select 'it\'s, it\'s' from a as of turn 1", "backslash"),
        (f"from a as of turn {10**30}", "no turn"),
    ],
)
def test_what_cannot_be_read_is_refused(sql: str, part: str) -> None:
    with pytest.raises(HttpError, match=part):
        take_as_of(sql)


@pytest.mark.parametrize(
    "piece", ["$a$ $b$ ", "/*", "'\"`", "as of turn ", "as " + " " * 50, "-- as of turn 1 "]
)
def test_every_character_of_a_hostile_text_is_looked_at_once(piece: str) -> None:
    """A megabyte; a scan that began again at each piece would take hours."""
    sql = "select 'x' from a as of turn 1 " + piece * (1_000_000 // len(piece))
    assert take_as_of(sql)[1] == 1


def test_a_statement_reads_the_turn_that_it_names(gateway: RunningGateway) -> None:
    before = gateway.universe.last.tid
    gateway.turn()
    answer = gateway.query(f"select max(tid) from turns as of turn {before} as t where tid > ?", [0])
    assert answer.json()["results"][0]["rows"] == [[before]]
    assert answer.headers["wasmverse-turn"] == str(before)
    both = gateway.query(f"select 1 from turns as of turn {before}", turn=before + 1)
    assert (both.status_code, both.text[:12]) == (400, "Error 1210: ")
    assert gateway.query("select 1 from turns as of turn 999999").text.startswith("Error 1105: ")
    address = {"sql": f"select max(tid) as tid from turns as of turn {before}"}
    assert gateway.http.get("/api/v1/query", params=address).text == f'"tid"\n{before}\n'
