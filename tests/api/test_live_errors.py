"""Live queries that fail: each is told once, and none goes on costing readers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.api.conftest import RunningGateway
from tests.api.test_live import ask, is_quiet, receive, watcher
from tests.reader.unjudged import MARK, let_unjudged_pass

BAD = [
    ("select 1::", 1064),
    ("SHOW FULL ", 1064),
    ("select DATE_SUB(", 1064),
    ("select nothing from entity", 1054),
    ("select * from nothing", 1146),
    ("select nothing()", 1305),
    ("drop table entity", 1142),
    ("select ?", 1210),
    ("select 'a'::int", 1292),
    ("select error('late')", 1210),
    ("select sum(hash(range)) from range(1000000000000)", 3024),
    ("select length(repeat('x', 2000000000))", 1041),
    (MARK + 'select "="(v, 1) from range(3) t(v)', 2013),
    (MARK + 'select "!="(row(1, 2), 7)', 2013),
]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("errors")
    with pytest.MonkeyPatch.context() as patch:
        let_unjudged_pass(folder / "site", patch)
        running = RunningGateway(folder, query_seconds_max=1, readers=2, reader_spares=1)
        try:
            yield running
        finally:
            running.close()


@pytest.mark.parametrize(("sql", "code"), BAD, ids=lambda value: str(value)[:30])
def test_a_statement_that_never_worked_is_told_once(target: RunningGateway, sql: str, code: int) -> None:
    with watcher(target) as client:
        queries = target.pool.counts.queries.total()
        ask(client, id=1, sql=sql)
        answer = receive(client)
        assert (answer["id"], answer["error"]["code"]) == (1, code)
        assert answer["error"]["message"].isprintable()
        for _ in range(3):
            target.turn()
            time.sleep(0.05)
        assert is_quiet(client), "it was answered, and is not run again"
        assert target.pool.counts.queries.total() == queries + 1
        ask(client, id=1, sql="select 7 as n")
        assert receive(client)["rows"] == [[7]]


def test_one_that_worked_before_is_tried_for_three_turns(target: RunningGateway) -> None:
    """It fails in turns whose number leaves 1, 2 or 3 when divided by 5."""
    with watcher(target) as client:
        while target.universe.last is None or target.universe.last.tid % 5:
            target.turn()
        fails = "case when max(tid) % 5 in (1, 2, 3) then 'x' else max(tid)::varchar end::bigint"
        ask(client, id=1, sql=f"select {fails} from turns where ?", args=[True])
        ask(client, id=2, sql="select max(tid) from turns")
        turn = receive(client)["turn"]
        receive(client)
        told = []
        for _ in range(3):
            target.turn()
            while (answer := json.loads(client.recv(timeout=20)))["id"] == 1:
                told.append(answer["error"]["message"])
            time.sleep(0.3)
        told += [json.loads(client.recv(timeout=20))["error"]["message"]] if len(told) < 2 else []
        assert turn % 5 == 0
        assert len(told) == 2 and "ended" in told[1] and "ended" not in told[0]
        target.turn()
        assert receive(client)["id"] == 2
        assert is_quiet(client)
