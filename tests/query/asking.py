"""Ask a pool for the answer to a statement, with what tests want to say of it."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any

import orjson

from wasmverse.query.pool import ReaderPool
from wasmverse.query.query import NOBODY, Client, Query
from wasmverse.query.result import Result


def run_query(
    pool: ReaderPool,
    sql: str,
    args: Iterable[Any] = (),
    *,
    client: Client = NOBODY,
    others: Iterable[Client] = (),
    is_live: bool = False,
    is_quick: bool = False,
    **form: Any,
) -> Coroutine[Any, Any, Result]:
    """The answer, to be awaited.

    ``form`` has the other fields of `Query`; ``is_quick`` asks as a live query that is known to be quick.
    """
    query = Query(sql, orjson.dumps(list(args)), **form)
    if is_quick:
        pool._dispatcher.admission.costs.note_live(query, 0.0)
    return pool.query(query, client=client, others=others, is_live=is_live or is_quick)
