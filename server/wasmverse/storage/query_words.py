"""Names that mean something in a query: those of DuckDB, with which readers answer queries whatever engine keeps the universe."""

from __future__ import annotations

from functools import cache

import duckdb


@cache
def function_names() -> frozenset[str]:
    """Functions that are built in, in lower case."""
    return _names("SELECT lower(function_name) FROM duckdb_functions() WHERE internal")


@cache
def reserved_words() -> frozenset[str]:
    """Keywords that cannot name everything."""
    return _names("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'")


def _names(query: str) -> frozenset[str]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "threads": 1,
    }
    with duckdb.connect(":memory:", config=config) as connection:
        return frozenset(name for (name,) in connection.execute(query).fetchall())
