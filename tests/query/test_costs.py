"""What is remembered of queries, by their text and by exactly what was asked."""

from wasmverse.query.costs import ENDINGS_MAX, QUICK_KEPT_MAX, QUICK_SECONDS, SLOW_SECONDS, Costs
from wasmverse.query.query import Query

QUERY = Query("select ?", b"[1]")


def test_a_slow_query_is_slow_for_the_same_arguments_only() -> None:
    costs = Costs()
    costs.note(QUERY, 3.0, 100)
    known = costs.of(QUERY.at(7))
    assert known is not None and (known.seconds, known.bytes) == (3.0, 100)
    assert costs.of(Query("select ?", b"[2]")) is None
    assert costs.expected_seconds(Query("select ?", b"[2]")) == SLOW_SECONDS, "no more than a first try"


def test_a_live_query_is_quick_by_how_it_went_last() -> None:
    costs = Costs()
    assert not costs.is_quick(QUERY)
    costs.note_live(QUERY, QUICK_SECONDS)
    assert costs.is_quick(QUERY) and costs.is_quick(QUERY.at(3))
    assert not costs.is_quick(Query("select ?", b"[2]"))
    costs.note_live(QUERY, QUICK_SECONDS * 1.01)
    assert not costs.is_quick(QUERY)
    costs.note_live(QUERY, 0.0)
    costs.note_live(QUERY, None)
    assert not costs.is_quick(QUERY), "it is being asked, or was not answered"


def test_of_quick_queries_the_one_asked_longest_ago_is_forgotten() -> None:
    costs = Costs()
    for number in range(QUICK_KEPT_MAX + 1):
        costs.note_live(Query(f"select {number}"), 0.0)
        costs.note_live(QUERY, 0.0)
    assert costs.is_quick(QUERY) and costs.is_quick(Query(f"select {QUICK_KEPT_MAX}"))
    assert not costs.is_quick(Query("select 0"))


def test_what_ends_readers_is_known_by_exactly_what_was_asked() -> None:
    costs = Costs()
    for _ in range(ENDINGS_MAX):
        assert not costs.ends_readers(QUERY)
        costs.note_ending(QUERY)
    assert costs.ends_readers(QUERY.at(2))
    assert not costs.ends_readers(Query("select ?", b"[2]"))
