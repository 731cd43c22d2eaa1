"""The page of the data dictionary: ``python -m wasmverse.storage.dictionary_page docs/data-dictionary.md`` writes it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import duckdb_engine

from wasmverse.storage import dictionary, views
from wasmverse.storage.schema import SNAPSHOT_TABLES

HEAD = """# The data dictionary

Every relation that a query may name, with the type, unit and meaning of each column, and whether it may be NULL. A query finds
the same in `information_schema.tables` (`table_comment`) and `information_schema.columns` (`data_type`, `column_unit`,
`column_comment`, `is_nullable`). [query.md](query.md#what-can-be-asked) shows what the relations are good for.

This page is made by `python -m wasmverse.storage.dictionary_page docs/data-dictionary.md` from
[dictionary.toml](../server/wasmverse/storage/dictionary.toml).
"""


def columns() -> dict[str, dict[str, str]]:
    """Of every relation that clients see, the columns in order with their types, as the engine describes the views."""
    dialect, found = duckdb_engine.Dialect(), {}
    with duckdb.connect(":memory:") as connection:
        for table in SNAPSHOT_TABLES:
            shown = views.named_ship if table.name == "ship" else table
            text = ", ".join(f'"{column.name}" {column.type.compile(dialect)}' for column in shown.columns)
            connection.execute(f"CREATE TABLE of_{table.name} ({text})")
        for name in (*views.CLIENT_NAMES, *views.READER_NAMES):
            connection.execute(f"CREATE VIEW {name} AS {views.snapshot_view_sql(name, dialect, 'of_')}")
            found[name] = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {name}").fetchall()}
    return found


def page() -> str:
    """The page as Markdown."""
    types = columns()
    return HEAD + "".join(
        line for name, words in dictionary.load().items() for line in _relation(name, words, types[name])
    )


def _relation(name: str, relation: dictionary.RelationWords, types: dict[str, str]) -> Iterator[str]:
    yield f"\n## {name}\n\n{relation.about}.\n\n| column | type | unit | NULL | meaning |\n|---|---|---|---|---|\n"
    for column, kind in types.items():
        words = relation.of(column)
        assert words is not None, f"dictionary.toml has no words for {name}.{column}"
        yield f"| `{column}` | {kind} | {words.unit} | {'yes' if words.is_nullable else ''} | {words.meaning} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
