"""Results that are kept: of which queries, and how much room they take."""

from wasmverse.query.cache import ResultCache
from wasmverse.query.query import Query
from wasmverse.query.result import Result

QUERY = Query("select ?", b"[1]", 3)


def result(size: int, *, is_stable: bool = True) -> Result:
    return Result(b"x" * size, 3, 1, "", is_stable=is_stable, is_gzip=False, seconds=0.001)


def test_only_the_very_query_is_answered_from_it() -> None:
    cache = ResultCache(1 << 20)
    kept = result(10)
    assert cache.put(QUERY, kept)
    assert cache.get(Query("select ?", b"[1]").at(3)) is kept
    others = [
        Query("select ? ", b"[1]", 3),
        Query("select ?", b"[1.0]", 3),
        Query("select ?", b"[true]", 3),
        QUERY.at(4),
        Query("select ?", b"[1]", 3, "rows"),
        Query("select ?", b"[1]", 3, "tuples", True),
        Query("select ?", b"[1]", 3, "tuples", False, True),
    ]
    assert [cache.get(other) for other in others] == [None] * len(others)


def test_what_may_differ_next_time_or_is_too_large_is_not_kept() -> None:
    cache = ResultCache(100_000)
    assert not cache.put(QUERY, result(10, is_stable=False))
    assert not cache.put(QUERY, result(25_000))
    assert cache.bytes == 0
    assert cache.put(QUERY, result(24_000))
    assert not cache.put(QUERY, result(10)), "it is there"


def test_the_least_recently_used_result_goes_first() -> None:
    cache = ResultCache(10_000)
    queries = [Query(f"select {number}", turn=3) for number in range(9)]
    for query in queries[:8]:
        assert cache.put(query, result(600))
    assert cache.get(queries[0]) is not None
    assert cache.put(queries[8], result(1_500))
    assert cache.get(queries[1]) is None
    assert cache.get(queries[0]) is not None and cache.get(queries[8]) is not None
    assert cache.bytes <= 10_000


def test_it_makes_room_for_others() -> None:
    cache = ResultCache(1 << 20)
    for number in range(5):
        cache.put(Query(f"select {number}", turn=3), result(1_000))
    cache.shrink(1_500)
    assert [cache.get(Query(f"select {number}", turn=3)) is not None for number in range(5)] == [
        *[False] * 2,
        *[True] * 3,
    ]
    cache.shrink(1 << 20)
    assert cache.bytes == 0
