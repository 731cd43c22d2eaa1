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
    assert take_as_of(sql) == (left, () if turn is None else (turn,))
    assert len(left) == len(sql), "places in errors stay true"


@pytest.mark.parametrize(
    ("sql", "part"),
    [
        ("from a" + "".join(f", b as of turn {turn}" for turn in range(5)), "AS OF 5 turns; at most 4"),
        ("from a as of turn 1" + ", b as of turn 2" * 100, "101 AS OF TURN; at most 100"),
        ("from (select 1) as of turn 1, b as of turn 2", "AS OF TURN 1 stands after no name"),
        ("from a /* b */ as of turn 1, b as of turn 2", "AS OF TURN 1 stands after no name"),
        ("from a as of turn 1, `b` as of turn 2", "AS OF TURN 2 stands after no name"),
        ("from a as of turn 1, b -- c\n as of turn 2", "AS OF TURN 2 stands after no name"),
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
    assert take_as_of(sql)[1] == (1,)
    take_as_of("select 1 from b as of turn 2, a as of turn 1 " + piece * (1_000_000 // len(piece)))


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("from a as of turn 2 x, a as of turn 7 y", 'from "a as of turn 2"  x, "a as of turn 7"  y'),
        ("from game.a as of turn 2, b\nAS OF TURN 7", 'from game."a as of turn 2" , "b as of turn 7"\n'),
        ('from "a" as of turn 2 join "B"  as of turn 7', 'from "a as of turn 2"  join "B as of turn 7"  '),
        ("from a as of turn 7 where 'a as of turn 3' <> (from \"b as of turn 4\" as of turn 2)", None),
        ("from a as of turn 007 x, a as of turn 2", 'from "a as of turn 7"  x, "a as of turn 2" '),
    ],
)
def test_of_several_turns_each_relation_gets_the_name_of_its_own(sql: str, left: str | None) -> None:
    if left is None:
        with pytest.raises(HttpError, match="AS OF TURN 2 stands after no name"):
            take_as_of(sql)
    else:
        assert take_as_of(sql) == (left, (2, 7))


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


def test_turns_are_joined(gateway: RunningGateway) -> None:
    first = gateway.universe.last.tid
    for _ in range(2):
        gateway.turn()
    last = first + 2
    sql = (
        "select b.energy::int - a.energy::int as gain, count(*) n from entity as of turn {} a "
        "join entity as of turn {} b using (sid, eid) where a.kind = 1 group by all"
    )
    for turns, gain in (((first, last), 2), ((last, first), -2), ((first, first + 1), 1)):
        answer = gateway.query(sql.format(*turns))
        assert answer.json()["results"][0]["rows"] == [[gain, 12]]
        assert answer.headers["wasmverse-turn"] == str(max(turns))
    missing = gateway.query(sql.format(first, 999_999))
    assert missing.text.startswith("Error 1105: There is no snapshot of turn 999999")
    mixed = gateway.query(f"select 1 from turns as of turn {first}, turns as of turn {last} b, strategy")
    assert (mixed.status_code, mixed.text[:12]) == (400, "Error 1064: ") and "'strategy'" in mixed.text
    given = gateway.query(sql.format(first, last), turn=first)
    assert (given.status_code, given.text[:12]) == (400, "Error 1210: ")
    address = {"sql": sql.format(first, last), "format": "json"}
    answer = gateway.http.get("/api/v1/query", params=address)
    again = gateway.http.get(
        "/api/v1/query", params=address, headers={"If-None-Match": answer.headers["etag"]}
    )
    assert (answer.status_code, again.status_code) == (200, 304)
