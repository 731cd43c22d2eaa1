"""What an upload would come to, asked without making it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.simulation.builder import changed, upload_of
from wasmverse.commands import Author, CheckUpload, Cost, RemoveStrategy
from wasmverse.errors import StrategyCostly, StrategyTaken
from wasmverse.storage.duckdb.store import DuckdbStore

ADMIN = Author("token:0", "root", is_admin=True)


def test_the_answer_is_that_of_the_upload_and_nothing_is_changed(
    simulate: Callable[..., DuckdbStore],
) -> None:
    store = simulate()
    store.carry_out(upload_of("mine", "(i64.const 0)"))
    later = upload_of("mine", "(i64.const 256)")
    for upload in (
        upload_of("new", "(i64.const 512)", author="eve"),
        replace(later, budget_fuel=30_000),
        replace(later, author=ADMIN),
    ):
        rows, position = store.strategy_rows, (store.tid, store.next_eid, store.state_hash())
        answer = store.check_upload(CheckUpload.of(upload))
        assert store.check_upload(CheckUpload.of(upload)) == answer
        assert store.strategy_rows.equals(rows)
        assert (store.tid, store.next_eid, store.state_hash()) == position
        assert answer == store.carry_out(upload)
    assert [row["author"] for row in answer["strategies"]] == ["ada"]


def test_a_name_of_somebody_else_is_refused_until_it_is_forgotten(
    simulate: Callable[..., DuckdbStore],
) -> None:
    store = simulate(changed(strategies_max_per_owner=1))
    store.carry_out(upload_of("mine", "(i64.const 0)"))
    hers = upload_of("mine", "(i64.const 256)", author="eve")
    with pytest.raises(StrategyTaken, match="the name 'mine' belongs to 'ada': choose another"):
        store.check_upload(CheckUpload.of(hers))
    store.carry_out(RemoveStrategy("mine", Author.named("ada")))  # no ship of it has been born
    answer = store.check_upload(CheckUpload.of(hers))
    assert "mine" in store.strategy_rows["name"].to_pylist(), "only an upload makes room"
    assert answer == store.carry_out(hers)
    assert answer["strategies"][0]["version"] == 1


def test_what_would_make_turns_late_is_refused(simulate: Callable[..., DuckdbStore]) -> None:
    store = simulate()
    store.advance()
    upload = upload_of("costly", "(i64.const 0)")
    costly = replace(upload, inspection=replace(upload.inspection, costs={"costly": Cost(50.0, 1.0)}))
    with pytest.raises(StrategyCostly) as told:
        store.check_upload(CheckUpload.of(costly))
    with pytest.raises(StrategyCostly) as refused:
        store.carry_out(costly)
    assert told.value.message == refused.value.message
