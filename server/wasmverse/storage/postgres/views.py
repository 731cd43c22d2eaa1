"""The views of a universe in PostgreSQL: the relations of `storage.schema` as rows, for psql, reports and joins with others.

Bytes are taken apart by an expression for each column, so the planner drops those that a query does not need. A subquery ends
with ``OFFSET 0`` where what it computes would otherwise be computed again for each row that is made of it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from wasmverse.storage import schema, views
from wasmverse.storage.postgres.schema import WIDER
from wasmverse.universe import event_format
from wasmverse.universe.row_format import HEAD_BYTES, NODE_BYTES, NODE_COLUMNS, SHIP_BYTES, SHIP_COLUMNS, WIDE

ROW_SYSTEMS_MAX = 3
"""At most so many systems are in a row of ``system_state``."""

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def statements() -> list[str]:
    """``CREATE VIEW`` statements, in an order in which they can be run."""
    return [f"CREATE VIEW {name} AS {text}" for name, text in view_texts().items()]


def view_texts() -> dict[str, str]:
    """The SELECT of each view, those first that others use."""
    packed = {
        "ship": _entities("ships", SHIP_COLUMNS, schema.ship, SHIP_BYTES),
        "node": _entities("nodes", NODE_COLUMNS, schema.node, NODE_BYTES),
        "turns": str(views.turns_select()),
        "strategy_turn": _strategy_turn(),
        "event": _events(),
        "story": _story(),
    }
    plain = ("transmission", "entity", "hit", "visible", "entities_with_conflict", "entity_strategy")
    return {**packed, **{name: _plain(name) for name in plain}, "hero": _hero()}


def _plain(name: str) -> str:
    return views.view_sql(name, _DIALECT)


def _entities(blob: str, layout: dict[str, int], shown: sa.Table, entity_bytes: int) -> str:
    """A SELECT of ``shown`` from one column of ``system_state``."""
    values = {"sid": "sid"}
    before, is_behind_eid = 0, False
    for name, width in layout.items():
        begin = f"at + {HEAD_BYTES} + {before} * count" + (" + width * count" if is_behind_eid else "")
        if width:
            values[name] = _number(f"{begin} + {width} * n", width, is_unsigned=True)
            before += width
        else:
            wide, narrow = (_number(f"{begin} + {each} * n", each) for each in (WIDE, WIDE // 2))
            values[name] = f"base + CASE width WHEN {WIDE} THEN {wide} ELSE {narrow} END"
            is_behind_eid = True

    def end(at: str) -> str:
        size = f"({HEAD_BYTES} + {_number(f'{at} + 4', 4)}::int * ({entity_bytes} + get_byte(blob, {at} + 1)) + 7) / 8 * 8"
        return f"CASE WHEN {at} < length(blob) THEN {at} + {size} ELSE {at} END"

    # A row's systems lie one after the other: where one ends, its head says.
    begins = f"SELECT *, {end('second')} AS third FROM (SELECT *, {end('0')} AS second FROM state) AS state"
    eid_width, count, base = "get_byte(blob, at + 1)", f"{_number('at + 4', 4)}::int", _number("at + 8", 8)
    systems = f"""SELECT sid, blob, at, {eid_width} AS width, {count} AS count, {base} AS base
FROM ({begins} OFFSET 0) AS begins
CROSS JOIN LATERAL (VALUES (first_sid, 0), (first_sid + 1, second), (first_sid + 2, third)) AS system (sid, at)
WHERE at < length(blob)"""
    return f"""WITH state AS NOT MATERIALIZED (SELECT first_sid, {blob} AS blob FROM system_state)
SELECT {_shown(values, shown)}
FROM ({systems} OFFSET 0) AS systems CROSS JOIN LATERAL generate_series(0, count - 1) AS n"""


def _events() -> str:
    """A SELECT of ``event`` from the batches of turns and of what happened between them."""
    values = {"tid": "tid"}
    before = 0
    for name, width in event_format.EVENT_COLUMNS.items():
        values[name] = _number(f"{event_format.HEAD_BYTES} + {before} * count + {width} * n", width)
        before += width
    kinds = ", ".join(f"'{kind}'" for kind in event_format.EVENT_KINDS)
    values["kind"] = f"(ARRAY[{kinds}])[{values['kind']} + 1]"
    # The slot of nobody is past the end of any array.
    for name, slot in (("strategy", "slot"), ("by_strategy", "by_slot")):
        values[name] = f"names[{values[slot]} + 1]"
    batches = """SELECT tid, names, events FROM turn_record WHERE events IS NOT NULL
    UNION ALL SELECT tid, names, events FROM event_batch"""
    separated = f"string_to_array(names, '{event_format.NAME_SEPARATOR}')"
    count = f"{_number('4', 4, 'events')}::int"
    return f"""SELECT {_shown(values, schema.event)}
FROM (SELECT tid, {separated} AS names, events AS blob, {count} AS count FROM ({batches}) AS batches OFFSET 0) AS batch
CROSS JOIN LATERAL generate_series(0, count - 1) AS n"""


def _strategy_turn() -> str:
    typed = ", ".join(f"{column.name} {_type(column)}" for column in schema.STRATEGY_COLUMNS)
    return (
        f"SELECT tid, of.* FROM turn_record CROSS JOIN LATERAL jsonb_to_recordset(strategies) AS of ({typed})"
    )


def _story() -> str:
    """A SELECT of ``story`` from what turns have told."""
    typed = ", ".join(
        f"{column.name} {_type(column)}" for column in schema.story.columns if column.name != "tid"
    )
    rows = f"jsonb_to_recordset(story::jsonb) AS told({typed})"
    return f"SELECT tid, told.* FROM turn_record CROSS JOIN LATERAL {rows} WHERE story IS NOT NULL"


def _hero() -> str:
    """A SELECT of ``hero`` from the chronicle, as of its last row."""
    typed = ", ".join(f"{column.name} {_type(column)}" for column in schema.hero.columns)
    kept = (
        f"SELECT kept.* FROM chronicle CROSS JOIN LATERAL jsonb_to_recordset(heroes::jsonb) AS kept({typed})"
    )
    shown = views.hero_select().compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})
    return f"WITH hero AS ({kept}) {shown}"


def _shown(values: dict[str, str], shown: sa.Table) -> str:
    return ", ".join(f"({values[column.name]})::{_type(column)} AS {column.name}" for column in shown.columns)


def _type(column: sa.Column[Any]) -> str:
    return str(WIDER.get(type(column.type), column.type).compile(dialect=_DIALECT))


def _number(at: str, width: int, blob: str = "blob", *, is_unsigned: bool = False) -> str:
    """An expression of the little-endian number at a byte counted from 0; of 8 bytes it is a bigint unless it is unsigned."""
    digits = []
    for place in range(width):
        digit = f"get_byte({blob}, {at} + {place})" if place else f"get_byte({blob}, {at})"
        digits.append(f"{digit}::bigint << {8 * place}" if width > 2 and place else digit)
        if place and width == 2:
            digits[-1] = f"({digit} << 8)"
    if width == 2:
        return f"({digits[0]} | {digits[1]})"
    joined = f"({' | '.join(f'({digit})' for digit in digits)})" if width > 1 else digits[0]
    if width == WIDE and is_unsigned:
        # The highest byte apart, which would make a bigint negative.
        low = " | ".join(f"({digit})" for digit in digits[:-1])
        high = f"get_byte({blob}, {at} + {width - 1})::numeric"
        return f"({high} * {2**56} + ({low}))"
    return joined
