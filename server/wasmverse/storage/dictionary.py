"""The data dictionary: what every relation and column that clients see means, its unit, and whether it may be NULL.

``dictionary.toml`` has the words; `schema` and `views` have the columns.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from wasmverse.storage import views

_NULLS = {"may be NULL": True, "never NULL": False}


@dataclass(frozen=True, slots=True)
class ColumnWords:
    """What a column means. ``unit`` is empty for what has none; ``is_nullable`` says whether a row may have NULL there."""

    unit: str
    meaning: str
    is_nullable: bool


@dataclass(frozen=True, slots=True)
class RelationWords:
    """What a relation shows; of its columns, those that have words of its own, and the shared ones, which it may not have."""

    about: str
    own: Mapping[str, ColumnWords]
    shared: Mapping[str, ColumnWords]

    def of(self, column: str) -> ColumnWords | None:
        """The words for one column; None where there are none."""
        return self.own.get(column) or self.shared.get(column)


def load() -> dict[str, RelationWords]:
    """The dictionary by relation, in the order of ``CLIENT_NAMES`` and ``READER_NAMES``."""
    data = tomllib.loads(resources.files(__package__).joinpath("dictionary.toml").read_text(encoding="utf-8"))
    relations: dict[str, dict[str, Any]] = data["relations"]
    shared = _columns(data["shared"])

    def words(name: str) -> RelationWords:
        entry = dict(relations[name])
        about, like = entry.pop("about"), entry.pop("like", None)
        inherited = {} if like is None else words(like).own
        return RelationWords(about, {**inherited, **_columns(entry)}, shared)

    return {name: words(name) for name in (*views.CLIENT_NAMES, *views.READER_NAMES)}


def _columns(entry: Mapping[str, tuple[str, str, str]]) -> dict[str, ColumnWords]:
    return {name: ColumnWords(unit, meaning, _NULLS[nulls]) for name, (unit, meaning, nulls) in entry.items()}


def rows() -> Iterator[tuple[str, str, str, str, bool]]:
    """The dictionary as rows: relation, column, unit, comment, whether it may be NULL. The relation itself has a row whose column
    is empty; shared columns have one for every relation, also those that have no such column.
    """
    for name, relation in load().items():
        yield name, "", "", relation.about, False
        for column, words in {**relation.shared, **relation.own}.items():
            yield name, column, words.unit, words.meaning, words.is_nullable
