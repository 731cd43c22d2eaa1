"""The views of Wasmverse: what clients see and may rely on, in the file and, with nearly the same text, over a snapshot.

The tables that they show are in `schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from duckdb_engine.datatypes import UBigInteger, UTinyInteger

from wasmverse.storage.schema import (
    FUNCTION_INTERNAL,
    SNAPSHOT_TABLES,
    STRATEGY_COLUMNS,
    event,
    hero,
    message,
    metadata,
    node,
    published_function,
    ship,
    solar_system,
    story,
    strategy,
    strategy_log,
    strategy_turn,
    turns,
)
from wasmverse.storage.unpack_sql import events_sql, unpacked_sql
from wasmverse.strategies.sight_sql import is_near
from wasmverse.universe import rules
from wasmverse.universe.row_format import NODE_COLUMNS, SHIP_COLUMNS

_SNAPSHOT = {table.name: table for table in SNAPSHOT_TABLES}


named_ship = sa.Table(
    "ship", sa.MetaData(), *(sa.Column(c.name, c.type) for c in ship.c), sa.Column("strategy", sa.Text)
)
"""``ship`` as a reader has it: with its strategy's name as a dictionary column, which is made without copying
and costs a query nothing, where the join below costs a third of the time of a small one."""


def transmission_select() -> sa.CompoundSelect[tuple[object, ...]]:
    """``transmission``: what is said in the universe, by ships (their strategy and eid) and by clients (their name)."""
    printed = sa.select(
        strategy_log.c.tid,
        strategy_log.c.strategy,
        strategy_log.c.eid,
        sa.cast(sa.null(), sa.Text).label("author"),
        strategy_log.c.line.label("text"),
    ).where(strategy_log.c.eid.is_not(None))
    sent = sa.select(
        message.c.tid,
        sa.cast(sa.null(), sa.Text),
        sa.cast(sa.null(), sa.BigInteger),
        message.c.author,
        message.c.text,
    )
    return sa.union_all(printed, sent)


def entity_select(*, of_snapshot: bool = False) -> sa.CompoundSelect[tuple[object, ...]]:
    """``entity``: ships (kind 1) and nodes (kind 2) as one relation, the strategy by its name."""
    of = named_ship if of_snapshot else ship
    ships = sa.select(
        of.c.sid,
        of.c.eid,
        sa.cast(sa.literal_column("1"), UTinyInteger).label("kind"),
        of.c.strategy if of_snapshot else strategy.c.name.label("strategy"),
        of.c.x,
        of.c.y,
        of.c.energy,
        of.c.shield,
        of.c.blasters,
        of.c.thrusters,
        of.c.harvesters,
        of.c.last_plan,
    )
    if not of_snapshot:
        ships = ships.select_from(of.outerjoin(strategy, of.c.strategy_id == strategy.c.strategy_id))
    zero: sa.ColumnElement[int] = sa.literal_column("0")
    nodes = sa.select(
        node.c.sid,
        node.c.eid,
        sa.cast(sa.literal_column("2"), UTinyInteger),
        sa.cast(sa.null(), sa.Text),
        node.c.x,
        node.c.y,
        node.c.energy,
        *(sa.cast(zero, UTinyInteger) for _ in range(4)),
        sa.cast(zero, UBigInteger),
    )
    return ships.union_all(nodes)


def turns_select() -> sa.TextClause:
    """``turns``: each with its true end, if the next one has told it."""
    told = {name: f"coalesce(next.{name}_before, record.{name}) AS {name}" for name in ("end_time", "late")}
    columns = (told.get(column.name, f"record.{column.name}") for column in turns.columns)
    return sa.text(
        f"SELECT {', '.join(columns)} FROM turn_record AS record LEFT JOIN turn_record AS next ON next.tid = record.tid + 1"
    )


def strategy_turn_select() -> sa.TextClause:
    """``strategy_turn``: the elements of each turn as rows."""
    columns = (f"of.{column.name}" for column in STRATEGY_COLUMNS)
    return sa.text(
        f"SELECT tid, {', '.join(columns)} FROM (SELECT tid, unnest(strategies) AS of FROM turn_record)"
    )


def conflict_select() -> sa.Select[tuple[object, ...]]:
    """``entities_with_conflict``: the ships that share a cell with another ship."""
    crowded = sa.select(
        ship.c.eid,
        ship.c.sid,
        sa.func.count().over(partition_by=(ship.c.sid, ship.c.x, ship.c.y)).label("ships_in_cell"),
    ).subquery()
    return sa.select(crowded.c.eid, crowded.c.sid).where(crowded.c.ships_in_cell > 1)


def entity_strategy_select() -> sa.Select[tuple[object, ...]]:
    """``entity_strategy``: the strategies under the names of the original demo."""
    return sa.select(strategy.c.name.label("udf"), strategy.c.is_enabled)


def client_strategy_select() -> sa.Select[tuple[object, ...]]:
    """``strategy`` as clients see it: all but the internal ids, and ``number``, by which pages give it a look of its own.

    It is the lowest that was free when the strategy came, and stays the same through its versions.
    """
    internal = {strategy.c.strategy_id, strategy.c.owner, strategy.c.export}
    shown = (column for column in strategy.c if column not in internal)
    return sa.select(*shown, strategy.c.strategy_id.label("number"))


def hit_select() -> sa.Select[tuple[object, ...]]:
    """``hit``: who hit whom. In a battle every ship of a cell hits all others there, with all of its blasters."""
    hurt, hitting = event.alias("hurt"), event.alias("hitting")
    same = (hurt.c[name] == hitting.c[name] for name in ("tid", "sid", "x", "y"))
    return sa.select(
        hurt.c.tid,
        hurt.c.sid,
        hurt.c.x,
        hurt.c.y,
        hurt.c.eid,
        hurt.c.strategy,
        hitting.c.eid.label("by_eid"),
        hitting.c.strategy.label("by_strategy"),
        sa.cast(hitting.c.blasters, sa.Integer).label("damage"),
    ).where(
        *same,
        hurt.c.eid != hitting.c.eid,
        hurt.c.kind == sa.literal("battle"),
        hitting.c.kind == sa.literal("battle"),
    )


def story_text() -> sa.TextClause:
    """``story`` in the file, from what turns have told."""
    shown = [column for column in story.columns if column.name != "tid"]
    columns = ", ".join(f"told.{column.name}" for column in shown)
    elements = f"unnest(from_json(story, '[{json_structure(shown)}]')) AS told"
    return sa.text(
        f"SELECT tid, {columns} FROM (SELECT tid, {elements} FROM turn_record WHERE story IS NOT NULL)"
    )


def hero_text() -> sa.TextClause:
    """``hero`` in the file: as of the last row of ``chronicle``."""
    columns = ", ".join(f"kept.{column.name}" for column in hero.columns)
    elements = f"unnest(from_json(heroes, '[{json_structure(hero.columns)}]')) AS kept"
    text = hero_select().compile(compile_kwargs={"literal_binds": True})
    return sa.text(f"WITH hero AS (SELECT {columns} FROM (SELECT {elements} FROM chronicle)) {text}")


def json_structure(columns: Iterable[sa.Column[Any]]) -> str:
    """Columns as DuckDB's from_json names them."""
    return "{" + ", ".join(f'"{column.name}": "{_JSON_TYPES[type(column.type)]}"' for column in columns) + "}"


_JSON_TYPES: dict[type[Any], str] = {
    sa.BigInteger: "BIGINT",
    sa.Integer: "INTEGER",
    sa.Text: "VARCHAR",
    sa.Double: "DOUBLE",
}


def hero_select() -> sa.Select[tuple[object, ...]]:
    """``hero`` as clients see it: with what the ship is now, and its age."""
    of, now = hero.c, sa.select(sa.func.max(turns.c.tid)).scalar_subquery()
    shown = ("eid", "name", "sid", "strategy", "rank", "born_tid")
    return sa.select(
        *(of[name] for name in shown),
        (sa.func.coalesce(of.died_tid, now) - of.born_tid).label("age"),
        of.kills,
        sa.cast(ship.c.energy, sa.Integer).label("energy"),
        of.energy_max,
        of.blasters,
        of.died_tid.is_(None).label("is_alive"),
        of.died_tid,
        of.killer_eid,
        of.killer_name,
        of.killer_strategy,
        of.obituary,
        sa.cast(ship.c.x, sa.Integer).label("x"),
        sa.cast(ship.c.y, sa.Integer).label("y"),
    ).select_from(hero.outerjoin(ship, (ship.c.eid == of.eid) & (ship.c.sid == of.sid)))


WINDOWS = (60, 600)
"""Turns that ``leaderboard`` looks back on; of 600, the default, all that ``strategy_turn`` keeps."""


def leaderboard_select() -> sa.Select[tuple[object, ...]]:
    """``leaderboard``: what each strategy did in the last turns, by ship and by energy, so that a newcomer can be compared.

    A row for each window and strategy that is not removed. Sums over the window are divided by what the strategy had in it: calls
    (a ship in a turn is one), ships (those at its beginning and those it was given), and the energy that these were made with.
    """
    of = strategy_turn.c
    windows = sa.union_all(
        *(
            sa.select(sa.cast(sa.literal_column(str(turns_)), sa.BigInteger).label("turns"))
            for turns_ in WINDOWS
        )
    ).subquery("looked_back")
    newest = sa.select(sa.func.max(of.tid)).scalar_subquery()
    first = sa.select(of.strategy, sa.func.min(of.tid).label("tid")).group_by(of.strategy).subquery("begun")

    def total(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        return sa.cast(sa.func.sum(column), sa.BigInteger)

    def now(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.max(column).filter(of.tid == newest), 0)

    def over(what: sa.ColumnElement[int], by: sa.ColumnElement[int]) -> sa.ColumnElement[Any]:
        return sa.cast(what, sa.Double) / sa.func.nullif(by, 0)

    calls = total(of.ships - of.spawned + of.deaths)
    flown = now(of.ships) + total(of.deaths)
    return (
        sa.select(
            windows.c.turns.label("window_turns"),
            of.strategy,
            strategy.c.version,
            (newest - first.c.tid + 1).label("age"),
            sa.func.count().label("turns"),
            now(of.ships).label("ships"),
            now(of.energy).label("energy"),
            over(total(of.ships), sa.func.count()).label("population"),
            over(now(of.energy), now(of.ships)).label("energy_per_ship"),
            total(of.kills).label("kills"),
            total(of.deaths).label("deaths"),
            over(total(of.kills), total(of.deaths)).label("kills_per_death"),
            over(now(of.ships), flown).label("survival"),
            over(total(of.harvested), calls).label("harvest_per_ship"),
            over(total(of.harvested), flown * rules.NEW_ENERGY).label("harvest_per_energy_given"),
            over(total(of.fuel), calls).label("fuel_per_ship"),
            over(total(of.faults), calls).label("faults_per_ship"),
        )
        .select_from(
            strategy_turn.join(windows, of.tid > newest - windows.c.turns)
            .join(strategy, strategy.c.name == of.strategy)
            .join(first, first.c.strategy == of.strategy)
        )
        .where(strategy.c.status != sa.literal("removed"))
        .group_by(windows.c.turns, of.strategy, strategy.c.version, first.c.tid)
    )


def visible_text() -> sa.TextClause:
    """``visible``: what each ship sees, a row for each pair. Over ``entity``, which a reader may have as a table of its own."""
    places = ("seen.x", "seen.y", "looking.x", "looking.y")
    near = is_near(*(f"CAST({place} AS INTEGER)" for place in places))
    return sa.text(
        "SELECT looking.sid, looking.eid, seen.eid AS seen_eid, seen.kind, seen.blasters AS danger, seen.x, seen.y "
        f"FROM entity AS looking JOIN entity AS seen ON seen.sid = looking.sid AND seen.eid <> looking.eid AND {near} "
        "WHERE looking.kind = 1"
    )


def client_system_select() -> sa.Select[tuple[object, ...]]:
    """``solar_system`` as clients see it: with signed coordinates, whose difference may be negative."""
    of = solar_system.c
    signed = (sa.cast(column, sa.SmallInteger).label(column.name) for column in (of.x, of.y))
    return sa.select(of.sid, *signed)


def client_function_select() -> sa.Select[tuple[object, ...]]:
    """``wasm_function`` as clients see it: all but what is internal, and what a row costs; NULL until one was called."""
    table = published_function
    internal = {column.name for column in FUNCTION_INTERNAL}
    counted = ("calls", "rows", "faults", "fuel", "seconds", "statement")
    shown = (c for c in table.c if c.name not in {*internal, *counted})
    rows = sa.func.nullif(table.c.rows, 0)
    nanoseconds: sa.ColumnElement[float] = sa.literal_column("1e9")
    return sa.select(
        *shown,
        table.c.calls,
        table.c.rows,
        table.c.faults,
        (table.c.fuel / rows).label("fuel_per_row"),
        (nanoseconds * table.c.seconds / rows).label("nanoseconds_per_row"),
        table.c.statement,
    )


VIEWS: dict[str, Callable[[], sa.Select[Any] | sa.CompoundSelect[Any] | sa.TextClause]] = {
    "ship": lambda: sa.text(unpacked_sql("ships", SHIP_COLUMNS, ship)),
    "node": lambda: sa.text(unpacked_sql("nodes", NODE_COLUMNS, node)),
    "turns": turns_select,
    "strategy_turn": strategy_turn_select,
    "event": lambda: sa.text(events_sql(event)),
    "transmission": transmission_select,
    "entity": entity_select,
    "hit": hit_select,
    "story": story_text,
    "hero": hero_text,
    "visible": visible_text,
    "entities_with_conflict": conflict_select,
    "entity_strategy": entity_strategy_select,
}

CLIENT_NAMES = (
    "solar_system",
    "entity",
    "turns",
    "entity_strategy",
    "strategy",
    "strategy_version",
    "strategy_turn",
    "leaderboard",
    "turn_phase",
    "event",
    "hit",
    "visible",
    "story",
    "hero",
    "strategy_log",
    "strategy_fault",
    "transmission",
    "entities_with_conflict",
    "wasm_function",
    "turn_kept",
)
"""The relations that clients may name. ``strategy`` is shown without its ``strategy_id``, ``owner`` and ``export``,
``wasm_function`` without ``FUNCTION_INTERNAL``."""

UNSTORED = ("turn_phase", "turn_kept", "leaderboard")
"""Those of them that only a snapshot has, or that are a view only over one."""


READER_NAMES = ("entity_turn",)
"""The relations over several snapshots, which only a reader has; the file knows the present turn alone."""


def entity_turn_select() -> sa.Select[tuple[object, ...]]:
    """``entity_turn``: ``entity`` with the turn. A reader makes it a union over all turns in memory."""
    entities = entity_select(of_snapshot=True).subquery()
    return sa.select(sa.cast(sa.literal_column("0"), sa.BigInteger).label("tid"), *entities.c)


def ddl(dialect: sa.Dialect) -> list[str]:
    """``CREATE TABLE`` and ``CREATE VIEW`` statements, in an order in which they can be run."""
    tables = [str(sa.schema.CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables]
    return tables + [f"CREATE VIEW {name} AS {view_sql(name, dialect)}" for name in VIEWS]


def view_sql(name: str, dialect: sa.Dialect) -> str:
    """The text of one view's SELECT, literals rendered."""
    return str(VIEWS[name]().compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def snapshot_view_sql(name: str, dialect: sa.Dialect, prefix: str) -> str:
    """The SELECT behind a name that clients or readers have, over a snapshot whose tables' names begin with ``prefix``."""
    select: sa.Select[tuple[object, ...]] | sa.CompoundSelect[tuple[object, ...]] | sa.TextClause
    if name == "entity":
        select = entity_select(of_snapshot=True)
    elif name == "entity_turn":
        select = entity_turn_select()
    elif name == "strategy":
        select = client_strategy_select()
    elif name == "wasm_function":
        select = client_function_select()
    elif name == "hero":
        select = hero_select()
    elif name == "solar_system":
        select = client_system_select()
    elif name == "leaderboard":
        select = leaderboard_select()
    elif name in _SNAPSHOT:
        select = sa.select(_SNAPSHOT[name])
    else:
        select = VIEWS[name]()
    marker = "prefix_of_snapshot"
    text = select.compile(
        dialect=dialect,
        schema_translate_map={None: marker},
        render_schema_translate=True,
        compile_kwargs={"literal_binds": True},
    )
    return str(text).replace(f"{marker}.", prefix)
